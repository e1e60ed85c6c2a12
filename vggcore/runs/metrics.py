"""A run's metrics: read only what is new, thin out for charts, smooth, warn. No PyTorch."""

import math
import os
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd

from vggcore.machine.files import parse_json
from vggcore.machine.messages import Message, restored
from vggcore.runs.chance_level import GARMENTS, Naming

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

_ALIKE = 1e-3  # standard deviation of a normalised pixel over a batch
_MOSTLY = 0.9  # share of a block's channels
_BY_HEART = 0.9  # accuracy on the training pictures
_FADED = 1e-3  # share of the largest gradient
_ENOUGH_STEPS = 150  # by then, a network that can learn has started to
_MOVES = 0.004  # nats by which a moving loss has fallen in that time


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
        self._evidence: list[dict] = []
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
        step = _number(row.get("step")) if isinstance(row, dict) else math.nan
        if not isinstance(row, dict) or not math.isfinite(step):
            self.left_out += 1
        elif row.get("kind") == "step":
            steps = self._steps["step"]
            if steps and step <= steps[-1]:
                keep = bisect_left(steps, step)
                for column in self._steps.values():
                    del column[keep:]
            for name, column in self._steps.items():
                column.append(_number(row.get(name)))
        elif row.get("kind") == "epoch" and math.isfinite(_number(row.get("epoch"))):
            self._epochs = [e for e in self._epochs if e["step"] < step] + [_epoch(row)]
        elif row.get("kind") == "evidence" and _is_evidence(row):
            self._evidence = [e for e in self._evidence if e["step"] < step] + [row]
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

    def evidence(self) -> list[dict]:
        """Rows of kind "evidence", in order: see `training.evidence`."""
        with self._lock:
            return list(self._evidence)

    def events(self) -> list[dict]:
        """Rows of kind "event", in order."""
        with self._lock:
            return list(self._events)


def _epoch(row: dict) -> dict:
    """An epoch's row with all of its numbers, and without a confusion or samples that are none."""
    numbers = {name: _number(row.get(name)) for name in EPOCH_COLUMNS}
    checked = {"kind": "epoch"} | numbers | {"epoch": row["epoch"], "step": row["step"]}
    if math.isfinite(top5 := _number(row.get("val_top5"))):  # only with many classes
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


def _is_evidence(row: dict) -> bool:
    lists = _are_numbers(row.get("gradients"), 6) and _are_numbers(row.get("dead"), 5)
    return lists and _are_numbers([row.get("spread")])


def _are_numbers(values: object, count: int | None = None) -> bool:
    """Whether it is a list of this many finite numbers."""
    if not isinstance(values, list) or len(values) != (len(values) if count is None else count):
        return False
    return all(math.isfinite(_number(value)) for value in values)


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


