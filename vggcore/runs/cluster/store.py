"""The store, an fsspec URL: where this machine and the cluster share the runs.

    RUN/config.json, launch.json           what to train; written once
    RUN/start.safetensors, start.json      the network it starts from, if any
    RUN/attempts/0001/attempt.json         one per launch or resume; only the newest counts
                      stop                 its existence asks to save and end
                      status.json          the trainer's latest status
                      rows/…, log/…        metrics and log, in the pieces they came in
                      files.json           which files are complete, and where they are
                      files/…              their contents, named by their hash
    .deleted/RUN                           marks a run as deleted on every machine

Each attempt has its own folder, so that a job that was wrongly given up for dead cannot spoil what
a later one writes.
"""

import hashlib
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vggcore.machine.files import parse_json, to_json
from vggcore.machine.messages import Message
from vggcore.runs.cluster.settings import STORE, without_password
from vggcore.runs.names import RunError

_RUN_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,80}")
# Where a reader could see a half-replaced file: written to one side, then renamed.
_RENAMING = {"file", "local", "sftp", "ssh"}
_NO_CACHE: dict[str, object] = {"use_listings_cache": False}  # others write there too
# A store that is gone must not block a page or a command for minutes.
_S3: dict[str, object] = {
    "config_kwargs": {
        "connect_timeout": 5,
        "read_timeout": 30,
        "retries": {"max_attempts": 2, "mode": "standard"},
    },
    **_NO_CACHE,
}
_OPTIONS: dict[str, dict[str, object]] = {
    "s3": _S3,
    "s3a": _S3,
    "sftp": {"timeout": 10},
    "ssh": {"timeout": 10},
    **{protocol: _NO_CACHE for protocol in ("gs", "gcs", "abfs", "az")},
}
_PACKAGES = {"s3": "s3fs", "sftp": "paramiko", "ssh": "paramiko", "gs": "gcsfs", "abfs": "adlfs"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PIECE = re.compile(r"(\d{8})-(\d+)")
_CHECKPOINT = (".safetensors", ".json")
PIECES_BEFORE_MERGING = 100


class StoreError(RunError):
    """The store cannot be reached or used; the message is one line for people."""


class Missing(StoreError):
    """The requested file is not in the store."""


@dataclass(frozen=True)
class StoredFile:
    """A complete file of an attempt."""

    name: str
    bytes: int
    sha256: str


class Store:
    """Bytes by name, in one folder of an fsspec file system. Raises StoreError, Missing."""

    def __init__(self, url: str, options: Mapping[str, object]):
        self.url = url
        self._protocol = self.url.partition("://")[0] if "://" in self.url else "file"
        self._options = _OPTIONS.get(self._protocol, {}) | dict(options)
        self._opened = None
        with self._reached():
            self._open()

    def _open(self) -> None:
        import fsspec

        self._opened, self._root = fsspec.core.url_to_fs(
            self.url, skip_instance_cache=True, **self._options
        )

    @property
    def _files(self):
        """The file system; reopened after a failure, since some lose their connection."""
        if self._opened is None:
            self._open()
        return self._opened

    def read(self, name: str) -> bytes:
        with self._reached():
            return self._files.cat_file(self._path(name))

    def read_json(self, name: str) -> dict | None:
        """The JSON object in a file; None if it is missing or holds something else."""
        try:
            values = parse_json(self.read(name))
        except (Missing, ValueError):
            return None
        return values if isinstance(values, dict) else None

    def write(self, name: str, content: bytes) -> None:
        """Write all of `content`, or nothing."""
        path = self._path(name)
        with self._reached(writing=True):
            if self._protocol not in _RENAMING:
                self._files.pipe_file(path, content)
                return
            folder, _, last = path.rpartition("/")
            self._files.makedirs(folder, exist_ok=True)
            aside = f"{folder}/.tmp-{uuid.uuid4().hex}"
            try:
                self._files.pipe_file(aside, content)
                self._files.mv(aside, path)
            except BaseException:
                with suppress(Exception):  # report the first error
                    self._files.rm_file(aside)
                raise

    def write_json(self, name: str, value: dict) -> None:
        self.write(name, to_json(value))

    def exists(self, name: str) -> bool:
        with self._reached():
            return bool(self._files.exists(self._path(name)))

    def names(self, folder: str = "") -> list[str]:
        """What is directly in a folder, sorted; empty if there is no such folder."""
        try:
            with self._reached():
                paths = self._files.ls(self._path(folder), detail=False)
        except Missing:
            return []
        names = {str(path).rstrip("/").rpartition("/")[2] for path in paths}
        return sorted(name for name in names if name and not name.startswith(".tmp-"))

    def delete(self, name: str) -> None:
        """Delete a file, or a folder with everything in it; does nothing if there is none."""
        with suppress(Missing), self._reached(writing=True):
            self._files.rm(self._path(name), recursive=True)

    def delete_files(self, names: list[str]) -> None:
        """Delete files, in as few requests as the file system allows."""
        with suppress(Missing), self._reached(writing=True):
            self._files.rm([self._path(name) for name in names])

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextmanager
    def _reached(self, writing: bool = False) -> Iterator[None]:
        """Turns every failure in the block into one line about the store."""
        try:
            yield
        except FileNotFoundError as error:
            raise Missing(self._message(writing, error)) from None
        except ImportError:
            package = _PACKAGES.get(self._protocol, f"fsspec's package for {self._protocol}")
            raise StoreError(
                Message(
                    "{store} needs a package that is not installed: pip install {package}",
                    store=STORE,
                    package=package,
                )
            ) from None
        except Exception as error:  # each file system has its own errors
            self._opened = None
            raise StoreError(self._message(writing, error)) from None

    def _message(self, writing: bool, error: Exception) -> Message:
        lines = str(getattr(error, "strerror", None) or error).split("\n")
        reason = lines[0][:200] or type(error).__name__
        url = without_password(self.url)
        if writing:
            return Message("the store {url} cannot be written to: {reason}", url=url, reason=reason)
        return Message("the store {url} cannot be read: {reason}", url=url, reason=reason)


class StoredRun:
    """One run's folder in the store."""

    def __init__(self, store: Store, run_id: str):
        if not _RUN_ID.fullmatch(run_id):
            raise StoreError(Message("{name!r} is not a run of the store", name=run_id[:80]))
        self.store, self.id = store, run_id

    def create(self, config: dict, launch: dict, start: Path | None) -> None:
        """Write what to train. start: path of a checkpoint without suffix."""
        if start:
            for suffix in _CHECKPOINT:
                content = start.with_name(start.name + suffix).read_bytes()
                self.store.write(f"{self.id}/start{suffix}", content)
        self.store.write_json(f"{self.id}/launch.json", launch)
        self.store.write_json(f"{self.id}/config.json", config)

    def config(self) -> dict | None:
        return self.store.read_json(f"{self.id}/config.json")

    def launched(self) -> dict:
        return self.store.read_json(f"{self.id}/launch.json") or {}

    def start(self) -> dict[str, bytes]:
        """The files of the checkpoint that the run starts from; empty if there is none."""
        try:
            return {
                f"start{suffix}": self.store.read(f"{self.id}/start{suffix}")
                for suffix in _CHECKPOINT
            }
        except Missing:
            return {}

    def attempts(self) -> list[int]:
        """Numbers of its attempts, newest last."""
        names = self.store.names(f"{self.id}/attempts")
        return [int(name) for name in names if name.isdigit()]

    def attempt(self, number: int) -> "Attempt":
        return Attempt(self.store, f"{self.id}/attempts/{number:04d}", number)

    def delete(self) -> None:
        """Remove it from every machine that knows it."""
        self.store.write(f".deleted/{self.id}", b"")
        self.store.delete(self.id)

    def is_deleted(self) -> bool:
        return self.store.exists(f".deleted/{self.id}")


def run_ids(store: Store) -> list[str]:
    """All runs in the store."""
    return [name for name in store.names() if _RUN_ID.fullmatch(name)]


class Attempt:
    """One launch or resume of a run: what its job writes, and what the job is told."""

    def __init__(self, store: Store, place: str, number: int):
        self.store, self.place, self.number = store, place, number

    def begin(self) -> None:
        self.store.write_json(f"{self.place}/attempt.json", {"attempt": self.number})

    def withdraw(self) -> None:
        """Withdraw an attempt that no job was found for."""
        self.store.delete(self.place)

    def has_begun(self) -> bool:
        return self.store.exists(f"{self.place}/attempt.json")

    def request_stop(self) -> None:
        self.store.write(f"{self.place}/stop", b"")

    def stop_requested(self) -> bool:
        return self.store.exists(f"{self.place}/stop")

    def write_status(self, status: dict) -> None:
        self.store.write_json(f"{self.place}/status.json", status)

    def status(self) -> dict | None:
        return self.store.read_json(f"{self.place}/status.json")

    def pieces(self, of: str) -> "Pieces":
        """of: "rows" or "log"."""
        return Pieces(self.store, f"{self.place}/{of}")

    def files(self) -> dict[str, StoredFile]:
        """Its complete files by name, all from one moment."""
        listing = self.store.read_json(f"{self.place}/files.json") or {}
        try:
            files = [StoredFile(n, int(f["bytes"]), str(f["sha256"])) for n, f in listing.items()]
        except (KeyError, TypeError, ValueError):
            files = []
        if len(files) < len(listing) or not all(_SHA256.fullmatch(f.sha256) for f in files):
            raise StoreError(Message("{name} is damaged in the store", name="files.json"))
        return {file.name: file for file in files}

    def read_file(self, file: StoredFile) -> bytes:
        """Read a file's contents. Raises StoreError if they are not what was written."""
        content = self.store.read(f"{self.place}/files/{file.sha256}")
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise StoreError(Message("{name} is damaged in the store", name=file.name))
        return content

    def write_files(self, contents: dict[str, bytes], before: dict[str, StoredFile]):
        """Add or replace complete files at once; `before` is what is there. Returns what is now."""
        now = dict(before)
        for name, content in contents.items():
            file = StoredFile(name, len(content), hashlib.sha256(content).hexdigest())
            self.store.write(f"{self.place}/files/{file.sha256}", content)
            now[name] = file
        self._write_index(now)
        for sha256 in {f.sha256 for f in before.values()} - {f.sha256 for f in now.values()}:
            self.store.delete(f"{self.place}/files/{sha256}")
        return now

    def _write_index(self, files: dict[str, StoredFile]) -> None:
        index = {f.name: {"bytes": f.bytes, "sha256": f.sha256} for f in files.values()}
        self.store.write_json(f"{self.place}/files.json", index)


class Pieces:
    """A growing text in pieces, whose names hold their number and offset.

    A piece starts at its offset and ends the text: whatever followed that offset is gone.
    Numbers rise, and now and then one piece with the whole text replaces the earlier ones.
    """

    def __init__(self, store: Store, place: str):
        self._store, self._place = store, place
        self.text = b""  # as far as sent or read
        self._number = 0  # of the last piece sent or read
        self._sent: list[str] = []

    def send(self, text: bytes) -> None:
        """Make the stored text equal this one, sending only what is new."""
        if text == self.text:
            return
        offset = len(self.text)
        if not text.startswith(self.text):
            offset = len(os.path.commonprefix([text, self.text]))
        if merged := len(self._sent) >= PIECES_BEFORE_MERGING:
            offset = 0
        # A number is used only once, even if the write seems to have failed: the piece may exist.
        self._number += 1
        name = f"{self._number:08d}-{offset}"
        self._store.write(f"{self._place}/{name}", text[offset:])
        self.text = text
        before, self._sent = self._sent, [*self._sent, name]
        if merged:
            self._sent = [name]
            self._store.delete_files([f"{self._place}/{old}" for old in before])

    def read(self) -> bytes:
        """The whole text as it is stored now; reads only what is new."""
        listed = [_PIECE.fullmatch(name) for name in self._store.names(self._place)]
        pieces = [(int(match[1]), int(match[2]), match[0]) for match in listed if match]
        new = [piece for piece in pieces if piece[0] > self._number]
        whole = [place for place, (_, offset, _) in enumerate(new) if offset == 0]
        for number, offset, name in new[whole[-1] if whole else 0 :]:
            if offset > len(self.text):
                break  # an inconsistent listing: the next one has what is missing
            try:
                piece = self._store.read(f"{self._place}/{name}")
            except Missing:  # merged in the meantime: the next look finds the merged piece
                break
            self.text = self.text[:offset] + piece
            self._number = number
        return self.text
