"""Recorded runs: real training as one small JSON file each, to view and replay without a GPU.

They are in `recordings/` beside this module. `record` makes one from a run folder. No PyTorch.
"""

import json
import platform
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from vggcore.machine.files import parse_json, write_atomically
from vggcore.machine.messages import Message
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.runs.curves import thin_out
from vggcore.runs.metrics import STEP_COLUMNS, MetricsLog
from vggcore.runs.names import METRICS, RunError
from vggcore.runs.run import read_run

FOLDER = Path(__file__).with_name("recordings")
_STEP_ROWS = 400  # enough for a curve as wide as a screen; about 30 kB


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A run that was trained elsewhere or earlier; reads like a `MetricsLog`."""

    name: str
    title: str
    machine: str
    device: str
    date: str
    note: str = ""
    evaluated_on: str = "validation"  # the images its epochs were measured on
    preset: str = ""
    spec: VGGSpec = VGGSpec()
    train: TrainConfig = TrainConfig()
    step_rows: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=STEP_COLUMNS))
    epoch_rows: list[dict] = field(default_factory=list)
    event_rows: list[dict] = field(default_factory=list)
    summary: dict = field(default_factory=dict)

    def steps(self) -> pd.DataFrame:
        return self.step_rows

    def epochs(self) -> list[dict]:
        return self.epoch_rows

    def events(self) -> list[dict]:
        return self.event_rows

    @property
    def label(self) -> str:
        """Where and when it was trained: shown with it, so that it is not taken for a live run."""
        return Message(
            "Recorded on {machine}, {date}", machine=Message(self.machine), date=Message(self.date)
        )

    @property
    def seconds(self) -> float:
        """Length of the run."""
        ends = [row["seconds"] for row in self.epoch_rows] + list(self.step_rows["seconds"][-1:])
        return float(max(ends, default=0.0))

    def until(self, seconds: float) -> "Recording":
        """The recording as it stood after `seconds` of its training."""
        values = self.__dict__ | {
            "step_rows": self.step_rows[self.step_rows["seconds"] <= seconds],
            "epoch_rows": [row for row in self.epoch_rows if row["seconds"] <= seconds],
            "event_rows": [row for row in self.event_rows if row.get("seconds", 0) <= seconds],
        }
        return Recording(**values)


def names() -> list[str]:
    """The recordings that ship with the project."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def load(name: str) -> Recording:
    """Load a recording. Raises RunError if there is none of that name, or it is damaged."""
    if name not in names():
        raise RunError(Message("there is no recorded run named {name!r}", name=name))
    try:
        values = parse_json((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        config = values.get("config") or {}
        return Recording(
            name=name,
            title=values["title"],
            machine=values["machine"],
            device=values["device"],
            date=values["date"],
            note=values.get("note", ""),
            evaluated_on=values.get("evaluated_on", "validation"),
            preset=config.get("preset") or "",
            spec=VGGSpec.from_dict(config.get("spec") or {}),
            train=TrainConfig.from_dict(config.get("train") or {}),
            step_rows=pd.DataFrame(values["steps"], columns=STEP_COLUMNS, dtype=float),
            epoch_rows=values["epochs"],
            event_rows=values.get("events", []),
            summary=values.get("summary") or {},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            Message("the recorded run {name!r} is damaged: {error}", name=name, error=error)
        ) from None


def record(name: str, out: Path | str | None = None) -> Path:
    """Write the run as a recording with thinned-out steps; returns the file. Raises RunError."""
    run = read_run(name)
    if not run.config:
        raise RunError(run.damage)
    log = MetricsLog(run.path / METRICS)
    log.refresh()
    steps = log.steps()
    rows, _ = thin_out(np.arange(len(steps)), steps["train_loss"].to_numpy(), _STEP_ROWS)
    values = {
        "name": name,
        "title": name,
        "machine": (run.card and run.card.machine) or platform.processor() or platform.machine(),
        "device": run.status.device or "cpu",
        "date": str(run.config.get("created", ""))[:10],
        "config": {key: run.config.get(key) for key in ("preset", "spec", "train")},
        "steps": {
            column: [float(f"{value:.5g}") for value in steps[column].iloc[rows]]
            for column in STEP_COLUMNS
        },
        "epochs": log.epochs(),
        "events": log.events(),
        "summary": {key: run.status.summary[key] for key in run.status.summary if key != "run_dir"},
    }
    file = Path(out) if out else FOLDER / f"{name}.json"
    content = json.dumps(values, separators=(",", ":")) + "\n"  # indented: ten times the size
    write_atomically(file, content.encode())
    return file
