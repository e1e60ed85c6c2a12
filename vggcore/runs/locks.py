"""The lock of a run: a run is alive if it is locked.

A run's process holds it for its whole life, and the kernel releases it however the process dies,
so there is no need to trust a pid or a heartbeat.
"""

import os
from pathlib import Path

from vggcore.machine.file_lock import is_locked, take_lock
from vggcore.runs.names import INCOMING, LOCK


def is_alive(run_dir: Path) -> bool:
    """Whether a process is working on this run."""
    return is_locked(run_dir / LOCK)


def take(run_dir: Path, patience: float = 1.0) -> int | None:
    """The run's lock as a file descriptor; None if a process holds it. Raises OSError."""
    return take_lock(run_dir / LOCK, patience)


def holder(run_dir: Path) -> int | None:
    """Pid of the process that holds a run's lock; None if none does or it is just starting."""
    if not is_alive(run_dir):
        return None
    try:
        return int((run_dir / LOCK).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def say_who_holds(fd: int) -> None:
    """Write this process's pid into the locked file."""
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, f"{os.getpid():<19}\n".encode("ascii"))


def remove_temporary_files(run_dir: Path) -> None:
    """Delete what a killed process left half-written. The caller must hold the lock."""
    for path in (*run_dir.glob(".tmp-*"), run_dir / INCOMING):
        path.unlink(missing_ok=True)
