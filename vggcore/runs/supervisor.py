"""Run folders and their processes: launch, queue, stop, resume, list. No PyTorch.

The truth about a run is in its folder and is derived again at every look, so that any number of
app processes and terminals see the same. States:

| state | what it means |
|---|---|
| queued | its process waits for the device |
| starting | it has the device and loads data and network |
| running | it trains |
| stopping | it was asked to stop and is saving |
| stopped | it saved and ended because it was asked to; it can be resumed |
| finished | it did all its epochs |
| failed | it ended with an error that it could name |
| crashed | its process is gone without a word: killed, out of memory, power cut |
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vggcore.machine import paths
from vggcore.machine.files import FileError, read_json, write_atomically, write_json
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import PRESETS, TrainConfig
from vggcore.runs import folder as run_folder
from vggcore.runs.limits import Limits
from vggcore.runs.locks import (
    ENDED,
    RunError,
    changing_runs,
    continue_under_torchrun,
    device_choices,
    end_with_parent,
    hold_run_lock,
    holder,
    is_locked,
    next_ticket,
    remove_temporary_files,
    take_lock,
    wait_for_device,
    waiting_before,
)

__all__ = [
    "LIVING", "STATES", "Run", "RunError", "check_name", "continue_under_torchrun", "delete",
    "disk_bytes", "end_with_parent", "free_name", "hold_run_lock", "launch", "list_runs",
    "log_tail", "look", "process_memory", "processes_of", "promote", "queue_ahead",
    "rename", "resume", "slug", "stop", "visitor_of", "wait_for_device", "wait_until_ended",
]  # fmt: skip

LIVING = ("queued", "starting", "running", "stopping")
STATES = (*LIVING, *ENDED)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LOG_TAIL_BYTES = 20_000
MAX_PROCESSES = 64
_ENDING_SECONDS = 20.0  # how long a process whose run has ended may take to go
MIN_FREE_BYTES = 200_000_000  # a run is not started on a disk fuller than this


@dataclass(frozen=True, kw_only=True)
class Run:
    """One look at a run. Look again with `look(run.name)`; nothing here changes by itself."""

    name: str
    path: Path
    state: str  # one of STATES
    config: dict  # config.json; {} where it is damaged
    status: dict  # status.json; {} where it is missing or damaged
    locked: bool  # a process lives, if only to finish writing

    @property
    def living(self) -> bool:
        return self.state in LIVING

    @property
    def resumable(self) -> bool:
        """It has ended before its last epoch, and its process is gone."""
        ended_early = self.state in ("stopped", "failed", "crashed")
        return ended_early and not self.locked and self.config != {}

    @property
    def has_best(self) -> bool:
        return (self.path / "best.json").is_file()

    @property
    def preset(self) -> str:
        return str(self.config.get("preset") or "")

    @property
    def message(self) -> str:
        """One line on how the run stands, for people; may be empty."""
        if self.state == "crashed":
            return (
                "Its process ended without a word: killed, out of memory, or the machine went "
                "off. Resume continues from its last checkpoint."
            )
        return str(self.status.get("message") or "")

    def to_dict(self) -> dict:
        """JSON-ready: what `runs list --json` and `runs show --json` print."""
        keys = ("step", "total_steps", "epoch", "epochs", "seconds", "images_per_second", "device")
        return {
            "name": self.name,
            "state": self.state,
            "run_dir": str(self.path),
            "preset": self.preset or None,
            "created": self.config.get("created"),
            **{key: self.status.get(key) for key in keys},
            "message": self.message,
            "resumable": self.resumable,
            "summary": self.status.get("summary"),
        }


def slug(text: str) -> str:
    """A valid run name made of what a person typed; empty where nothing of it is left."""
    return re.sub(r"[^a-z0-9._-]+", "-", str(text).lower()).strip("-._")[:63].rstrip("-._")


def check_name(name: str) -> str:
    """`name`, if it is one: names are folders, so nothing else is ever used as a path."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RunError(
            f"{str(name)[:80]!r} is not a run name: use up to 63 lower-case letters, digits, "
            "'-', '_' and '.', starting with a letter or digit"
        )
    return name


