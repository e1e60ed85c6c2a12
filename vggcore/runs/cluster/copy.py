"""The local copy of one run's folder, kept in line with what the store and the cluster say."""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vggcore.machine.files import parse_json, to_json, write_atomically, write_json
from vggcore.machine.messages import Message
from vggcore.runs import locks
from vggcore.runs.cluster.jobs import Job, Jobs
from vggcore.runs.cluster.store import (
    Attempt,
    Pieces,
    Store,
    StoredFile,
    StoredRun,
    StoreError,
    common_length,
)
from vggcore.runs.cluster.submitting import QUEUE, job_name, read_about
from vggcore.runs.names import BEST, CLUSTER, LAST, LIVING, LOG, METRICS, STOP, RunError, State
from vggcore.runs.status import Status, is_ended, read_status, write_status

STOP_PATIENCE = 60.0  # seconds for a run to save and end; after that Ray ends it
_LOST_PATIENCE = 20.0  # a job unknown to the cluster is lost if the store is silent for so long
_GIVE_UP_SECONDS = 120.0  # for a run asked to stop without news, when the cluster does not answer
_UNSENT_SECONDS = 300.0  # for a launch that was cut off before it reached the cluster
_SETTLED_SECONDS = 10.0  # between looks at a run that has ended: it may be resumed
_LOG_SECONDS = 30.0  # between looks at the log of a job that sends nothing
_LOG_BYTES = 20_000
_FILE = re.compile(
    r"(?!cluster|config|launch|status|notes)[a-z0-9][a-z0-9.-]*\.(safetensors|json|npz|png)"
)
LOST = Message("the cluster no longer knows its job: resume continues from its last checkpoint")
UNSENT = Message("it never reached the cluster: resume sends it again")
CANCELLED = Message("cancelled before it started")
KILLED = Message("did not stop by itself and was killed; resume continues from its last checkpoint")
GIVEN_UP = Message(
    "the cluster did not answer when the run was to stop, so the run was given up; resume "
    "continues from its last checkpoint"
)


