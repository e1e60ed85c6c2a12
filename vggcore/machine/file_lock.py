"""Exclusive file locks that the kernel releases when their process dies, however it dies.

Launching a run must hand the open file to a child process, which a package such as `filelock`
cannot do. On Windows, which has no `fcntl`, one byte beyond the content is locked instead.
"""

import os
import sys
import time
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _BYTE = 1 << 20  # beyond any content

    def _lock(fd: int, *, wait: bool) -> None:
        os.lseek(fd, _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            raise BlockingIOError from None

    def is_locked(path: Path) -> bool:
        """Whether a living process holds the exclusive lock on `path`."""
        try:
            fd = os.open(path, os.O_RDWR)
        except OSError:
            return False
        try:
            _lock(fd, wait=False)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(fd)

else:
    import fcntl

    def _lock(fd: int, *, wait: bool) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)

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


def take_lock(path: Path, patience: float = 1.0, *, create: bool = True) -> int | None:
    """Exclusive lock on `path`: the open file's number, or None if another process holds it.

    Merely asking whether the lock is held takes it for an instant (see `is_locked`), so a
    refusal counts only after `patience` seconds. Raises OSError, also if the file does not
    exist and `create` is off.
    """
    deadline = time.monotonic() + patience
    while True:
        fd = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o644)
        try:
            _lock(fd, wait=False)
            if same_file(fd, path):
                os.ftruncate(fd, 0)  # the process whose pid was there is gone
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


def wait_for_lock(path: Path) -> int:
    """Wait for an exclusive lock on `path`, however long; returns the open file's number."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(fd, wait=True)
    except OSError:
        os.close(fd)
        raise
    return fd


def same_file(fd: int, path: Path) -> bool:
    """Whether the locked file is still the one at `path`, not that of a deleted or renamed run."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False