def _number(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # an integer of more than 300 digits
        return math.nan


def thin_out(x: np.ndarray, y: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `points` of the points, keeping the lowest and highest of every stretch.

    A single spike in 100,000 steps therefore stays visible. NaN counts as a gap.
    """
    if len(x) <= points:
        return x, y
    stretches = max(1, points // 2)
    edges = np.linspace(0, len(y), stretches + 1).astype(int)
    lowest = np.where(np.isnan(y), np.inf, y)
    highest = np.where(np.isnan(y), -np.inf, y)
    chosen = set()
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        chosen.add(start + int(np.argmin(lowest[start:end])))
        chosen.add(start + int(np.argmax(highest[start:end])))
    order = np.array(sorted(chosen))
    return x[order], y[order]


def smooth(values: np.ndarray, weight: float) -> np.ndarray:
    """Exponential moving average, unbiased at its start; weight 0 changes nothing, 0.99 a lot.

    float [N] to float [N]; NaN stays NaN.
    """
    if not 0 < weight < 1:
        return values
    smoothed = pd.Series(values).ewm(alpha=1 - weight).mean().to_numpy()
    return np.where(np.isnan(values), np.nan, smoothed)  # a gap stays a gap


def band(curves: list[list[dict]], column: str) -> pd.DataFrame:
    """One curve over several runs' epochs: columns epoch, step, seconds, mean, low, high, runs.

    curves: epoch rows of each run; column: for example "val_accuracy". low and high are one
    standard deviation of the sample below and above the mean; an epoch that only one run has
    reached has no width.
    """
    rows = [
        {key: row.get(key) for key in ("epoch", "step", "seconds", column)}
        for epochs in curves
        for row in epochs
    ]
    table = pd.DataFrame(rows, columns=["epoch", "step", "seconds", column]).dropna()
    by_epoch = table.groupby("epoch", sort=True)
    result = by_epoch[["step", "seconds"]].mean()
    result["mean"] = by_epoch[column].mean()
    width = by_epoch[column].std(ddof=1).fillna(0.0)
    result["low"], result["high"] = result["mean"] - width, result["mean"] + width
    result["runs"] = by_epoch[column].count()
    return result.reset_index()


def recent_speed(steps: pd.DataFrame, rows: int = 20) -> float | None:
    """Steps a second over the newest rows; None before there are two of them.

    The slow first step of a run, in which libraries initialise, soon drops out.
    """
    recent = steps.iloc[-rows:]
    if len(recent) < 2:
        return None
    seconds = recent["seconds"].iloc[-1] - recent["seconds"].iloc[0]
    done = recent["step"].iloc[-1] - recent["step"].iloc[0]
    return float(done / seconds) if seconds > 0 and done > 0 else None


def stuck_at_chance(steps: pd.DataFrame, naming: Naming = GARMENTS) -> int | None:
    """The newest step of a run whose answers are at chance and stay there; otherwise None.

    A network that learns slowly still moves: its loss falls, if only in the third decimal.
    """
    if len(steps) < 6 or steps["step"].iloc[-1] < _ENOUGH_STEPS:
        return None
    recent = steps[steps["step"] > steps["step"].iloc[-1] - _ENOUGH_STEPS]
    losses, third = recent["train_loss"].to_numpy(), max(1, len(recent) // 3)
    falls = losses[:third].mean() - losses[-third:].mean() > _MOVES
    guesses = abs(losses.mean() - naming.loss) < 4 * _MOVES
    right = recent["train_accuracy"].mean() < naming.accuracy + 0.03
    return int(steps["step"].iloc[-1]) if guesses and right and not falls else None


def why_stuck(evidence: list[dict]) -> str:
    """What the newest evidence says about a run stuck at chance; "" if there is none."""
    if not evidence:
        return ""
    gradients, dead = evidence[-1]["gradients"], evidence[-1]["dead"]
    worst = int(np.argmax(dead))
    if evidence[-1]["spread"] < _ALIKE:
        return Message("All pictures of a batch are nearly the same: they cannot be distinguished.")
    if dead[worst] > _MOSTLY:
        return Message(
            "In block {block}, {share:.0%} of the channels are dead: their ReLU lets nothing "
            "through for any picture.",
            block=worst + 1,
            share=dead[worst],
        )
    if gradients[0] < _FADED * max(gradients, default=0):
        return Message(
            "Vanishing gradient: in block 1 it is {ratio:.0e} of the largest.",
            ratio=gradients[0] / max(gradients),
        )
    return Message(
        "Gradients reach block 1 and units are alive: the learning rate may be far too "
        "large, or the labels may not match the pictures."
    )


@dataclass(frozen=True)
class Alert:
    """Something about a run's curves that deserves a look."""

    kind: str  # "nan", "chance", "memorised", "plateau", "overfitting"
    message: str


def _memorised(epoch: dict, naming: Naming) -> Alert | None:
    """Alert if a network has memorised its training images and guesses on all others."""
    known, others = _number(epoch.get("train_accuracy")), _number(epoch.get("val_accuracy"))
    chance = naming.accuracy
    pictures = sum(map(sum, epoch.get("confusion") or []))  # with few, guessing may get more right
    luck = math.sqrt(chance * (1 - chance) / pictures) if pictures else 0.0
    guessed = chance + max(0.1 * (1 - chance), luck)
    if not (known >= _BY_HEART and others <= guessed):  # false for NaN
        return None
    return Alert(
        "memorised",
        Message(
            "It is memorising the training images ({known:.0%} of them are right), and "
            "only guesses on those it has not seen ({others:.0%}). Do the labels match the "
            "pictures?",
            known=known,
            others=others,
        ),
    )


def alerts(epochs: list[dict], steps: pd.DataFrame, naming: Naming = GARMENTS) -> list[Alert]:
    """What is worth saying about the curves so far, for a run that learns these classes."""
    messages = []
    if len(steps) and not np.isfinite(steps["train_loss"]).all():
        first = int(steps["step"][~np.isfinite(steps["train_loss"])].iloc[0])
        messages.append(
            Alert(
                "nan",
                Message(
                    "The loss stopped being a finite number at step {first:,}: try a lower "
                    "learning rate.",
                    first=first,
                ),
            )
        )
    if (step := stuck_at_chance(steps, naming)) is not None:
        messages.append(
            Alert(
                "chance",
                Message(
                    "Still at chance: after {step:,} steps the loss is {loss:.3f}, no "
                    "better than guessing, and does not move. Some deep networks begin to "
                    "learn late; if it stays like this, try batch norm, a smaller learning "
                    "rate, or starting from a shallower network (init_from).",
                    step=step,
                    loss=naming.loss,
                ),
            )
        )
        return messages
    if epochs and (memorised := _memorised(epochs[-1], naming)):
        return [*messages, memorised]
    losses = np.array([_number(row.get("val_loss")) for row in epochs])
    if not np.isfinite(losses).any():
        return messages
    best = int(np.nanargmin(losses))
    since = len(losses) - 1 - best
    train = np.array([_number(row.get("train_loss")) for row in epochs])
    if since >= 3 and train[-1] < train[best] and losses[-1] > 1.02 * losses[best]:
        messages.append(
            Alert(
                "overfitting",
                Message(
                    "Overfitting since epoch {best}: validation loss rises while training loss "
                    "falls. More augmentation or fewer epochs would help; the best epoch is kept.",
                    best=best + 1,
                ),
            )
        )
    elif since >= max(5, len(losses) // 4):
        messages.append(
            Alert(
                "plateau",
                Message(
                    "Plateau: validation loss has not improved since epoch {best}.", best=best + 1
                ),
            )
        )
    return messages
