"""On the cluster: a run's folder on the node, and its mirror in the store."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vggcore.machine.files import FileError, parse_json, read_json, write_atomically, write_json
from vggcore.machine.messages import Message, parts
from vggcore.runs.cluster.store import Attempt, Missing, StoredFile, StoredRun, StoreError
from vggcore.runs.folder import RunFolder
from vggcore.runs.names import BEST, CONFIG, LAST, LAUNCH, LOG, METRICS, PICTURES, State
from vggcore.runs.status import Status, is_ended, read_status, write_status

log = logging.getLogger(__name__)

PUSH_SECONDS = 1.0
LAST_WORDS_SECONDS = 24 * 3600.0  # how long an ended run waits for its store to return
SENDING = Message("saved; the checkpoint is being sent")
_SLOWEST_SECONDS = 15.0  # between attempts at a store that cannot be reached
_FILES = (f"{BEST}.safetensors", f"{BEST}.json", f"{BEST}.results.npz", LAST, PICTURES)
_ALSO = ("*.png",)  # what else of a run the pages show


def fetch(run: StoredRun, attempt: Attempt, folder: Path) -> bool:
    """Restore the run's folder as the last attempt left it; whether there is a state to resume.

    Raises StoreError.
    """
    config = run.config()
    if config is None:
        raise Missing(Message("the store has no run {id}: it was deleted", id=run.id))
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in (run.attempt(n) for n in reversed(run.attempts()) if n < attempt.number):
        files = earlier.files()
        if LAST not in files:
            continue  # it ended before it had a checkpoint: use the one before it
        for name, file in files.items():
            write_atomically(folder / Path(name).name, earlier.read_file(file))
        write_atomically(folder / METRICS, earlier.pieces("rows").read())
        write_atomically(folder / LOG, earlier.pieces("log").read())
        status = Status.from_dict(earlier.status())
        write_status(folder, Status(seconds=status.seconds, step=status.step))
        break
    write_json(folder / LAUNCH, run.launched())
    write_json(folder / CONFIG, config)
    return (folder / LAST).exists()


class Mirror:
    """Keeps the store's copy of a run up to date while it trains, and receives the stop request.

    Rows, log and status are sent every second; files, which may be large, by a separate thread.
    What cannot be sent now is sent later: training never waits for the store.
    """

    def __init__(self, run: StoredRun, attempt: Attempt, folder: RunFolder):
        self.run, self.attempt, self.folder = run, attempt, folder
        self.deleted = False  # the run was deleted: there is nothing left to do
        self._rows, self._log = attempt.pieces("rows"), attempt.pieces("log")
        self._files: dict[str, StoredFile] = {}
        self._seen: dict[str, tuple[int, int]] = {}  # time and size of what was sent
        self._reported: dict | None = None
        self._trouble = ""
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(self._exchange_words,), daemon=True),
            threading.Thread(target=self._repeat, args=(self._send_files,), daemon=True),
        ]

    def __enter__(self) -> "Mirror":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        """Send the rest, the status last: everything it refers to is then in the store."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        pause = PUSH_SECONDS
        while not self.deleted and time.monotonic() < deadline:
            if self._tried(self._send_files) and self._tried(self._exchange_words):
                return
            time.sleep(pause)
            pause = min(2 * pause, _SLOWEST_SECONDS)

    def _repeat(self, action: Callable[[], None]) -> None:
        pause = PUSH_SECONDS
        while not self._ended.wait(pause) and not self.deleted:
            reached = self._tried(action)
            pause = PUSH_SECONDS if reached else min(2 * pause, _SLOWEST_SECONDS)

    def _tried(self, action: Callable[[], None]) -> bool:
        try:
            if not self.attempt.has_begun():
                if self.run.is_deleted():
                    self.deleted = True
                    self.folder.request_stop()
                    return True
                raise StoreError(Message("the store has lost this run: waiting until it is back"))
            action()
        except (StoreError, OSError) as error:  # of the store, or of the node's disk
            self._tell(str(error))
            return False
        self._tell("")
        return True

    def _tell(self, trouble: str) -> None:
        """Report in the job's log, which Ray keeps: the store itself cannot be written to."""
        if trouble != self._trouble:
            self._trouble = trouble
            print(f"store: {trouble or 'reached again'}", flush=True)

    def _exchange_words(self) -> None:
        if self.attempt.stop_requested() and not self._ended.is_set():
            self.folder.request_stop()
        status = read_json(self.folder.path / "status.json")  # before the rows that it refers to
        self._log.send(_content(self.folder.path / LOG))
        self._rows.send(_content(self.folder.path / METRICS))
        if status is not None and not self._ended.is_set():
            status = _without_end(status)
        if status is not None and status != self._reported:
            self.attempt.write_status(status)
            self._reported = status

    def _send_files(self) -> None:
        path = self.folder.path
        names = [*_FILES, *(file.name for pattern in _ALSO for file in path.glob(pattern))]
        stamps = {name: stamp for name in names if (stamp := _stamp(path / name))}
        changed = {name for name, stamp in stamps.items() if self._seen.get(name) != stamp}
        if not changed:
            return
        contents = {name: content for name in changed if (content := _content(path / name))}
        if f"{BEST}.safetensors" in changed or f"{BEST}.json" in changed:
            best = {name: _content(path / name) for name in _FILES[:2]}
            if _belong_together(best):
                contents |= best
            else:  # the trainer is between writing the two: try again in a second
                contents = {name: contents[name] for name in contents.keys() - best.keys()}
        if not contents:
            return
        self._files = self.attempt.write_files(contents, self._files)
        self._seen |= {name: stamps[name] for name in contents if name in stamps}


def _without_end(status: dict) -> dict | None:
    """The status to report until everything written before the run's end is in the store."""
    if status.get("state") == State.STOPPED:
        return status | {"state": State.STOPPING, "message": SENDING, **parts(message=SENDING)}
    return None if is_ended(Status.from_dict(status)) else status


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        facts = file.stat()
    except FileNotFoundError:
        return None
    return facts.st_mtime_ns, facts.st_size


def _belong_together(best: dict[str, bytes]) -> bool:
    weights, card = best.values()
    try:
        return parse_json(card)["sha256"] == hashlib.sha256(weights).hexdigest()
    except (ValueError, KeyError, TypeError):
        return False


def use_place(run: StoredRun, place: Path) -> dict[str, str]:
    """Settings that make a folder of the node this run's home, so that its start can be found."""
    environment = {"VGGCORE_RUNS": str(place / "runs"), "PYTHONUNBUFFERED": "1"}
    if start := run.start():
        checkpoints = place / "checkpoints"
        checkpoints.mkdir(exist_ok=True)
        for name, content in start.items():
            write_atomically(checkpoints / name, content)
        environment["VGGCORE_CHECKPOINTS"] = str(checkpoints)
    return environment


def record_loss(folder: Path, reason: str) -> None:
    """Record in the status that the run has crashed, unless it reported how it ended."""
    status = read_status(folder)
    if not is_ended(status):
        try:
            write_status(folder, replace(status, state=State.CRASHED, message=reason))
        except FileError as error:
            print(f"could not record the end: {error}", flush=True)
