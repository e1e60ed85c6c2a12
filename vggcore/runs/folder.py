"""A run's folder: its config, metrics, status and stop request. No PyTorch.

| file | what |
|---|---|
| `config.json` | network and recipe; written once |
| `metrics.jsonl` | one JSON object a line, append-only; a torn last line is tolerated |
| `status.json` | the trainer's latest status; replaced atomically |
| `notes.json` | a note and tags that people wrote; optional |
| `stop` | its existence asks the trainer to save and end |
| `best.safetensors`, `best.json` | the best epoch's weights, with their card |
| `best.results.npz` | what the Results page shows of it; made once the run has finished |
| `last.safetensors`, `last-previous.safetensors` | resumable states |
| `log.txt` | output of a background trainer |
"""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import vggcore
from vggcore.machine import messages
from vggcore.machine.files import FileError, to_json, write_atomically
from vggcore.machine.messages import Message
from vggcore.model import checkpoints, recipe_checks
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.runs.config import Config, read_config
from vggcore.runs.names import CONFIG, METRICS, STOP
from vggcore.runs.status import Status, read_status, write_status


def create(
    path: Path, spec: VGGSpec, train: TrainConfig, *, preset: str | None = None, group: str = ""
):
    """Make the folder of a new run; an existing empty one is fine. group: the runs it belongs with.

    Raises FileError if something is already there or the folder cannot be made, and ValueError
    if this recipe cannot train the network, before anything is written.
    """
    recipe_checks.check(spec, train)
    if train.init_from:
        checkpoints.find(train.init_from)
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        if not path.is_dir() or any(path.iterdir()):
            raise FileError(
                Message("{path} exists: choose another --run-dir, or --resume it", path=path)
            ) from None
    except OSError as error:
        raise FileError(
            Message(
                "cannot make the run folder {path}: {strerror}", path=path, strerror=error.strerror
            )
        ) from None
    values = {
        "name": path.name,
        "preset": preset,
        "spec": spec.to_dict(),
        "train": train.to_dict(),
        "created": now(),
        "code_version": vggcore.__version__,
    }
    if group:
        values["group"] = group
    write_atomically(path / CONFIG, to_json(values))
    return RunFolder(path)


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class RunFolder:
    """Access to one run's files. Raises FileError, in one line, if something cannot be used."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self._status: Status | None = None

    @cached_property
    def _config(self) -> Config:
        return read_config(self.path)

    @property
    def config(self) -> dict:
        return self._config.values

    @property
    def spec(self) -> VGGSpec:
        return self._config.spec

    @property
    def train(self) -> TrainConfig:
        return self._config.train

    def append_metrics(self, row: dict) -> None:
        """Add one complete line to the metrics."""
        line = json.dumps({key: _rounded(value) for key, value in row.items()}) + "\n"
        try:
            with open(self.path / METRICS, "a", encoding="utf-8") as stream:
                stream.write(line)
        except OSError as error:
            raise FileError(
                Message(
                    "cannot write to {path}: {strerror}", path=self.path, strerror=error.strerror
                ),
                error.errno,
            ) from None

    def append_event(self, step: int, seconds: float, message: str, level: str = "info") -> None:
        """Add a remark about a step, shown with the curves."""
        row = {"kind": "event", "step": step, "seconds": seconds, "message": message}
        self.append_metrics(row | {"level": level} | messages.parts(message=message))

    def metrics_bytes(self) -> int:
        """Length of the metrics file."""
        file = self.path / METRICS
        return file.stat().st_size if file.exists() else 0

    def truncate_metrics(self, length: int) -> None:
        """Drop the rows after a checkpoint: they are written again when the run resumes from it."""
        if self.metrics_bytes() > length:
            os.truncate(self.path / METRICS, length)

    def write_status(self, state: str, **values) -> Status:
        """Replace the status; values not given stay as they were. Raises FileError."""
        before = self._status or read_status(self.path)  # keep what the queue wrote
        status = replace(before, state=state, pid=os.getpid(), **values)
        self._status = write_status(self.path, status)
        return self._status

    def request_stop(self) -> None:
        """Ask the trainer to save and end."""
        (self.path / STOP).touch()

    def stop_requested(self) -> bool:
        return (self.path / STOP).exists()

    def clear_stop(self) -> None:
        (self.path / STOP).unlink(missing_ok=True)


def _rounded(value):
    """Six significant digits: enough for a curve, half the file."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
