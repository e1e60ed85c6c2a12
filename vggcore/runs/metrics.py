"""The rows of a run's `metrics.jsonl`: each time, only what is new is read. No PyTorch."""

import math
import os
from array import array
from bisect import bisect_left
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd

from vggcore.machine.files import parse_json
from vggcore.machine.messages import restored

SAMPLES = "samples"  # in an epoch's row: [label, probabilities] of a few validation pictures
SAMPLES_FILE = "samples.png"  # in the run folder: those pictures side by side
STEP_COLUMNS = (
    "step",
    "epoch",
    "seconds",
    "train_loss",
    "train_accuracy",
    "learning_rate",
    "images_per_second",
    "memory_bytes",
)
EPOCH_COLUMNS = (
    "epoch",
    "step",
    "seconds",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
)
# For the whole GPU, with all its processes; only present if a driver reports them.
GPU_COLUMNS = ("gpu_busy", "gpu_memory_bytes")


class MetricsLog:
    """The rows of one `metrics.jsonl`, kept up to date by `refresh`.

    Continues where it stopped. An unfinished last line waits for the next time; a line that is no
    row is left out, and counted. Where a resumed run writes steps again, the newest row counts.
    Safe to share between the sessions of an app.
    """

    evaluated_on = "validation"  # the images that epochs are measured on

    def __init__(self, path: Path):
        self.path = path
        self._lock = Lock()
        self._clear()

    def _clear(self) -> None:
        self._offset = 0
        self._identity: tuple[int, int] | None = None
        self._steps = {name: array("d") for name in (*STEP_COLUMNS, *GPU_COLUMNS)}
        self._epochs: list[dict] = []
        self._events: list[dict] = []
        self._diagnostics: list[dict] = []
        self.left_out = 0  # lines that cannot be read

    def refresh(self) -> bool:
        """Read what was added since the last time; returns whether there was anything."""
        with self._lock:
            lines = self._new_lines()
            for row in _parse(lines):
                self._add(row)
            return bool(lines)

    def _new_lines(self) -> list[bytes]:
        try:
            with open(self.path, "rb") as stream:
                stat = os.fstat(stream.fileno())
                identity = (stat.st_dev, stat.st_ino)
                if identity != self._identity or stat.st_size < self._offset:
                    self._clear()
                    self._identity = identity
                stream.seek(self._offset)
                content = stream.read()
        except OSError:  # not there yet, or deleted in the meantime
            self._clear()
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines()

    def _add(self, row: object) -> None:
        step = as_number(row.get("step")) if isinstance(row, dict) else math.nan
        if not isinstance(row, dict) or not math.isfinite(step):
            self.left_out += 1
        elif row.get("kind") == "step":
            steps = self._steps["step"]
            if steps and step <= steps[-1]:
                keep = bisect_left(steps, step)
                for column in self._steps.values():
                    del column[keep:]
            for name, column in self._steps.items():
                column.append(as_number(row.get(name)))
        elif row.get("kind") == "epoch" and math.isfinite(as_number(row.get("epoch"))):
            self._epochs = [e for e in self._epochs if e["step"] < step] + [_epoch(row)]
        elif row.get("kind") == "evidence" and _is_diagnostics(row):
            self._diagnostics = [e for e in self._diagnostics if e["step"] < step] + [row]
        elif row.get("kind") == "event":
            row = restored(row | {"message": str(row.get("message", ""))}, "message")
            self._events = [e for e in self._events if e != row] + [row]
        else:
            self.left_out += 1

    def steps(self) -> pd.DataFrame:
        """Rows of kind "step", in order; floats, NaN where a value is missing."""
        with self._lock:
            columns = {name: np.array(column) for name, column in self._steps.items()}
        names = [
            name for name in columns if name in STEP_COLUMNS or np.isfinite(columns[name]).any()
        ]
        return pd.DataFrame({name: columns[name] for name in names})

    def epochs(self) -> list[dict]:
        """Rows of kind "epoch", in order; NaN for numbers that are missing."""
        with self._lock:
            return list(self._epochs)

    def diagnostics(self) -> list[dict]:
        """Rows of kind "evidence", in order: see `training.diagnostics`."""
        with self._lock:
            return list(self._diagnostics)

    def events(self) -> list[dict]:
        """Rows of kind "event", in order."""
        with self._lock:
            return list(self._events)


def _epoch(row: dict) -> dict:
    """An epoch's row with all of its numbers, and without a confusion or samples that are none."""
    numbers = {name: as_number(row.get(name)) for name in EPOCH_COLUMNS}
    checked = {"kind": "epoch"} | numbers | {"epoch": row["epoch"], "step": row["step"]}
    if math.isfinite(top5 := as_number(row.get("val_top5"))):  # only with many classes
        checked["val_top5"] = top5
    confusion, samples = row.get("confusion"), row.get(SAMPLES)
    if isinstance(confusion, list) and all(
        _are_numbers(each, len(confusion)) for each in confusion
    ):
        checked["confusion"] = confusion
    classes = len(checked.get("confusion", ()))
    if isinstance(samples, list) and all(_is_sample(each, classes) for each in samples):
        checked[SAMPLES] = samples
    return checked


def _is_sample(value: object, classes: int) -> bool:
    """Whether it is a label and the chance of each class. classes: 0 if they are too many."""
    if not isinstance(value, list) or len(value) != 2 or type(value[0]) is not int:
        return False
    label, chances = value
    return _are_numbers(chances, classes or None) and 0 <= label < len(chances)


def _is_diagnostics(row: dict) -> bool:
    lists = _are_numbers(row.get("gradients"), 6) and _are_numbers(row.get("dead"), 5)
    return lists and _are_numbers([row.get("spread")])


def _are_numbers(values: object, count: int | None = None) -> bool:
    """Whether it is a list of this many finite numbers."""
    if not isinstance(values, list) or len(values) != (len(values) if count is None else count):
        return False
    return all(math.isfinite(as_number(value)) for value in values)


def _parse(lines: list[bytes]) -> list:
    try:  # one call for all is twice as fast, and nearly always possible
        rows = parse_json(b"[" + b",".join(lines) + b"]")
    except ValueError:
        rows = [_parse_one(line) for line in lines]
    return rows


def _parse_one(line: bytes) -> object:
    try:
        return parse_json(line)
    except ValueError:
        return None


def as_number(value: object) -> float:
    """A value of a row as a float; NaN if it is no number."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # an integer of more than 300 digits
        return math.nan
