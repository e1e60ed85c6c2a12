"""Locks and small files that say what a run is doing: used by the trainer and by `runs`.

Alive means locked. A run's process holds an `flock` on `lock` in its run folder for its whole
life, and the kernel releases it on any death, so no pid or heartbeat has to be believed. One
more lock per device makes a queue. Linux and macOS; no PyTorch.
"""

import ctypes
import fcntl
import os
import platform
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from vggcore.machine import paths
from vggcore.machine.files import FileError, read_json, write_json

ENDED = ("stopped", "finished", "failed", "crashed")
_LOCK_FD = "VGGCORE_LOCK_FD"  # number of the lock's open file, handed over by the launcher
_LOCK_HELD = "VGGCORE_LOCK_HELD"  # set for torchrun's ranks: their parent holds the locks
_held: set[int] = set()  # open files of this process's locks
_POLL_SECONDS = 0.25
_PR_SET_PDEATHSIG = 1  # of Linux's prctl


class RunError(ValueError):
    """A run cannot be created, found or changed; the message is one line for people."""


def take_lock(path: Path, patience: float = 1.0) -> int | None:
    """Exclusive flock on `path`: the open file's number, or None where another holds it.

    Somebody who only asks whether the lock is held holds it for an instant (see `is_locked`),
    so a refusal counts only after `patience` seconds. Raises OSError.
    """
    deadline = time.monotonic() + patience
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same_file(fd, path):
                os.ftruncate(fd, 0)  # whose pid stood there is gone
                return fd
        except BlockingIOError:
            pass
        except OSError:
            os.close(fd)
            raise
        os.close(fd)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.02)


def is_locked(path: Path) -> bool:
    """Whether a living process holds the exclusive lock on `path`."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


def _same_file(fd: int, path: Path) -> bool:
    """Whether the locked file is still the one at `path`, not a deleted or renamed run's."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def holder(run_dir: Path) -> int | None:
    """Pid of the process that holds a run's lock; None where nobody does or it is just starting."""
    if not is_locked(run_dir / "lock"):
        return None
    try:
        return int((run_dir / "lock").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


@contextmanager
def hold_run_lock(run_dir: Path) -> Iterator[None]:
    """Hold the run's lock for the life of the block: enter it first, before importing torch.

    A launched process adopts the lock its launcher took, so that no moment is unlocked. An
    exception that leaves the block is recorded as "failed" unless an end is recorded already.
    Raises RunError where another process runs this run.
    """
    run_dir = Path(run_dir)
    if os.environ.get(_LOCK_HELD):
        with _recording_failure(run_dir):
            yield
        return
    fd = _adopt(run_dir / "lock")
    adopted = fd is not None
    if not adopted:
        fd = _take_or_explain(run_dir)
    try:
        if not adopted:  # a stop request that is there already was meant for an earlier process
            (run_dir / "stop").unlink(missing_ok=True)
        _held.add(fd)
        os.pwrite(fd, f"{os.getpid():<19}\n".encode("ascii"), 0)
        remove_temporary_files(run_dir)
        with _recording_failure(run_dir):
            yield
    finally:
        _held.discard(fd)
        if not adopted:
            os.close(fd)  # an adopted one stays until the process is gone, to the last


def continue_under_torchrun(processes: int, arguments: list[str]) -> None:
    """Become torchrun with `processes` ranks of `python -m vggcore train ARGUMENTS`.

    The process stays the same one and keeps its locks; the ranks do without. Does not return.
    """
    for fd in _held:
        os.set_inheritable(fd, True)
    os.environ[_LOCK_HELD] = "1"
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *torchrun, "-m", "vggcore", "train", *arguments]
    os.execv(sys.executable, command)


def end_with_parent() -> None:
    """A rank whose torchrun is killed must not train on without its lock (Linux)."""
    if os.environ.get(_LOCK_HELD) and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _take_or_explain(run_dir: Path) -> int:
    try:
        fd = take_lock(run_dir / "lock")
    except OSError as error:
        raise RunError(f"cannot write to {run_dir}: {error.strerror}") from None
    if fd is None:
        raise RunError(f"run {run_dir.name} is already running")
    return fd