def free_name(stem: str) -> str:
    """The first of STEM-1, STEM-2, … that no run has."""
    number = 1
    while (paths.runs_dir() / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def look(name: str) -> Run:
    """The run as it is now. Raises RunError where there is none of that name."""
    path = paths.runs_dir() / check_name(name)
    if not (path / run_folder.CONFIG).is_file():
        raise RunError(f"there is no run named {name!r}")
    return _look(path)


def list_runs() -> list[Run]:
    """All runs as they are now, the newest first."""
    folders = paths.runs_dir().glob(f"*/{run_folder.CONFIG}")
    runs = [_look(file.parent) for file in folders if _NAME.fullmatch(file.parent.name)]
    return sorted(runs, key=lambda run: (str(run.config.get("created")), run.name), reverse=True)


def _look(path: Path) -> Run:
    # A process may end, or a resumed one begin, between looking at the lock and at the status;
    # what was read in between counts only if the lock was the same before and after.
    locked = is_locked(path / "lock")
    while True:
        status = read_json(path / run_folder.STATUS) or {}
        stop_requested = (path / run_folder.STOP).exists()
        still_locked = is_locked(path / "lock")
        if locked == still_locked:
            break
        locked = still_locked
    return Run(
        name=path.name,
        path=path,
        state=_state(locked, status, stop_requested),
        config=read_json(path / run_folder.CONFIG) or {},
        status=status,
        locked=locked,
    )


def _state(locked: bool, status: dict, stop_requested: bool) -> str:
    """One of STATES, derived from what is on disk."""
    said = status.get("state")
    if said in ENDED:
        return said
    if not locked:
        waiting = said == "queued" and stop_requested
        return "stopped" if waiting else "crashed"
    if stop_requested or said == "stopping":
        return "stopping"
    if said in LIVING:
        return said
    # Alive, and its status file is missing or damaged: the next one comes within a second.
    return "starting" if not status else "running"


def launch(
    spec: VGGSpec,
    train: TrainConfig,
    *,
    name: str = "",
    preset: str = "",
    visitor: str = "",
    request: str = "",
    processes: int = 1,
    limits: Limits | None = None,
) -> Run:
    """Create a run and start its process, detached; it waits in the queue for its device.

    `request` makes a second click harmless: a run that was created with it is returned instead
    of a new one. `visitor` tells visitors of a public deployment apart. With several `processes`
    torchrun trains on as many GPUs, and the run waits until all of them are free. Raises RunError
    or NotAllowed (both ValueError) in one line: name taken, disk full, read-only, not allowed.
    """
    limits = limits or Limits.read()
    if not 1 <= processes <= MAX_PROCESSES:
        raise RunError(f"processes {processes} is out of range: 1 to {MAX_PROCESSES}")
    if limits.public:
        processes = 1
        train = limits.capped(preset, train)
        spec = PRESETS[preset].spec
    with _one_line_errors(paths.runs_dir()), changing_runs(paths.runs_dir()):
        _sweep(paths.runs_dir())
        if request and (earlier := _requested_before(request)):
            return earlier
        _check_room(limits, visitor)
        name = check_name(name) if name else free_name(preset or "run")
        path = paths.runs_dir() / name
        if path.exists():
            raise RunError(f"there is a run named {name!r} already: choose another name")
        staging = paths.runs_dir() / ".new" / name
        run_folder.create(staging, spec, train, preset=preset or None)
        asked = {"visitor": visitor, "request": request, "processes": processes}
        write_json(staging / "launch.json", asked)
        lock = take_lock(staging / "lock")
        _write_queued(staging, train)
        os.rename(staging, path)  # the run appears whole, locked and queued
    _start(path, "--from-config", lock)
    return _look(path)


@contextmanager
def _one_line_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileError as error:
        raise RunError(str(error)) from None
    except OSError as error:
        raise RunError(f"cannot write to {folder}: {error.strerror or error}") from None


def _sweep(runs_dir: Path) -> None:
    """Remove what a killed process left of a creation or deletion. Inside `changing_runs` only."""
    for leftover in (runs_dir / ".new", *runs_dir.glob(".deleted-*")):
        shutil.rmtree(leftover, ignore_errors=True)
    for leftover in runs_dir.glob(".tmp-*"):
        leftover.unlink(missing_ok=True)


def _requested_before(request: str) -> Run | None:
    for file in paths.runs_dir().glob("*/launch.json"):
        if (read_json(file) or {}).get("request") == request:
            return _look(file.parent)
    return None


def _check_room(limits: Limits, visitor: str) -> None:
    """Raises NotAllowed or RunError where this machine has no room for one more run."""
    free = shutil.disk_usage(paths.runs_dir()).free
    if free < MIN_FREE_BYTES:
        raise RunError(
            f"only {free / 1e6:.0f} MB are free in {paths.runs_dir()}: delete runs or other files"
        )
    if limits.public:
        living = [run for run in list_runs() if run.living]
        own = [run for run in living if visitor_of(run) == visitor]
        limits.check_queue(len(living), len(own), disk_bytes(paths.runs_dir()))


def processes_of(path: Path) -> int:
    """With how many processes the run is to be trained, as told to `launch`."""
    processes = (read_json(path / "launch.json") or {}).get("processes", 1)
    return processes if isinstance(processes, int) and 1 <= processes <= MAX_PROCESSES else 1


def visitor_of(run: Run) -> str:
    """The visitor who launched the run, as told to `launch`."""
    return str((read_json(run.path / "launch.json") or {}).get("visitor", ""))


def _write_queued(path: Path, train: TrainConfig, **kept) -> None:
    """A fresh ticket at the end of the queue. Inside `changing_runs` only."""
    queued = {
        "state": "queued",
        "ticket": next_ticket(paths.runs_dir()),
        "choices": device_choices(train.device),
        "message": "",
        "updated": time.time(),
    }
    write_json(path / run_folder.STATUS, kept | queued)


def trainer_command(path: Path, how: str) -> list[str]:
    """Argument list that trains the run: `how` is "--from-config" or "--resume"."""
    return [sys.executable, "-m", "vggcore", "train", how, str(path)]


def _start(path: Path, how: str, lock: int) -> None:
    """Start the trainer in a session of its own and hand it the lock; closes ours."""
    folders = {
        "VGGCORE_RUNS": paths.runs_dir(),
        "VGGCORE_DATA": paths.data_dir(),
        "VGGCORE_CHECKPOINTS": paths.checkpoints_dir(),
    }
    environment = os.environ | {key: str(value.resolve()) for key, value in folders.items()}
    environment |= {"VGGCORE_LOCK_FD": str(lock), "PYTHONUNBUFFERED": "1"}
    try:
        with open(path / "log.txt", "ab") as log:
            process = subprocess.Popen(
                trainer_command(path.resolve(), how),
                cwd=paths.PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],
                start_new_session=True,
            )
    except OSError as error:
        failed = {"state": "failed", "message": f"could not be started: {error}"}
        write_json(path / run_folder.STATUS, failed | {"updated": time.time()})
        raise RunError(f"run {path.name} could not be started: {error}") from None
    finally:
        os.close(lock)
    # Only to take the exit code from the kernel, so that no zombie stays while an app lives on.
    threading.Thread(target=process.wait, daemon=True, name=f"reap {path.name}").start()