class Copy:
    """The local copy of a run in the store."""

    def __init__(self, store: Store, jobs: Jobs, folder: Path, run_id: str):
        self.jobs, self.folder = jobs, folder
        self.run = StoredRun(store, run_id)
        self._number = 0  # of the attempt being followed
        self._have: dict[str, str] = {}  # hash of each file that is here
        self._news = time.monotonic()  # when the store last had something new
        self._said: dict | None = None  # what the trainer had said at the last look
        self._settled = False
        self._looked = float("-inf")
        self._ray_log = ""
        self._stopped_by_ray = False
        self._log_asked = float("-inf")
        self._attempt: Attempt
        self._rows: Pieces
        self._log: Pieces

    def update(self) -> None:
        """Bring the folder up to date. Raises FileError, OSError if it cannot be written."""
        asked_to_stop = (self.folder / STOP).exists()
        about = read_about(self.folder)
        resting = self._settled and about.get("attempt") == self._number and not asked_to_stop
        if resting and time.monotonic() - self._looked < _SETTLED_SECONDS:
            return
        self._looked = time.monotonic()
        lock = locks.take(self.folder, patience=0)
        if lock is None:
            return  # being deleted, renamed or resumed right now
        try:
            self._update()
        finally:
            os.close(lock)

    def _update(self) -> None:
        about = read_about(self.folder)
        if not about.get("submitted"):
            self._wait_for_submission()
            return
        self._follow(about.get("attempt", 1))
        before = read_status(self.folder)
        try:
            job, silence = self._job(), ""
        except RunError as error:
            job, silence = None, str(error)
        try:
            if not self._is_newest(about):
                return
            reported = self._mirror()
        except StoreError as error:
            self._say(replace(before, trouble=str(error)))
            return
        self._say(self._judge(reported, job, silence))

    def _wait_for_submission(self) -> None:
        """Leave alone a launch that another process is working on; judge one that was cut off."""
        status = read_status(self.folder)
        if status.state not in LIVING or time.time() - status.updated < _UNSENT_SECONDS:
            return
        try:
            begun = bool(self.run.attempts())
        except StoreError as error:
            self._say(replace(status, trouble=str(error)))
            return
        if begun:  # the job may exist: follow it like any other
            about = read_about(self.folder)
            write_json(self.folder / CLUSTER, about | {"submitted": True})
        else:
            self._say(replace(status, state=State.CRASHED, message=UNSENT))
            (self.folder / STOP).unlink(missing_ok=True)

    def _follow(self, number: int) -> None:
        if number != self._number:
            self._number, self._attempt = number, self.run.attempt(number)
            self._rows, self._log = self._attempt.pieces("rows"), self._attempt.pieces("log")
            self._settled, self._stopped_by_ray = False, False
            self._ray_log, self._news = "", time.monotonic()

    def _job(self) -> Job | None:
        """What Ray says about the job; not asked once the run has ended."""
        if self._settled:
            return None
        return self.jobs.find(job_name(self.run.id, self._number))

    def _is_newest(self, about: dict) -> bool:
        """Whether this is the attempt to follow; moves to a newer one, or deletes a deleted run."""
        numbers = self.run.attempts()
        if numbers and numbers[-1] != self._number:  # resumed or withdrawn by another machine
            write_json(self.folder / CLUSTER, about | {"attempt": numbers[-1]})
            self._say(replace(read_status(self.folder), state=State.QUEUED, message=""))
            return False
        if numbers:
            return True
        if self.run.is_deleted():
            doomed = self.folder.with_name(f".deleted-{self.folder.name}-{os.getpid()}")
            os.rename(self.folder, doomed)
            shutil.rmtree(doomed, ignore_errors=True)
            return False
        raise StoreError(Message("the store has lost this run; what is shown is the copy here"))

    def _mirror(self, at_end: bool = False) -> Status:
        """Fetch what is new in the store; returns the status found there.

        A working trainer writes its status every second: as long as it is unchanged, nothing else
        is fetched, unless the run has ended.
        """
        values = self._attempt.status()  # read first: the files it refers to were written before it
        reported = Status.from_dict(values)
        ended = at_end or is_ended(reported)
        if values == self._said and not ended:
            return reported
        rows, log = self._rows.take_in(), self._log.take_in()
        if rows:  # a new attempt has none at first: keep what the last one wrote
            self._note_news(_rewrite(self.folder / METRICS, rows))
        if log or self._ray_log:
            self._note_news(_rewrite(self.folder / LOG, log + self._ray_log.encode()))
        for file in sorted(self._attempt.files().values(), key=_weights_first):
            self._take(file, ended)
        self._note_news(values != self._said)
        self._said = values  # set last, so that whatever failed above is tried again
        return reported

    def _take(self, file: StoredFile, ended: bool) -> None:
        if not _FILE.fullmatch(file.name) or self._have.get(file.name) == file.sha256:
            return
        if file.name == LAST and not ended:
            return  # large, and only useful here once the run has ended
        here = self.folder / file.name
        if _sha256(here) != file.sha256:
            content = self._attempt.read_file(file)
            if file.name == f"{BEST}.json":  # the card gets the run's local name
                content = _named(content, self.folder.name)
            write_atomically(here, content)
            self._note_news(True)
        self._have[file.name] = file.sha256

    def _note_news(self, new: bool) -> None:
        if new:
            self._news = time.monotonic()

    def _judge(self, status: Status, job: Job | None, silence: str) -> Status:
        """The one true status, from what the trainer said and what Ray says about its job."""
        if not status.state:  # a new attempt has said nothing yet: keep the last one's progress
            status = replace(read_status(self.folder), state="", message="", summary={})
        status = replace(status, choices=QUEUE, ticket=None, pid=None, trouble="")
        if status.summary:
            status = replace(status, summary=status.summary | {"run_dir": str(self.folder)})
        if is_ended(status):
            self._end()
            return status
        self._settled = False  # also when it was taken for dead but is alive
        if silence:
            return self._without_answer(status, silence)
        if job is not None and job.alive:
            return self._alive(status, job)
        if job is None and time.monotonic() - self._news < _LOST_PATIENCE:
            return replace(status, state=status.state or State.QUEUED)
        return self._without_a_word(status, job)

    def _alive(self, status: Status, job: Job) -> Status:
        if job.state == "PENDING":
            if (self.folder / STOP).exists():
                return self._cancel(status)
            return replace(status, state=State.QUEUED, message=job.message)
        if status.state != State.STOPPING:  # otherwise it has heard, and is sending what it saved
            self._try(self._pass_on_stop)
        status = replace(status, state=status.state or State.STARTING)
        if time.monotonic() - self._news > _LOST_PATIENCE:
            return replace(status, trouble=self._store_trouble_of_the_job())
        return status

    def _cancel(self, status: Status) -> Status:
        """Ray keeps a waiting job until there is room: the job then sees the request and exits."""
        self._attempt.request_stop()
        self._try(self._stop_by_ray)
        return self._final(status, State.STOPPED, CANCELLED)

    def _store_trouble_of_the_job(self) -> str:
        """What the job says about the store, when nothing gets through it any more."""
        if time.monotonic() - self._log_asked < _LOG_SECONDS:
            return read_status(self.folder).trouble
        self._log_asked = time.monotonic()
        try:
            log = self.jobs.log(job_name(self.run.id, self._number))
        except RunError:
            return ""
        lines = [line for line in log.splitlines() if line.startswith("store: ")]
        if not lines or lines[-1].endswith("reached again"):
            return ""
        return Message("on the cluster, {what}", what=lines[-1].removeprefix("store: "))

    def _pass_on_stop(self) -> None:
        """Tell the trainer to stop; if it does not, tell Ray."""
        try:
            waited = time.time() - (self.folder / STOP).stat().st_mtime
        except FileNotFoundError:
            return
        if not self._attempt.stop_requested():
            self._attempt.request_stop()
        if waited > STOP_PATIENCE:
            self._stop_by_ray()

    def _stop_by_ray(self) -> None:
        if not self._stopped_by_ray:
            self.jobs.stop(job_name(self.run.id, self._number))
            self._stopped_by_ray = True

    def _without_answer(self, status: Status, silence: str) -> Status:
        """The job's state is unknown: rely on the store, and say why."""
        since = time.monotonic() - self._news
        self._try(self._pass_on_stop)
        if (self.folder / STOP).exists() and since > _GIVE_UP_SECONDS:
            return self._final(status, State.STOPPED, GIVEN_UP)
        state = status.state or State.QUEUED
        return replace(status, state=state, trouble=silence)

    def _without_a_word(self, status: Status, job: Job | None) -> Status:
        """The job is gone, and the trainer never said how the run ended."""
        if (self.folder / STOP).exists():
            cancelled = status.state == ""
            return self._final(status, State.STOPPED, CANCELLED if cancelled else KILLED)
        if job is None:
            return self._final(status, State.CRASHED, LOST)
        self._try(self._take_ray_log)
        return self._final(status, State.CRASHED, _in_a_line(job.message))

    def _final(self, status: Status, state: State, message: str) -> Status:
        """An end that was inferred, not reported: the other machines are told too."""
        ended = replace(status, state=state, message=message)
        self._try(lambda: self._tell_others(ended))
        self._try(
            lambda: self._mirror(at_end=True)
        )  # everything that came last, including the resumable checkpoint
        self._end()
        return ended

    def _tell_others(self, ended: Status) -> None:
        if self._attempt.has_begun():
            self._attempt.write_status(ended.to_dict())

    def _take_ray_log(self) -> None:
        text = self.jobs.log(job_name(self.run.id, self._number))[-_LOG_BYTES:]
        self._ray_log = f"\n--- what the job printed on the cluster ---\n{text}"

    def _try(self, action: Callable[[], object]) -> None:
        """Try something that can fail: the next pass repeats it, or it can be done without."""
        with suppress(RunError):
            action()

    def _end(self) -> None:
        (self.folder / STOP).unlink(missing_ok=True)
        self._settled = True

    def _say(self, status: Status) -> None:
        before = read_status(self.folder)
        if replace(status, updated=0.0) != replace(before, updated=0.0):
            write_status(self.folder, status)


def _rewrite(file: Path, text: bytes) -> bool:
    """Make a growing file hold this text by rewriting only its end; whether anything changed."""
    try:
        before = file.read_bytes()
    except FileNotFoundError:
        before = b""
    if text == before:
        return False
    unchanged = common_length(text, before)
    with open(file, "ab") as stream:
        stream.truncate(unchanged)
        stream.write(text[unchanged:])
    return True


def _sha256(file: Path) -> str:
    """Hash of a file, "" if it is missing: after a restart, files already here are not fetched."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def _named(card: bytes, name: str) -> bytes:
    try:
        return to_json(parse_json(card) | {"name": name})
    except (ValueError, TypeError):
        return card


def _weights_first(file: StoredFile) -> tuple[bool, str]:
    """Sorts cards after the weights they describe."""
    return (file.name.endswith(".json"), file.name)


def _in_a_line(message: str) -> str:
    """Ray's reason for a job's end, short enough to read."""
    text = message[:300].rstrip(". ") or Message("the job on the cluster ended unexpectedly")
    return Message("{text}; resume continues from its last checkpoint", text=text)
