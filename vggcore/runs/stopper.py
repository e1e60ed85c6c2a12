"""Makes sure that a run which was asked to stop does end: `python -m vggcore.runs.stopper DIR`.

Started by `runs.stop` as a separate process, so that the stop works even if the app that asked
is gone. It ends as soon as the run has. Needs no PyTorch.
"""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from vggcore.machine.file_lock import take_lock
from vggcore.machine.messages import Message
from vggcore.runs import locks
from vggcore.runs.locks import holder
from vggcore.runs.names import STOP, State
from vggcore.runs.status import is_ended, read_status, write_status

TERM_AFTER_SECONDS = 5.0
KILL_AFTER_SECONDS = 30.0
_POLL_SECONDS = 0.1


def see_to_end(run_dir: Path) -> None:
    """Wait for the run that is alive now; SIGTERM it after 5 s, SIGKILL its group after 30 s."""
    started, target, terminated = time.monotonic(), holder(run_dir), False
    while locks.is_alive(run_dir) and (run_dir / STOP).exists():
        target = target or holder(run_dir)  # a process that is just starting writes its pid later
        if holder(run_dir) not in (target, None):
            return  # the run has ended and was resumed: not ours to stop
        waited = time.monotonic() - started
        if target and waited > TERM_AFTER_SECONDS and not terminated:
            _send(target, signal.SIGTERM)
            terminated = True
        if target and waited > KILL_AFTER_SECONDS:
            _send(target, signal.SIGKILL)
            _record_kill(run_dir)
            return
        time.sleep(_POLL_SECONDS)


def remove_answered_request(run_dir: Path) -> None:
    """Delete the stop request of a run that has ended in the meantime, for whatever reason."""
    lock = locks.take(run_dir)
    if lock is None:
        return  # resumed already
    try:
        if is_ended(read_status(run_dir)):
            (run_dir / STOP).unlink(missing_ok=True)
    finally:
        os.close(lock)


def _send(pid: int, signum: int) -> None:
    """Signal the process; for SIGKILL its group, if it leads one."""
    try:
        if signum == signal.SIGKILL and os.getpgid(pid) == pid:
            os.killpg(pid, signum)
        else:
            os.kill(pid, signum)
    except ProcessLookupError:
        pass


def _record_kill(run_dir: Path) -> None:
    """Record in the status that the run was stopped by force, once it is gone."""
    lock = locks.take(run_dir, patience=10)
    if lock is None:
        return
    try:
        message = Message(
            "did not stop by itself within {seconds:.0f} s and was killed; "
            "resume continues from its last checkpoint",
            seconds=KILL_AFTER_SECONDS,
        )
        status = replace(read_status(run_dir), state=State.STOPPED, message=message)
        write_status(run_dir, status)
        (run_dir / STOP).unlink(missing_ok=True)
    finally:
        os.close(lock)


def main() -> None:
    run_dir = Path(sys.argv[1])
    try:
        request = take_lock(run_dir / STOP, patience=0, create=False)
    except FileNotFoundError:
        return  # the run has already answered it
    if request is None:
        return  # the stopper of an earlier click is running
    see_to_end(run_dir)
    remove_answered_request(run_dir)
    os.close(request)


if __name__ == "__main__":
    main()