def _check_own(run: Run, action: str, visitor: str, password: str, limits: Limits) -> None:
    """Raises NotAllowed where a visitor of a public deployment reaches for another's run."""
    if visitor_of(run) != visitor:
        limits.require_owner(password, f"{action} another visitor's run")


def resume(
    name: str, *, visitor: str = "", password: str = "", limits: Limits | None = None
) -> Run:
    """Start a stopped, failed or crashed run again, at the step of its last checkpoint.

    A run that ended before its first checkpoint starts from the beginning. Raises RunError or
    NotAllowed.
    """
    limits = limits or Limits.read()
    run = look(name)
    if limits.public:
        limits.capped(run.preset, TrainConfig())
    _check_own(run, "resuming", visitor, password, limits)
    with _one_line_errors(run.path), changing_runs(paths.runs_dir()):
        _check_room(limits, visitor)
        lock = _take_resting_lock(run)
        if lock is None:
            state = _look(run.path).state
            raise RunError(f"run {name} is {state}: only an ended run can be resumed")
        try:
            how = _prepare_resume(run.path)
        except (OSError, ValueError):
            os.close(lock)
            raise
    _start(run.path, how, lock)
    return _look(run.path)


def _prepare_resume(path: Path) -> str:
    """Bring a run's folder back to "queued" while holding its lock; how to start the trainer."""
    status = read_json(path / run_folder.STATUS) or {}
    if status.get("state") == "finished":
        raise RunError(f"run {path.name} has finished: there is nothing left to train")
    train = run_folder.RunFolder(path).train
    remove_temporary_files(path)
    (path / run_folder.STOP).unlink(missing_ok=True)
    kept = {key: value for key, value in status.items() if key not in ("summary", "pid")}
    _write_queued(path, train, **kept)
    return "--resume" if any(path.glob("last*.safetensors")) else "--from-config"


def stop(name: str, *, visitor: str = "", password: str = "", limits: Limits | None = None) -> Run:
    """Ask a living run to save and end; if it does not, it is killed after 30 seconds.

    A waiting run is cancelled. A small process of its own sees to the end (`stopper`), so
    that this holds even when the app or terminal that asked is gone. Raises RunError.
    """
    run = look(name)
    if not run.living:
        raise RunError(f"run {name} is {run.state}: there is nothing to stop")
    _check_own(run, "stopping", visitor, password, limits or Limits.read())
    with _one_line_errors(run.path):
        (run.path / run_folder.STOP).touch()
    stopper = subprocess.Popen(
        [sys.executable, "-m", "vggcore.runs.stopper", str(run.path.resolve())],
        cwd=paths.PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=stopper.wait, daemon=True, name=f"reap stopper {name}").start()
    return _look(run.path)


def wait_until_ended(name: str, seconds: float) -> Run:
    """Look until the run's process is gone, at most this long."""
    deadline = time.monotonic() + seconds
    while (run := look(name)).locked and time.monotonic() < deadline:
        time.sleep(0.1)
    return run


