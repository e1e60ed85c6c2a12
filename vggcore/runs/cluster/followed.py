"""The state of one attempt, from what its trainer wrote and what Ray says about its job."""

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vggcore.machine.messages import Message
from vggcore.runs.cluster.download import Download
from vggcore.runs.cluster.jobs import Job, Jobs
from vggcore.runs.cluster.store import StoredRun
from vggcore.runs.cluster.submitting import QUEUE, job_name
from vggcore.runs.names import STOP, RunError, State
from vggcore.runs.status import Status, is_ended, read_status

STOP_PATIENCE = 60.0  # seconds for a run to save and end; after that Ray ends it
_LOST_PATIENCE = 20.0  # a job unknown to the cluster is lost if the store is silent for so long
_GIVE_UP_SECONDS = 120.0  # for a run asked to stop without news, when the cluster does not answer
_LOG_SECONDS = 30.0  # between looks at the log of a job that sends nothing
_LOG_BYTES = 20_000
_NO_ANSWER = "NO ANSWER"  # in place of a job's state
LOST = Message("the cluster no longer knows its job: resume continues from its last checkpoint")
CANCELLED = Message("cancelled before it started")
KILLED = Message("did not stop by itself and was killed; resume continues from its last checkpoint")
GIVEN_UP = Message(
    "the cluster did not answer when the run was to stop, so the run was given up; resume "
    "continues from its last checkpoint"
)


class FollowedAttempt:
    """One attempt of a run whose copy is in `folder`."""

    def __init__(self, run: StoredRun, number: int, jobs: Jobs, folder: Path):
        self.number, self.folder, self.jobs = number, folder, jobs
        self.attempt = run.attempt(number)
        self.ended = False
        self._download = Download(self.attempt, folder)
        self._job_name = job_name(run.id, number)
        self._stopped_by_ray = False
        self._log_read = float("-inf")

    def job(self) -> Job | None:
        """What Ray says about the job; None if it knows none, or the run has ended."""
        if self.ended:
            return None
        try:
            return self.jobs.find(self._job_name)
        except RunError as error:
            return Job(_NO_ANSWER, str(error))

    def status(self, job: Job | None) -> Status:
        """Copy what is new, and return the run's status. Raises StoreError, OSError.

        job: what Ray said before, so that all a job wrote until its end is in the store by now.
        """
        status = self._download.update()
        if not status.state:  # it has reported nothing yet: keep the progress of the one before
            status = replace(read_status(self.folder), state="", message="", summary={})
        status = replace(status, choices=QUEUE, ticket=None, pid=None, trouble="")
        if status.summary:
            status = replace(status, summary=status.summary | {"run_dir": str(self.folder)})
        if is_ended(status):
            self._end()
            return status
        self.ended = False  # also when it was taken for dead but is alive
        if job is not None and job.state == _NO_ANSWER:
            return self._without_answer(status, job.message)
        if job is not None and job.alive:
            return self._alive(status, job)
        if job is None and self._download.unchanged_for < _LOST_PATIENCE:
            return replace(status, state=status.state or State.QUEUED)
        return self._dead(status, job)

    @property
    def _stop_requested(self) -> bool:
        return (self.folder / STOP).exists()

    def _alive(self, status: Status, job: Job) -> Status:
        if job.state == "PENDING":
            if not self._stop_requested:
                return replace(status, state=State.QUEUED, message=job.message)
            # Ray keeps a waiting job until there is room: it then sees the request and exits.
            self.attempt.request_stop()
            with suppress(RunError):
                self._stop_by_ray()
            return self._final(status, State.STOPPED, CANCELLED)
        if status.state != State.STOPPING:  # otherwise it is already sending what it saved
            self._pass_on_stop()
        status = replace(status, state=status.state or State.STARTING)
        if self._download.unchanged_for > _LOST_PATIENCE:
            return replace(status, trouble=self._trouble_with_the_store())
        return status

    def _without_answer(self, status: Status, reason: str) -> Status:
        """The job's state is unknown: rely on the store, and say why."""
        self._pass_on_stop()
        if self._stop_requested and self._download.unchanged_for > _GIVE_UP_SECONDS:
            return self._final(status, State.STOPPED, GIVEN_UP)
        return replace(status, state=status.state or State.QUEUED, trouble=reason)

    def _dead(self, status: Status, job: Job | None) -> Status:
        """The job is gone, and its trainer reported no end."""
        if self._stop_requested:
            return self._final(status, State.STOPPED, KILLED if status.state else CANCELLED)
        if job is None:
            return self._final(status, State.CRASHED, LOST)
        with suppress(RunError):
            text = self.jobs.log(self._job_name)[-_LOG_BYTES:]
            self._download.ray_log = f"\n--- what the job printed on the cluster ---\n{text}"
        reason = job.message[:300].rstrip(". ") or Message(
            "the job on the cluster ended unexpectedly"
        )
        message = Message("{text}; resume continues from its last checkpoint", text=reason)
        return self._final(status, State.CRASHED, message)

    def _final(self, status: Status, state: State, message: str) -> Status:
        """An end that was inferred, not reported: other machines read it from the store."""
        ended = replace(status, state=state, message=message)
        with suppress(RunError):
            if self.attempt.has_begun():
                self.attempt.write_status(ended.to_dict())
        with suppress(RunError):  # all that came last, including the resumable checkpoint
            self._download.update(at_end=True)
        self._end()
        return ended

    def _end(self) -> None:
        (self.folder / STOP).unlink(missing_ok=True)
        self.ended = True

    def _pass_on_stop(self) -> None:
        """Tell the trainer to stop; if it does not, tell Ray. If that fails, the next pass does."""
        try:
            waited = time.time() - (self.folder / STOP).stat().st_mtime
        except FileNotFoundError:
            return
        with suppress(RunError):
            if not self.attempt.stop_requested():
                self.attempt.request_stop()
            if waited > STOP_PATIENCE:
                self._stop_by_ray()

    def _stop_by_ray(self) -> None:
        if not self._stopped_by_ray:
            self.jobs.stop(self._job_name)
            self._stopped_by_ray = True

    def _trouble_with_the_store(self) -> str:
        """What the job says about the store, when nothing gets through it any more."""
        if time.monotonic() - self._log_read < _LOG_SECONDS:
            return read_status(self.folder).trouble
        self._log_read = time.monotonic()
        try:
            lines = self.jobs.log(self._job_name).splitlines()
        except RunError:
            return ""
        last = next((line for line in reversed(lines) if line.startswith("store: ")), "")
        if not last or last.endswith("reached again"):
            return ""
        return Message("on the cluster, {what}", what=last.removeprefix("store: "))
