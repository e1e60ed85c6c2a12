"""The process that trains a run: its lock for life, how its end is recorded, several ranks."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vggcore.machine.file_lock import same_file
from vggcore.machine.files import FileError
from vggcore.machine.messages import Message
from vggcore.runs import locks
from vggcore.runs.names import LOCK, RESERVE, STOP, RunError, State
from vggcore.runs.status import is_ended, keep_reserve, no_room, read_status, write_status

LOCK_FD = "VGGCORE_LOCK_FD"  # file descriptor of the lock, handed over by the launcher
LOCK_HELD = "VGGCORE_LOCK_HELD"  # set for torchrun's ranks: their parent holds the locks
BOUND = "VGGCORE_ENDS_WITH_PARENT"  # set for the trainer of a job on a cluster
_held: set[int] = set()  # file descriptors of this process's locks
_PR_SET_PDEATHSIG = 1  # of Linux's prctl


@contextmanager
def hold_run_lock(run_dir: Path) -> Iterator[None]:
    """Hold the run's lock for the life of the block; enter it first, before importing torch.

    A launched process adopts the lock that its launcher took, so there is never an unlocked moment.
    An exception that leaves the block is recorded as "failed" unless an end is recorded already.
    Raises RunError if another process is running this run.
    """
    run_dir = Path(run_dir)
    if os.environ.get(LOCK_HELD):
        with _recording_failure(run_dir):
            yield
        return
    adopted = _adopt(run_dir / LOCK)
    fd = _take_or_explain(run_dir) if adopted is None else adopted
    try:
        if adopted is None:  # an existing stop request was meant for an earlier process
            (run_dir / STOP).unlink(missing_ok=True)
        keep(fd)
        locks.say_who_holds(fd)
        locks.remove_temporary_files(run_dir)
        keep_reserve(run_dir)
        with _recording_failure(run_dir):
            yield
    finally:
        (run_dir / RESERVE).unlink(missing_ok=True)
        _held.discard(fd)
        # An adopted one otherwise stays open until the process is gone: then it has crashed.
        if adopted is None or is_ended(read_status(run_dir)):
            os.close(fd)


def keep(fd: int) -> None:
    """Note that this process holds this lock, so that torchrun inherits it."""
    _held.add(fd)


def release(fd: int) -> None:
    """Release the lock of an open file."""
    _held.discard(fd)
    os.close(fd)


def continue_under_torchrun(processes: int, arguments: list[str]) -> None:
    """Become torchrun with `processes` ranks of `python -m vggcore train ARGUMENTS`.

    The process stays the same and keeps its locks; the ranks hold none. Does not return.
    """
    for fd in _held:
        os.set_inheritable(fd, True)
    os.environ[LOCK_HELD] = "1"
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *torchrun, "-m", "vggcore", "train", *arguments]
    os.execv(sys.executable, command)


def end_with_parent() -> None:
    """Let a process end with its killed parent: not train on, unlocked or unmirrored (Linux)."""
    bound = os.environ.get(LOCK_HELD) or os.environ.get(BOUND)
    if bound and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def record_end(run_dir: Path, state: State, message: str) -> None:
    """Write an end into the status, unless it has one or cannot be written."""
    status = read_status(run_dir)
    if is_ended(status):
        return
    try:
        write_status(run_dir, replace(status, state=state, message=message))
    except FileError as error:
        print(f"could not record that the run {state}: {error}", file=sys.stderr)


def _take_or_explain(run_dir: Path) -> int:
    try:
        fd = locks.take(run_dir)
    except OSError as error:
        raise RunError(
            Message(
                "cannot write to {run_dir}: {strerror}", run_dir=run_dir, strerror=error.strerror
            )
        ) from None
    if fd is None:
        raise RunError(Message("run {name} is already running", name=run_dir.name))
    return fd


def _adopt(path: Path) -> int | None:
    """The lock's file descriptor inherited from the launcher, if there is one."""
    number = os.environ.pop(LOCK_FD, "")
    if not number.isdigit():
        return None
    fd = int(number)
    try:
        if not same_file(fd, path):
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
        record_end(run_dir, State.STOPPED, Message("interrupted"))
        raise
    except FileError as error:
        message = no_room(run_dir, error) or str(error)
        record_end(run_dir, State.FAILED, message)
        raise
    except Exception as error:
        record_end(run_dir, State.FAILED, str(error) or type(error).__name__)
        raise
