"""Sees to it that a run which was asked to stop does end: `python -m vggcore.runs.stopper DIR`.

Started by `runs.stop` as a process of its own, so that a stop means stop even when the app that
asked is gone. It ends as soon as the run has. Needs no PyTorch.
"""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

from vggcore.machine.files import read_json, write_json
from vggcore.runs.locks import ENDED, holder, is_locked, take_lock

TERM_AFTER_SECONDS = 5.0
KILL_AFTER_SECONDS = 30.0
_POLL_SECONDS = 0.1


def see_to_end(run_dir: Path) -> None:
    """Wait for the run that is alive now; SIGTERM it after 5 s, SIGKILL its group after 30 s."""
    started, target, terminated = time.monotonic(), holder(run_dir), False
    while is_locked(run_dir / "lock") and (run_dir / "stop").exists():
        target = target or holder(run_dir)  # a process that is just starting says who it is later
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
    """Delete the stop request of a run that has ended in the meantime, by itself or by asking."""
    lock = take_lock(run_dir / "lock")
    if lock is None:
        return  # resumed already
    try:
        if (read_json(run_dir / "status.json") or {}).get("state") in ENDED:
            (run_dir / "stop").unlink(missing_ok=True)
    finally:
        os.close(lock)


def _send(pid: int, signum: int) -> None:
    """To the process, or for SIGKILL to its group, if it leads one."""
    try:
        if signum == signal.SIGKILL and os.getpgid(pid) == pid:
            os.killpg(pid, signum)
        else:
            os.kill(pid, signum)
    except ProcessLookupError:
        pass


def _record_kill(run_dir: Path) -> None:
    """Say in the status that the run was stopped by force, once it is gone."""
    lock = take_lock(run_dir / "lock", patience=10)
    if lock is None:
        return
    try:
        status = read_json(run_dir / "status.json") or {}
        message = (
            f"did not stop by itself within {KILL_AFTER_SECONDS:.0f} s and was killed; "
            "resume continues from its last checkpoint"
        )
        write_json(run_dir / "status.json", status | {"state": "stopped", "message": message})
        (run_dir / "stop").unlink(missing_ok=True)
    finally:
        os.close(lock)


def main() -> None:
    run_dir = Path(sys.argv[1])
    with open(run_dir / "stop", "rb") as request:
        try:
            fcntl.flock(request, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # an earlier click's stopper is at work
        see_to_end(run_dir)
        remove_answered_request(run_dir)


if __name__ == "__main__":
    main()