def queue_ahead(run: Run) -> list[str]:
    """Names of the runs that come before a queued one: the one training, then those waiting."""
    choices = run.status.get("choices") or device_choices("auto")
    ticket = run.status.get("ticket")
    others = [other for other in list_runs() if other.name != run.name]
    training = [
        other.name
        for other in others
        if other.state in ("starting", "running", "stopping")
        and set(other.status.get("choices") or [other.status.get("device")]) & set(choices)
    ]
    if not isinstance(ticket, int):
        return training
    return training + [path.name for path in waiting_before(ticket, choices)]


def _take_resting_lock(run: Run) -> int | None:
    """The lock of a run that has ended; None where it lives. Waits for its process to be gone."""
    patience = 1.0 if run.living else _ENDING_SECONDS
    return take_lock(run.path / "lock", patience)


@contextmanager
def _resting(name: str, action: str) -> Iterator[Path]:
    """The folder of a run that no process works on, and none can start on during the block."""
    run = look(name)
    with _one_line_errors(run.path):
        lock = _take_resting_lock(run)
        if lock is None:
            raise RunError(f"run {name} is {_look(run.path).state}: stop it before you {action} it")
        try:
            yield run.path
        finally:
            os.close(lock)


def delete(name: str, *, password: str = "", limits: Limits | None = None) -> None:
    """Delete an ended run for good. Raises RunError, NotAllowed."""
    (limits or Limits.read()).require_owner(password, "deleting a run")
    with _resting(name, "delete") as path:
        # Renaming first takes it away in one step, for every reader.
        doomed = path.with_name(f".deleted-{name}-{os.getpid()}-{time.monotonic_ns()}")
        os.rename(path, doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def rename(name: str, new_name: str, *, password: str = "", limits: Limits | None = None) -> Run:
    """Give an ended run another name. Raises RunError, NotAllowed."""
    (limits or Limits.read()).require_owner(password, "renaming a run")
    check_name(new_name)
    with changing_runs(paths.runs_dir()), _resting(name, "rename") as path:
        new_path = path.with_name(new_name)
        if new_path.exists():
            raise RunError(f"there is a run named {new_name!r} already: choose another name")
        config = run_folder.RunFolder(path).config
        write_json(path / run_folder.CONFIG, config | {"name": new_name})
        if card := read_json(path / "best.json"):
            write_json(path / "best.json", card | {"name": new_name})
        status = read_json(path / run_folder.STATUS) or {}
        if status.get("summary"):
            summary = status["summary"] | {"run_dir": str(new_path)}
            write_json(path / run_folder.STATUS, status | {"summary": summary})
        os.rename(path, new_path)
    return _look(new_path)


def promote(
    name: str, checkpoint_name: str, *, password: str = "", limits: Limits | None = None
) -> Path:
    """Copy a run's best checkpoint to the checkpoints folder; its path without suffix.

    Classify offers it from then on. Raises RunError, NotAllowed.
    """
    (limits or Limits.read()).require_owner(password, "promoting a checkpoint")
    run, target = look(name), paths.checkpoints_dir() / check_name(checkpoint_name)
    if not run.has_best:
        raise RunError(f"run {name} has no checkpoint yet: its first comes after the first epoch")
    card_file = target.with_name(target.name + ".json")
    if card_file.exists():
        raise RunError(f"there is a checkpoint named {checkpoint_name!r} already")
    with _one_line_errors(paths.checkpoints_dir()):
        target.parent.mkdir(parents=True, exist_ok=True)
        weights = (run.path / "best.safetensors").read_bytes()
        card = read_json(run.path / "best.json") or {}
        if hashlib.sha256(weights).hexdigest() != card.get("sha256"):
            raise RunError(f"the best checkpoint of {name} is being replaced: try again")
        # The card last: a checkpoint is listed by its card, and so is never seen half copied.
        write_atomically(target.with_name(target.name + ".safetensors"), weights)
        write_json(card_file, card | {"name": checkpoint_name, "run": name})
    return target


def process_memory(run: Run) -> int | None:
    """Resident bytes of a living run's process; None where the system does not tell."""
    pid = holder(run.path)
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def disk_bytes(folder: Path) -> int:
    """Bytes of all files in a folder, deleted ones in the middle of counting left out."""
    total = 0
    for directory, _, names in os.walk(folder):
        for file_name in names:
            try:
                total += os.lstat(os.path.join(directory, file_name)).st_size
            except FileNotFoundError:
                pass
    return total


def log_tail(run: Run, lines: int = 40) -> str:
    """The last lines of a run's log; empty where there is none."""
    try:
        with open(run.path / "log.txt", "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LOG_TAIL_BYTES))
            text = log.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
