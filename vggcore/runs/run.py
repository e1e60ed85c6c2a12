"""What a run folder says about its run, derived anew at every look."""

import os
import re
import sys
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vggcore.data.classes import CLASSES
from vggcore.machine import paths
from vggcore.machine.files import FileError, read_json, read_object
from vggcore.machine.hardware import device_choices
from vggcore.machine.messages import Message
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card
from vggcore.model.recipe import OWN, TrainConfig
from vggcore.runs import locks
from vggcore.runs.config import read_config
from vggcore.runs.names import (
    BEST,
    CLUSTER,
    CONFIG,
    ENDED,
    LAUNCH,
    LIVING,
    LOG,
    STATES,
    STATUS,
    STOP,
    RunError,
    State,
)
from vggcore.runs.notes import Notes, read_notes
from vggcore.runs.queue import waiting_before
from vggcore.runs.status import Status, no_room, read_status

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
MAX_PROCESSES = 64
_LOG_TAIL_BYTES = 20_000


@dataclass(frozen=True, kw_only=True)
class Run:
    """A snapshot of a run. Look again with `read_run(run.name)`; nothing here changes by itself."""

    name: str
    path: Path
    state: State
    config: dict  # config.json as it is; {} if it cannot be read, and then:
    spec: VGGSpec | None  # None
    train: TrainConfig | None  # None
    status: Status  # empty if status.json is missing or damaged
    notes: Notes  # empty if there are none, or if they are damaged
    locked: bool  # a process is alive, if only to finish writing
    damage: str = ""  # which of its files cannot be read, and why
    on_cluster: bool = False  # this folder is the copy of a run on the cluster

    @property
    def living(self) -> bool:
        return self.state in LIVING

    @property
    def resumable(self) -> bool:
        """Whether it ended before its last epoch and its process is gone."""
        ended_early = self.state in (State.STOPPED, State.FAILED, State.CRASHED)
        return ended_early and not self.locked and self.train is not None

    @property
    def has_best(self) -> bool:
        return (self.path / f"{BEST}.json").is_file()

    @property
    def preset(self) -> str:
        return str(self.config.get("preset") or "")

    @property
    def group(self) -> str:
        """Name of the group of runs that it was launched with; empty if it was launched alone."""
        return str(self.config.get("group") or "")

    @property
    def card(self) -> Card | None:
        """The card of its best checkpoint; None if there is none yet, or if it is damaged."""
        try:
            return checkpoints.read_card(self.path / BEST) if self.has_best else None
        except checkpoints.CheckpointError:
            return None

    @property
    def message(self) -> str:
        """One line about the run's state, for people; may be empty."""
        if self.damage and not self.status.state:
            return ""  # nothing is known
        if self.state == State.CRASHED and not self.on_cluster:
            if full := no_room(self.path):
                return Message("The process ended unexpectedly, and now {full}.", full=full)
            return Message(
                "The process ended unexpectedly: it was killed, ran out of memory, or the machine "
                "shut down. Resume continues from its last checkpoint."
            )
        return self.status.message

    def to_dict(self) -> dict:
        """JSON-ready: what `runs list --json` and `runs show --json` print."""
        status = self.status
        return {
            "name": self.name,
            "state": self.state,
            "run_dir": str(self.path),
            "preset": self.preset or None,
            "group": self.group or None,
            "created": self.config.get("created"),
            "step": status.step,
            "total_steps": status.total_steps,
            "epoch": status.epoch,
            "epochs": status.epochs,
            "seconds": status.seconds,
            "images_per_second": status.images_per_second,
            "device": status.device,
            "on": "cluster" if self.on_cluster else "this machine",
            "message": self.message,
            "damage": self.damage or None,
            "trouble": status.trouble or None,
            "resumable": self.resumable,
            "summary": status.summary or None,
        }


def slug(text: str) -> str:
    """A valid run name made from what a person typed; empty if nothing of it is left."""
    return re.sub(r"[^a-z0-9._-]+", "-", str(text).lower()).strip("-._")[:63].rstrip("-._")


