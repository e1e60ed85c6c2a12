"""A run's `status.json`: the latest report of its process, always replaced as a whole."""

import errno
import os
import shutil
import time
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from vggcore.machine import messages
from vggcore.machine.files import FileError, read_json, write_json
from vggcore.machine.messages import Message
from vggcore.runs.names import RESERVE, STATUS, State

SCORES = ("best_val_accuracy", "test_accuracy")  # in a summary
_RESERVE_BYTES = 16_384
_MOST = 1e15  # of anything that is counted
_NO_ROOM = {
    errno.ENOSPC: Message("the disk is full"),
    errno.EDQUOT: Message("the disk quota is used up"),
    errno.EROFS: Message("the disk has become read-only"),
}
_TEXTS = ("message", "trouble")  # for people, in their language


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a run's process last reported; None, 0 or empty for what it has not."""

    state: str = ""  # a `names.State`; "" if the file is missing or damaged
    message: str = ""  # one line for people
    trouble: str = ""  # for a run on a cluster: what keeps us from knowing more
    step: int = 0
    total_steps: int = 0
    epoch: int = 0  # epochs done
    epochs: int = 0
    seconds: float | None = None  # of training, over all sessions
    images_per_second: float = 0.0
    device: str = ""
    summary: dict = field(default_factory=dict)  # of an ended run; {} before
    ticket: int | None = None  # its place in the queue
    choices: tuple[str, ...] = ()  # devices that it would accept
    pid: int | None = None
    updated: float = 0.0  # seconds since 1970

    @classmethod
    def from_dict(cls, values: dict | None) -> "Status":
        """The usable ones of these values: a status is only for looking at, so nothing raises."""
        usable: dict = {}
        values = messages.restored(values or {}, *_TEXTS)
        for f in fields(cls):
            value = values.get(f.name)
            if f.name == "choices" and isinstance(value, list):
                value = tuple(map(str, value))
            if f.name == "summary" and isinstance(value, dict):
                value = {
                    k: v for k, v in value.items() if k not in SCORES or v is None or _is_amount(v)
                }
            kind = _KINDS[f.name]
            if isinstance(value, kind) and (kind not in (int, _NUMBER) or _is_amount(value)):
                usable[f.name] = value
        return cls(**usable)

    def to_dict(self) -> dict:
        """JSON-ready."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values |= messages.parts(**{name: values[name] for name in _TEXTS})
        return values | {"choices": list(self.choices), "summary": self.summary or None}

    @property
    def share(self) -> float:
        """How much of the training is done, 0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0


def _is_amount(value) -> bool:
    """Whether it is a number that something can be counted or measured to be."""
    return isinstance(value, (int, float)) and type(value) is not bool and 0 <= value < _MOST


_NUMBER = (int, float)
_KINDS: dict[str, type | tuple[type, ...]] = {
    "state": str,
    "message": str,
    "trouble": str,
    "step": int,
    "total_steps": int,
    "epoch": int,
    "epochs": int,
    "seconds": _NUMBER,
    "images_per_second": _NUMBER,
    "device": str,
    "summary": dict,
    "ticket": int,
    "choices": tuple,
    "pid": int,
    "updated": _NUMBER,
}


def read_status(run_dir: Path) -> Status:
    """The run's status; an empty one if the file is missing or damaged."""
    return Status.from_dict(read_json(run_dir / STATUS))


def write_status(run_dir: Path, status: Status) -> Status:
    """Replace the run's status and set its time; works even on a full disk. Raises FileError."""
    status = replace(status, updated=time.time())
    try:
        write_json(run_dir / STATUS, status.to_dict())
    except FileError as error:
        if error.errno not in _NO_ROOM or not (run_dir / RESERVE).exists():
            raise
        (run_dir / RESERVE).unlink()
        write_json(run_dir / STATUS, status.to_dict())
    return status


def keep_reserve(run_dir: Path) -> None:
    """Reserve space for a last status, so that a run whose disk fills up can still report it."""
    try:
        with open(run_dir / RESERVE, "wb") as file:
            file.write(os.urandom(_RESERVE_BYTES))  # random, so that no file system can compress it
    except OSError:
        (run_dir / RESERVE).unlink(missing_ok=True)


def no_room(run_dir: Path, error: FileError | None = None) -> str:
    """Why the run's folder cannot be written to, and what to do; empty if there is room.

    error: the failure to explain; without it, the free space is checked.
    """
    try:
        free = shutil.disk_usage(run_dir).free
    except OSError:
        return ""
    if error is not None:
        number = error.errno
    else:
        number = errno.ENOSPC if free < _RESERVE_BYTES else None
    if number not in _NO_ROOM:
        return ""
    if number == errno.EROFS:
        return Message("{reason}: make it writable, then resume", reason=_NO_ROOM[number])
    return Message(
        "{reason} ({free:.1f} MB free): free some space, then resume",
        reason=_NO_ROOM[number],
        free=free / 1e6,
    )


def is_ended(status: Status) -> bool:
    """Whether the run's process has reported its end."""
    return status.state in (State.STOPPED, State.FINISHED, State.FAILED, State.CRASHED)