def _adopt(path: Path) -> int | None:
    """The lock's open file inherited from the launcher, if there is one."""
    number = os.environ.pop(_LOCK_FD, "")
    if not number.isdigit():
        return None
    fd = int(number)
    try:
        if not _same_file(fd, path):
            return None
    except OSError:
        return None
    os.set_inheritable(fd, False)
    return fd


@contextmanager
def _recording_failure(run_dir: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _record_end(run_dir, "stopped", "interrupted")
        raise
    except Exception as error:
        _record_end(run_dir, "failed", f"{error or type(error).__name__}")
        raise


def _record_end(run_dir: Path, state: str, message: str) -> None:
    """Write an end into status.json, unless it has one or cannot be written."""
    status = read_json(run_dir / "status.json") or {}
    if status.get("state") in ENDED:
        return
    try:
        write_json(
            run_dir / "status.json",
            status | {"state": state, "message": message, "updated": time.time()},
        )
    except FileError as error:
        print(f"could not record that the run {state}: {error}", file=sys.stderr)


def remove_temporary_files(run_dir: Path) -> None:
    """Delete what a killed process left half-written. Call it only while holding the lock."""
    for path in (*run_dir.glob(".tmp-*"), run_dir / "last-incoming.safetensors"):
        path.unlink(missing_ok=True)


def available_devices() -> list[str]:
    """Devices of this machine as torch will name them, best first, found without torch."""
    if sys.platform == "darwin":
        return ["mps", "cpu"] if platform.machine() == "arm64" else ["cpu"]
    return [f"cuda:{index}" for index in range(_cuda_devices())] + ["cpu"]


def _cuda_devices() -> int:
    """NVIDIA GPUs that this process may use; 0 where torch was built for the CPU only."""
    if "+cpu" in _torch_version():
        return 0
    present = len([p for p in Path("/dev").glob("nvidia*") if re.fullmatch(r"nvidia\d+", p.name)])
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return present
    names = [name.strip() for name in visible.split(",")]
    return min(present, len([name for name in names if name and name != "-1"]))


@lru_cache(maxsize=1)
def _torch_version() -> str:
    """Of the installed torch, without importing it; empty where there is none."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""


def device_choices(device: str) -> list[str]:
    """Concrete devices that satisfy a request such as "auto", "cuda", "cuda:1", "mps", "cpu"."""
    devices = available_devices()
    gpus = [name for name in devices if name.startswith("cuda")]
    if device == "auto":
        return gpus or devices[:1]
    if device == "cuda":
        return gpus or ["cuda:0"]
    return [device]


@contextmanager
def wait_for_device(device: str, run_dir: Path, every: bool = False) -> Iterator[str]:
    """Wait in the queue for `device`, then hold it for the life of the block; yields its name.

    Enter it after `hold_run_lock` and before importing torch. "auto" and "cuda" take the first
    GPU that is free; `every` takes them all. The order is that of the runs' tickets, whatever
    the clock does. A stop request while waiting is recorded as "stopped" and raises
    SystemExit(0).
    """
    run_dir = Path(run_dir)
    if os.environ.get(_LOCK_HELD):
        yield device
        return
    choices = device_choices(device)
    try:
        ticket = _ticket(run_dir, choices)
    except OSError as error:
        raise RunError(f"cannot write to {paths.runs_dir()}: {error.strerror}") from None
    with ExitStack() as held:
        with _termination_as_cancel(run_dir):
            said = False
            while not (granted := _try_devices(held, ticket, choices, every)):
                if (run_dir / "stop").exists():
                    _cancel(run_dir)
                if not said:
                    _say_what_it_waits_for(ticket, choices)
                    said = True
                time.sleep(_POLL_SECONDS)
            status = read_json(run_dir / "status.json") or {}
            starting = {"state": "starting", "updated": time.time()}
            write_json(run_dir / "status.json", status | starting)
            yield granted


def _say_what_it_waits_for(ticket: int, choices: list[str]) -> None:
    """One line for whoever reads the terminal or the run's log."""
    busy = [
        path.name
        for path, status in statuses(paths.runs_dir())
        if status.get("state") in ("starting", "running", "stopping")
        and _wants_one_of(status, choices)
        and is_locked(path / "lock")
    ]
    before = [*busy, *(path.name for path in waiting_before(ticket, choices))]
    print(
        f"waiting for {' or '.join(choices)}, which {', '.join(before) or 'another run'} has; "
        "Ctrl-C cancels",
        file=sys.stderr, flush=True,
    )  # fmt: skip


def _cancel(run_dir: Path) -> None:
    """End this process, whose run has not begun to train in this session."""
    _record_end(run_dir, "stopped", "cancelled before it started")
    (run_dir / "stop").unlink(missing_ok=True)
    print("cancelled before it started", file=sys.stderr, flush=True)
    raise SystemExit(0)


@contextmanager
def _termination_as_cancel(run_dir: Path) -> Iterator[None]:
    """SIGTERM and SIGINT cancel a run that waits or loads; once it trains, `training` has them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def request_stop(signum, frame):
        _cancel(run_dir)

    before = {s: signal.signal(s, request_stop) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def changing_runs(runs_dir: Path) -> Iterator[None]:
    """One process at a time creates runs and gives out tickets. Held for milliseconds."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    fd = os.open(runs_dir / ".changing.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def next_ticket(runs_dir: Path) -> int:
    """A number above every ticket given out before. Call it inside `changing_runs`."""
    path = runs_dir / ".ticket.json"
    used = [(read_json(path) or {}).get("last", 0)]
    used += [s.get("ticket", 0) for _, s in statuses(runs_dir)]
    ticket = max(number for number in used if isinstance(number, int)) + 1
    write_json(path, {"last": ticket})
    return ticket


def statuses(runs_dir: Path) -> list[tuple[Path, dict]]:
    """Run folders with a readable status."""
    found = [(path.parent, read_json(path)) for path in runs_dir.glob("[!.]*/status.json")]
    return [(run_dir, status) for run_dir, status in found if status]


def _ticket(run_dir: Path, choices: list[str]) -> int:
    """The ticket that the launcher wrote, or a new one for a run started in a terminal."""
    status = read_json(run_dir / "status.json") or {}
    if status.get("state") == "queued" and isinstance(status.get("ticket"), int):
        return status["ticket"]
    with changing_runs(paths.runs_dir()):
        ticket = next_ticket(paths.runs_dir())
        queued = {"state": "queued", "ticket": ticket, "choices": choices, "pid": os.getpid()}
        write_json(run_dir / "status.json", status | queued | {"updated": time.time()})
    return ticket


def waiting_before(ticket: int, choices: list[str]) -> list[Path]:
    """Living runs with an earlier ticket that wait for one of the same devices, in order."""
    earlier = [
        (status["ticket"], other)
        for other, status in statuses(paths.runs_dir())
        if status.get("state") == "queued"
        and isinstance(status.get("ticket"), int)
        and status["ticket"] < ticket
        and _wants_one_of(status, choices)
        and is_locked(other / "lock")
    ]
    return [other for _, other in sorted(earlier)]


def _wants_one_of(status: dict, choices: list[str]) -> bool:
    return not set(status.get("choices", choices)).isdisjoint(choices)


def _try_devices(held: ExitStack, ticket: int, choices: list[str], every: bool) -> str | None:
    """Take one of the devices, or every one, if it is this run's turn; None if not yet."""
    if waiting_before(ticket, choices):
        return None
    taken = {}
    for name in choices:
        fd = take_lock(_device_lock(name), patience=0)
        if fd is not None:
            taken[name] = fd
            if not every:
                break
    if not taken or (every and len(taken) < len(choices)):
        for fd in taken.values():
            os.close(fd)
        return None
    for fd in taken.values():
        _held.add(fd)
        held.callback(_release, fd)
    return next(iter(taken))


def _release(fd: int) -> None:
    _held.discard(fd)
    os.close(fd)


def _device_lock(device: str) -> Path:
    return paths.runs_dir() / f".device-{re.sub('[^a-z0-9]', '-', device.lower())}.lock"