def check_name(name: str) -> str:
    """`name` if it is valid: names are folders, so nothing else is ever used as a path."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RunError(
            Message(
                "{str!r} is not a run name: use up to 63 lower-case letters, digits, '-', '_' "
                "and '.', starting with a letter or digit",
                str=str(name)[:80],
            )
        )
    return name


def check_free(name: str) -> None:
    """Raises RunError if a run or a checkpoint has this name: `checkpoints.find` knows both."""
    if (paths.runs_dir() / name).exists():
        raise RunError(
            Message("there is a run named {name!r} already: choose another name", name=name)
        )
    if name in checkpoints.available():
        raise RunError(
            Message("there is a checkpoint named {name!r} already: choose another name", name=name)
        )


def _is_free(name: str) -> bool:
    try:
        check_free(name)
    except RunError:
        return False
    return True


def free_name(stem: str, others: Container[str] = ()) -> str:
    """The first of STEM-1, STEM-2, … that no run, no checkpoint and none of the `others` has."""
    number = 1
    while f"{stem}-{number}" in others or not _is_free(f"{stem}-{number}"):
        number += 1
    return f"{stem}-{number}"


def free_name_like(name: str) -> str:
    """This name, or the first of NAME-2, NAME-3, … that no run and no checkpoint has."""
    stem, number = slug(name) or "run", 2
    candidate = stem
    while not _is_free(candidate):
        candidate, number = f"{stem[:58]}-{number}", number + 1
    return candidate


def read_run(name: str) -> Run:
    """The run as it is now. Raises RunError if there is none of that name."""
    _attend()
    path = paths.runs_dir() / check_name(name)
    if not (path / CONFIG).exists():
        raise RunError(Message("there is no run named {name!r}", name=name))
    return read_run_folder(path)


def list_runs() -> list[Run]:
    """All runs as they are now, newest first."""
    _attend()
    folders = paths.runs_dir().glob(f"*/{CONFIG}")
    runs = [read_run_folder(file.parent) for file in folders if _NAME.fullmatch(file.parent.name)]
    return sorted(runs, key=lambda run: (str(run.config.get("created")), run.name), reverse=True)


def trained_networks() -> list[str]:
    """Names that `checkpoints.find` knows: shipped checkpoints first, then runs that have one.

    Lists those that name garments or the classes of a user's own pictures, and those whose cards
    cannot be read: the error is reported when one is used.
    """
    return [name for name in _networks() if _may_be_asked(name)]


def starting_points() -> list[str]:
    """All networks that training can start from, whatever classes they were trained on."""
    return _networks()


def has_cluster() -> bool:
    """Whether a cluster is set up; if not, nothing of `runs.cluster` is imported."""
    return bool(os.environ.get("VGGCORE_RAY"))


def _attend() -> None:
    """Have the copies of the cluster's runs kept up to date, if there is a cluster."""
    if has_cluster():
        from vggcore.runs.cluster import daemon

        daemon.attend()


def _networks() -> list[str]:
    shipped = checkpoints.available()
    trained = [run.name for run in list_runs() if run.has_best]
    return shipped + [name for name in trained if name not in shipped]


def _may_be_asked(name: str) -> bool:
    try:
        card = checkpoints.read_card(name)
        return names_garments(card) or card.data.name == OWN
    except checkpoints.CheckpointError:
        return True


def names_garments(card: Card) -> bool:
    """Whether a network's classes are ours; a card without classes may be one of ours."""
    return not card.classes or card.classes == CLASSES


def read_run_folder(path: Path) -> Run:
    """The run in this folder as it is now."""
    if (path / CLUSTER).is_file():
        return _read_copy(path)
    # A process may end, or a resumed one start, between reading the lock and reading the status;
    # what was read in between counts only if the lock was the same before and after.
    locked = locks.is_alive(path)
    while True:
        status = read_status(path)
        stop_requested = (path / STOP).exists()
        still_locked = locks.is_alive(path)
        if locked == still_locked:
            break
        locked = still_locked
    state = _state(locked, status, stop_requested)
    return _run(path, state=state, status=status, locked=locked)


