"""Ends what a test session would leave behind, however the session ends (Linux only).

Whatever tests start (servers, browsers, Ray, trainers in sessions of their own) inherits a mark in
its environment. A process beside the session waits for the session's end, be it by SIGKILL, and
then kills every process that carries the mark.
"""

import os
import select
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

_MARK = "VGGCORE_TEST_SESSION"
_PATIENCE = 20.0  # seconds


def start() -> None:
    """Mark all that this process will start, and have it killed when this process has ended."""
    if sys.platform != "linux":
        return
    mark = uuid.uuid4().hex
    unmarked = {name: value for name, value in os.environ.items() if name != _MARK}
    waiting = subprocess.Popen(
        [sys.executable, __file__, str(os.getpid()), f"{_MARK}={mark}"],
        env=unmarked,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C goes to all processes of a session
    )
    waiting.returncode = 0  # it outlives us and is not waited for
    os.environ[_MARK] = mark


def pids_with(variable: str) -> list[int]:
    """Pids of the other processes that were started with this NAME=VALUE in their environment."""
    entry, found = variable.encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            if entry in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return [pid for pid in found if pid != os.getpid()]


def kill(variable: str) -> None:
    """Kill all processes with this NAME=VALUE, and what they start meanwhile."""
    deadline = time.monotonic() + _PATIENCE
    while (pids := pids_with(variable)) and time.monotonic() < deadline:
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _wait_for_end(pid: int) -> None:
    with suppress(ProcessLookupError):
        select.select([os.pidfd_open(pid)], [], [])


if __name__ == "__main__":
    _wait_for_end(int(sys.argv[1]))
    kill(sys.argv[2])
