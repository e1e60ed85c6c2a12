"""Pictures decoded once and kept in the form that a network gets, so no epoch decodes them again.

They are kept in the cache folder under the listing's identity: changing a picture makes new
ones, and a run in progress goes on with those it began with.
"""

import hashlib
import math
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from vggcore.data.own import splits
from vggcore.data.own.listing import Entry, Listing, PicturesError
from vggcore.data.own.sources import open_listing
from vggcore.machine import paths
from vggcore.machine.files import read_json, to_json
from vggcore.machine.memory import free_memory
from vggcore.machine.messages import Message
from vggcore.pictures.decode import ImageError
from vggcore.pictures.prepare import STYLES, network_input, style_for

VERSION = 1  # of the kept files: raise it when their content changes
MEMORY_SHARE = 0.4  # share of free memory that pictures may take; beyond it they stay on disk
KEPT_BYTES = 10_000_000_000  # limit for all prepared sets together; the oldest go first
_LEFT_BEHIND_SECONDS = 86_400.0  # after which a half-made set counts as abandoned
_AHEAD = 4  # pictures given to each worker before the first of them is done
_REPORT_SECONDS = 0.2  # between two progress reports
_HASHED_SIDE = 64  # pixels a side at which pictures are compared: equal there means equal


Progress = Callable[[int, int], None]  # receives how many pictures are decoded, and of how many


class Form(NamedTuple):
    """How pictures reach the network."""

    size: int  # pixels a side
    style: str  # of `pictures.prepare`


@dataclass(frozen=True)
class PictureSet:
    """All readable pictures of a set in one form, in the order of its listing."""

    source: str
    classes: tuple[str, ...]
    images: np.ndarray  # uint8 [N, S, S], or in colour [N, S, S, C]; on disk or in memory
    labels: np.ndarray  # int64 [N]
    names: list[str]
    hashes: list[str]  # equal for equal pictures
    groups: list[str]
    given: list[str]  # splits that the source names
    sizes: np.ndarray  # int32 [N, 2]: width and height as found
    damaged: list[tuple[str, str]]  # name of each picture that could not be read, and why
    left_out: tuple[str, ...] = ()  # of the listing
    _shared: dict[int, splits.Shared] = field(default_factory=dict, repr=False)

    @cached_property
    def sha256(self) -> str:
        """Hash of the pictures, labels and what decides their splits, as stated in a card."""
        digest = hashlib.sha256(self.labels.tobytes())
        for several in (self.classes, self.hashes, self.groups, self.given):
            digest.update("\0".join((*several, "")).encode())
        return digest.hexdigest()

    def shared(self, seed: int) -> splits.Shared:
        """The split of each picture. Raises PicturesError; see `splits.split`."""
        if seed not in self._shared:
            self._shared[seed] = splits.split(
                self.labels, self.hashes, self.groups, self.given, self.classes, seed
            )
        return self._shared[seed]

    def part(self, split: str, seed: int) -> np.ndarray:
        """Indices int64 [M] of the pictures of "train", "validation" or "test"."""
        return np.flatnonzero(self.shared(seed).split == splits.SPLITS.index(split))


def form_of(framing: str, channels: int, size: int) -> Form:
    """The form that a recipe asks for: framing "whole" or "object"."""
    return Form(size, style_for(channels, whole=framing == "whole"))


def prepared(
    source: str, form: Form, on_progress: Progress = lambda done, total: None
) -> PictureSet:
    """The pictures of a source in this form: from the cache, or decoded now.

    `on_progress` is called a few times a second. Whatever it raises stops the work, and the next
    call goes on with the pictures that are not decoded yet. Raises PicturesError.
    """
    listing = open_listing(source)
    place = _place(listing, form)
    try:
        if (pictures := _from_disk(place, source)) is None:
            _make(listing, form, place, on_progress)
            pictures = _from_disk(place, source)
    except OSError as error:
        raise PicturesError(
            Message(
                "cannot keep the prepared pictures in {place}: {why}",
                place=place.parent,
                why=error.strerror or error,
            )
        ) from None
    if pictures is None:
        raise PicturesError(Message("cannot read the prepared pictures in {place}", place=place))
    return pictures


def of_content(sha256: str, form: Form) -> PictureSet | None:
    """The pictures with this hash in the cache; None if they are gone."""
    for place in _cache().glob(f"*-{form.size}-{form.style}"):
        pictures = _from_disk(place, "")
        if pictures is not None and pictures.sha256 == sha256:
            return pictures
    return None


def fits_memory(images: np.ndarray) -> bool:
    """Whether these pictures may be held in memory rather than read from disk."""
    free = free_memory("cpu")
    return free is None or images.nbytes <= MEMORY_SHARE * free


def _cache() -> Path:
    return paths.cache_dir() / "pictures"


def _place(listing: Listing, form: Form) -> Path:
    return _cache() / f"{listing.identity[:32]}-v{VERSION}-{form.size}-{form.style}"