def _read_copy(path: Path) -> Run:
    """The run that this folder is a copy of: its status is all there is to go by."""
    status = read_status(path)
    state = State(status.state) if status.state in STATES else State.QUEUED
    if state in LIVING and (path / STOP).exists():
        state = State.STOPPING
    return _run(path, state=state, status=status, locked=state in LIVING, on_cluster=True)


T = TypeVar("T")


def _run(path: Path, **known) -> Run:
    """The run with what its other files say; those that cannot be read are its damage."""
    damage: list[str] = []

    def read(reader: Callable[[Path], T], place: Path, otherwise: T) -> T:
        try:
            return reader(place)
        except FileError as error:
            damage.append(error.args[0])
            return otherwise

    config = read(read_config, path, None)
    notes = read(read_notes, path, Notes())
    for name in (STATUS, CLUSTER):
        read(read_object, path / name, None)
    return Run(
        name=path.name,
        path=path,
        config=config.values if config else {},
        spec=config.spec if config else None,
        train=config.train if config else None,
        notes=notes,
        damage=damage[0] if damage else "",
        **known,
    )


def _state(locked: bool, status: Status, stop_requested: bool) -> State:
    """The state derived from what is on disk."""
    if status.state in ENDED:
        return State(status.state)
    if not locked:
        waiting = status.state == State.QUEUED and stop_requested
        return State.STOPPED if waiting else State.CRASHED
    if stop_requested or status.state == State.STOPPING:
        return State.STOPPING
    if status.state in LIVING:
        return State(status.state)
    # Alive, but its status file is missing or damaged: the next one comes within a second.
    return State.RUNNING if status.state else State.STARTING


def wait_until_ended(name: str, seconds: float) -> Run:
    """Look until the run's process is gone, for at most this long."""
    deadline = time.monotonic() + seconds
    while (run := read_run(name)).locked and time.monotonic() < deadline:
        time.sleep(0.1)
    return run


def queue_ahead(run: Run) -> list[str]:
    """Names of the runs ahead of a queued one: the one training, then those waiting."""
    choices = list(run.status.choices) or device_choices("auto")
    training = [other.name for other in _training_on(choices) if other.name != run.name]
    if run.status.ticket is None:
        return training
    return training + [path.name for path in waiting_before(run.status.ticket, choices)]


def ahead_of_new(device: str, processes: int = 1) -> list[str]:
    """Names of the runs that a new one on this device would wait for; [] if there is room now."""
    choices = device_choices(device)
    ahead = [run.path for run in _training_on(choices)] + waiting_before(sys.maxsize, choices)
    used = sum(map(processes_of, ahead))
    return [path.name for path in ahead] if used + processes > len(choices) else []


def _training_on(choices: list[str]) -> list[Run]:
    """Runs that train on one of these devices, or may."""
    return [
        run
        for run in list_runs()
        if run.state in (State.STARTING, State.RUNNING, State.STOPPING)
        and set(run.status.choices or [run.status.device]) & set(choices)
    ]


def processes_of(path: Path) -> int:
    """How many processes the run is to be trained with, as told to `launch`."""
    processes = (read_json(path / LAUNCH) or {}).get("processes", 1)
    return processes if isinstance(processes, int) and 1 <= processes <= MAX_PROCESSES else 1


def visitor_of(run: Run) -> str:
    """The visitor who launched the run, as told to `launch`."""
    return str((read_json(run.path / LAUNCH) or {}).get("visitor", ""))


def process_memory(run: Run) -> int | None:
    """Resident bytes of a living run's process; None if the system does not tell."""
    pid = locks.holder(run.path)
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def disk_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; skips files deleted while counting."""
    total = 0
    for directory, _, names in os.walk(folder):
        for file_name in names:
            try:
                total += os.lstat(os.path.join(directory, file_name)).st_size
            except FileNotFoundError:
                pass
    return total


def log_tail(run: Run, lines: int = 40) -> str:
    """The last lines of a run's log; empty if there is none."""
    try:
        with open(run.path / LOG, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LOG_TAIL_BYTES))
            text = log.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
