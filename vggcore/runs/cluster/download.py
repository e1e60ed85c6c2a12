"""Copies what one attempt has written from the store into the run's folder here."""

import hashlib
import re
import time
from pathlib import Path

from vggcore.machine.files import parse_json, to_json, write_atomically
from vggcore.runs.cluster.store import Attempt, StoredFile
from vggcore.runs.names import BEST, LAST, LOG, METRICS
from vggcore.runs.status import Status, is_ended

_FILE = re.compile(
    r"(?!cluster|config|launch|status|notes)[a-z0-9][a-z0-9.-]*\.(safetensors|json|npz|png)"
)


class Download:
    """Keeps a run's folder in line with one attempt."""

    def __init__(self, attempt: Attempt, folder: Path):
        self.attempt, self.folder = attempt, folder
        self.ray_log = ""  # of a job that failed: shown after the trainer's own log
        self._rows, self._log = attempt.pieces("rows"), attempt.pieces("log")
        self._copied: dict[str, str] = {}  # hash of each file that is here
        self._status: dict | None = None  # the trainer's, as of the last complete download
        self._changed = time.monotonic()

    @property
    def unchanged_for(self) -> float:
        """Seconds since the store last had something new."""
        return time.monotonic() - self._changed

    def update(self, at_end: bool = False) -> Status:
        """Fetch what is new; returns the trainer's status. Raises StoreError, OSError.

        A working trainer writes its status every second: as long as it is unchanged, nothing else
        is fetched, unless the run has ended. at_end: it has, whatever its status says.
        """
        values = self.attempt.status()  # read first: the files it refers to were written before it
        status = Status.from_dict(values)
        ended = at_end or is_ended(status)
        if values == self._status and not ended:
            return status
        if rows := self._rows.read():  # a new attempt has none at first: keep the earlier ones
            self._write(METRICS, rows)
        if log := self._log.read() + self.ray_log.encode():
            self._write(LOG, log)
        for file in sorted(self.attempt.files().values(), key=_weights_first):
            if _FILE.fullmatch(file.name) and self._copied.get(file.name) != file.sha256:
                # The resumable state is large, and only useful here once the run has ended.
                if file.name != LAST or ended:
                    self._copy(file)
        if values != self._status:
            self._changed = time.monotonic()
            self._status = values  # set last, so that whatever failed above is tried again
        return status

    def _write(self, name: str, text: bytes) -> None:
        """Make a growing file hold this text; where it only grew, readers go on where they were."""
        file = self.folder / name
        before = _content(file)
        if text == before:
            return
        if text.startswith(before):
            with open(file, "ab") as stream:
                stream.write(text[len(before) :])
        else:
            write_atomically(file, text)
        self._changed = time.monotonic()

    def _copy(self, file: StoredFile) -> None:
        here = self.folder / file.name
        # After a restart, files that are already here are not fetched again.
        if hashlib.sha256(_content(here)).hexdigest() != file.sha256:
            content = self.attempt.read_file(file)
            if file.name == f"{BEST}.json":
                content = _renamed(content, self.folder.name)
            write_atomically(here, content)
            self._changed = time.monotonic()
        self._copied[file.name] = file.sha256


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _renamed(card: bytes, name: str) -> bytes:
    """A card with the name that its run has on this machine."""
    try:
        return to_json(parse_json(card) | {"name": name})
    except (ValueError, TypeError):
        return card


def _weights_first(file: StoredFile) -> tuple[bool, str]:
    """Sorts cards after the weights they describe."""
    return (file.name.endswith(".json"), file.name)