def _from_disk(place: Path, source: str) -> PictureSet | None:
    """What was kept; None if there is nothing or it is damaged."""
    facts = read_json(place / "facts.json")
    try:
        if facts is None:
            return None
        images = np.load(place / "images.npy", mmap_mode="r", allow_pickle=False)
        labels = np.asarray(facts["labels"], np.int64)
        if len(images) != len(labels) or images.dtype != np.uint8:
            return None
        os.utime(place)  # the newest stay longest
        return PictureSet(
            source=source,
            classes=tuple(facts["classes"]),
            images=images,
            labels=labels,
            names=facts["names"],
            hashes=facts["hashes"],
            groups=facts["groups"],
            given=facts["given"],
            sizes=np.asarray(facts["sizes"], np.int32).reshape(-1, 2),
            damaged=[(name, why) for name, why in facts["damaged"]],
            left_out=tuple(facts["left_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


class _One(NamedTuple):
    image: np.ndarray
    digest: str
    size: tuple[int, int]


def _make(listing: Listing, form: Form, place: Path, on_progress: Progress) -> None:
    """Decode all pictures into a folder, which appears whole or not at all. Raises OSError.

    If that is stopped, what was decoded waits beside it until the next call.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    begun = place.with_name(f".begun-{place.name}")
    trial = Path(tempfile.mkdtemp(dir=place.parent, prefix=".new-"))
    work, whole = trial / "set", False
    try:
        with suppress(OSError):  # nothing waits
            begun.rename(work)
        work.mkdir(exist_ok=True)
        try:
            _write_images(listing, form, work, on_progress)
            whole = True
        except OSError:
            shutil.rmtree(work, ignore_errors=True)  # the disk may be full
            raise
        finally:
            with suppress(OSError):  # another process did the same: its copy is as good
                if whole and place.exists() and _from_disk(place, "") is None:
                    shutil.rmtree(place, ignore_errors=True)  # damaged
                work.rename(place if whole else begun)
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    _make_room(place)


def _write_images(listing: Listing, form: Form, folder: Path, on_progress: Progress) -> None:
    """Write all readable pictures to one NumPy file, and beside it what else is known of them.

    Goes on with what an earlier call that was stopped has written there.
    """
    entries, channels = listing.entries, STYLES[form.style].channels
    shape = (form.size, form.size) + (() if channels == 1 else (channels,))
    raw, begun = folder / "images.raw", folder / "begun.json"
    # By entry: hash and size, or why it cannot be used.
    done: list[list | str] = (read_json(begun) or {}).get("done", [])
    reported = time.monotonic()
    with open(raw, "ab") as stream, closing(_in_turn(entries[len(done) :], form)) as turns:
        stream.truncate(sum(not isinstance(each, str) for each in done) * math.prod(shape))
        try:
            for one in turns:
                if isinstance(one, _One):
                    stream.write(one.image.tobytes())
                done.append([one.digest, one.size] if isinstance(one, _One) else one)
                if time.monotonic() - reported > _REPORT_SECONDS:
                    reported = time.monotonic()
                    on_progress(len(done), len(entries))
        finally:
            begun.write_bytes(to_json({"done": done}))
    both = list(zip(entries, done, strict=True))
    written = [(entry, each) for entry, each in both if not isinstance(each, str)]
    with open(folder / "images.npy", "wb") as stream, open(raw, "rb") as content:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(written), *shape)}
        np.lib.format.write_array_header_1_0(stream, header)
        shutil.copyfileobj(content, stream)
    facts = {
        "source": listing.source,
        "classes": list(listing.classes),
        "labels": [entry.label for entry, _ in written],
        "names": [entry.name for entry, _ in written],
        "hashes": [digest for _, (digest, _) in written],
        "groups": [entry.group for entry, _ in written],
        "given": [entry.split for entry, _ in written],
        "sizes": [size for _, (_, size) in written],
        "damaged": [[entry.name, each] for entry, each in both if isinstance(each, str)],
        "left_out": list(listing.left_out),
    }
    (folder / "facts.json").write_bytes(to_json(facts))
    raw.unlink()
    begun.unlink()


def _in_turn(entries: Sequence[Entry], form: Form) -> Generator["_One | str", None, None]:
    """What became of each entry, in order; closing it stops the workers at once."""
    workers = ThreadPoolExecutor(os.cpu_count())
    begun: deque[Future[_One | str]] = deque()
    try:
        for entry in entries:
            begun.append(workers.submit(_one, entry, form))
            if len(begun) > _AHEAD * (os.cpu_count() or 1):
                yield begun.popleft().result()
        for made in begun:
            yield made.result()
    finally:
        workers.shutdown(cancel_futures=True)


def _one(entry: Entry, form: Form) -> _One | str:
    """One picture in its form, or why it cannot be used."""
    try:
        picture = entry.read()
    except ImageError as error:
        return str(error)
    return _One(
        image=network_input(picture, form.size, form.style),
        digest=digest(picture),
        size=picture.size,
    )


def digest(picture: Image.Image) -> str:
    """A hash that is the same for equal pictures, in whatever lossless format they were saved."""
    small = picture.resize((_HASHED_SIDE, _HASHED_SIDE), Image.Resampling.BOX)
    content = small.tobytes() + repr(picture.size).encode()
    return hashlib.sha256(content).hexdigest()[:32]


def _make_room(newest: Path) -> None:
    """Delete the least recently used sets until the rest fit; never the newest.

    Also deletes what a killed process left half-made. Others may do the same at the same time.
    """
    now, sets = time.time(), []
    for place in _cache().glob("*"):
        with suppress(FileNotFoundError):
            used = place.stat().st_mtime
            if place.name.startswith("."):
                if now - used > _LEFT_BEHIND_SECONDS:
                    shutil.rmtree(place, ignore_errors=True)
                continue
            sets.append((used, sum(file.stat().st_size for file in place.iterdir()), place))
    total = 0
    for _, size, place in sorted(sets, key=lambda one: one[0], reverse=True):
        total += size
        if total > KEPT_BYTES and place != newest:
            shutil.rmtree(place, ignore_errors=True)
