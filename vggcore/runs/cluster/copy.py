"""The local copy of one run's folder, kept in line with its newest attempt."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from vggcore.machine.files import write_json
from vggcore.machine.messages import Message
from vggcore.runs import locks
from vggcore.runs.cluster.followed import FollowedAttempt
from vggcore.runs.cluster.jobs import Jobs
from vggcore.runs.cluster.store import Store, StoredRun, StoreError
from vggcore.runs.cluster.submitting import read_about
from vggcore.runs.names import CLUSTER, LIVING, STOP, State
from vggcore.runs.status import Status, read_status, write_status

_UNSENT_SECONDS = 300.0  # for a launch that was cut off before it reached the cluster
_SETTLED_SECONDS = 10.0  # between looks at a run that has ended: it may be resumed
UNSENT = Message("it never reached the cluster: resume sends it again")


class Copy:
    """The local copy of a run in the store."""

    def __init__(self, store: Store, jobs: Jobs, folder: Path, run_id: str):
        self.jobs, self.folder = jobs, folder
        self.run = StoredRun(store, run_id)
        self._followed: FollowedAttempt | None = None
        self._looked = float("-inf")

    def update(self) -> None:
        """Bring the folder up to date. Raises FileError, OSError if it cannot be written."""
        if self._rests() and time.monotonic() - self._looked < _SETTLED_SECONDS:
            return
        self._looked = time.monotonic()
        lock = locks.take(self.folder, patience=0)
        if lock is None:
            return  # being deleted, renamed or resumed right now
        try:
            self._update(read_about(self.folder))
        except StoreError as error:
            self._write(replace(read_status(self.folder), trouble=str(error)))
        finally:
            os.close(lock)

    def _rests(self) -> bool:
        """Whether the attempt has ended, and nothing is wanted of it here."""
        attempt = self._followed
        if attempt is None or not attempt.ended or (self.folder / STOP).exists():
            return False
        return read_about(self.folder).get("attempt") == attempt.number

    def _update(self, about: dict) -> None:
        if not about.get("submitted"):
            self._wait_for_submission(about)
            return
        number = about.get("attempt", 1)
        if self._followed is None or self._followed.number != number:
            self._followed = FollowedAttempt(self.run, number, self.jobs, self.folder)
        job = self._followed.job()
        if self._is_newest(about, number):
            self._write(self._followed.status(job))

    def _wait_for_submission(self, about: dict) -> None:
        """Leave alone a launch that another process is working on; judge one that was cut off."""
        status = read_status(self.folder)
        if status.state not in LIVING or time.time() - status.updated < _UNSENT_SECONDS:
            return
        if self.run.attempts():  # the job may exist: follow it like any other
            write_json(self.folder / CLUSTER, about | {"submitted": True})
        else:
            self._write(replace(status, state=State.CRASHED, message=UNSENT))
            (self.folder / STOP).unlink(missing_ok=True)

    def _is_newest(self, about: dict, number: int) -> bool:
        """Whether this is the attempt to follow; moves to a newer one, or deletes a deleted run."""
        numbers = self.run.attempts()
        if numbers and numbers[-1] != number:  # resumed or withdrawn by another machine
            write_json(self.folder / CLUSTER, about | {"attempt": numbers[-1]})
            self._write(replace(read_status(self.folder), state=State.QUEUED, message=""))
        elif not numbers:
            if not self.run.is_deleted():
                raise StoreError(
                    Message("the store has lost this run; what is shown is the copy here")
                )
            doomed = self.folder.with_name(f".deleted-{self.folder.name}-{os.getpid()}")
            os.rename(self.folder, doomed)
            shutil.rmtree(doomed, ignore_errors=True)
        return numbers[-1:] == [number]

    def _write(self, status: Status) -> None:
        before = read_status(self.folder)
        if replace(status, updated=0.0) != replace(before, updated=0.0):
            write_status(self.folder, status)
