"""Pictures that were found, and the class of each. Nothing is decoded here."""

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from vggcore.data.own import layout
from vggcore.data.own.names import readable, shortened
from vggcore.machine.messages import Message
from vggcore.pictures.decode import EXTENSIONS, open_image

MIN_CLASSES, MAX_CLASSES = 2, 1_000
MAX_PICTURES = 200_000
MAX_NAME = 100  # characters of a class's name
DECODED_SIDE = 512  # pixels of the longest side that a picture is decoded to


Reader = Callable[[], Image.Image]  # raises ImageError


class PicturesError(ValueError):
    """Pictures that cannot be trained on; the message is one line for people."""


@dataclass(frozen=True)
class Entry:
    """One picture that was found but not read yet."""

    name: str  # within its folder or zip, for people
    label: int
    identity: str  # changes when the picture does
    read: Reader
    group: str = ""  # pictures of one group stay in one split
    split: str = ""  # "train", "validation" or "test" where the source says so


@dataclass(frozen=True)
class Listing:
    """The pictures of a source, by class and name."""

    source: str  # as requested
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()  # one sentence per reason for leaving pictures out

    @cached_property
    def identity(self) -> str:
        """SHA-256 that changes with what is listed, without reading the pictures."""
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for entry in self.entries:
            facts = (entry.name, str(entry.label), entry.identity, entry.group, entry.split)
            digest.update("\0".join(facts).encode())
        return digest.hexdigest()


class ListingBuilder:
    """Collects pictures one by one, and makes the listing of them."""

    def __init__(self, source: str):
        self.source = source
        self.rows: list[tuple[str, str, str, str, str, Reader]] = []
        self.counts: dict[str, int] = {}  # of what was left out, by reason
        self.examples: dict[str, str] = {}
        self.notes: list[str] = []  # what else to know about how they were found

    def add(
        self,
        name: str,
        label: str,
        identity: str,
        read: Reader,
        group: str = "",
        split: str = "",
    ) -> None:
        """Add one picture. Raises PicturesError if there are too many."""
        if len(self.rows) >= MAX_PICTURES:
            raise PicturesError(
                Message(
                    "{source} has more than {limit:,} pictures",
                    source=self.source,
                    limit=MAX_PICTURES,
                )
            )
        self.rows.append((name, label, identity, group, split, read))

    def leave_out(self, why: str, name: str) -> None:
        """Count something that is left out; the first of each kind is named."""
        self.counts[why] = self.counts.get(why, 0) + 1
        self.examples.setdefault(why, shortened(name))

    def listing(self) -> Listing:
        """The listing. Raises PicturesError unless it has two to a thousand classes."""
        classes = sorted({row[1] for row in self.rows})
        check_classes(classes, self.source)
        number = {name: index for index, name in enumerate(classes)}
        entries = [
            Entry(name, number[label], identity, read, group, split)
            for name, label, identity, group, split, read in self.rows
        ]
        entries.sort(key=lambda entry: (entry.label, entry.name))
        left_out = tuple(
            Message("{count} {why}: {name}", count=count, why=Message(why), name=self.examples[why])
            for why, count in self.counts.items()
        )
        return Listing(self.source, tuple(classes), tuple(entries), (*left_out, *self.notes))

    def add_by_folders(self, files: Sequence[tuple[tuple[str, ...], str, str, Reader]]) -> None:
        """Add what is in class folders: the parts of each path, its name, identity and reader."""
        arranged = layout.arrange([parts for parts, *_ in files])
        for (_, name, identity, read), place in zip(files, arranged.places, strict=True):
            if place.why:
                self.leave_out(place.why, name)
            else:
                self.add(readable(name), place.label, identity, read, split=place.split)
        self.notes += arranged.notes


# Why something is left out; said with a number in front and an example behind.
NO_PICTURE = Message("left out as not pictures")
OUTSIDE = Message("left out, since their names lead outside of the zip")
LINKS = Message("left out as links")
LOCKED = Message("left out, since they need a password")
PACKED_OTHERWISE = Message("left out, since they are packed in another way than zips usually are")
TOO_LARGE = Message("left out as too large")
EMPTY = Message("left out as empty files")
EMPTY_FOLDER = Message("left out as empty folders")
# Folders and files that systems and programs leave beside pictures.
_LEFT_BEHIND = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information"}


def is_hidden(name: str) -> bool:
    """Whether a file or folder was never meant to be seen; its pictures are often copies."""
    return name in _LEFT_BEHIND or (name.startswith(".") and name != "..")


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder with the names of the folders and files in it; links are followed, but once."""
    entered = set()
    for directory, folders, names in os.walk(folder, followlinks=True):
        there = os.stat(directory)
        if (there.st_dev, there.st_ino) in entered:
            folders.clear()
            continue
        entered.add((there.st_dev, there.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield Path(directory), folders, sorted(name for name in names if not is_hidden(name))


def of_folder(folder: Path, source: str) -> Listing:
    """Pictures in class folders, as for torchvision's `ImageFolder`."""
    builder, files, count = ListingBuilder(source), [], 0
    for directory, folders, names in walk(folder):
        place = directory.relative_to(folder)
        count += len(names)
        if count > 2 * MAX_PICTURES:
            raise PicturesError(
                Message(
                    "{source} has more than {limit:,} files",
                    source=source,
                    limit=2 * MAX_PICTURES,
                )
            )
        if not (folders or names):
            builder.leave_out(EMPTY_FOLDER, str(place))
        for each in names:
            file, name = directory / each, str(place / each)
            if not is_picture(each):
                builder.leave_out(NO_PICTURE, name)
            elif not (identity := file_identity(file)):
                builder.leave_out(EMPTY, name)
            else:
                files.append(((*place.parts, each), name, identity, reader(file)))
    builder.add_by_folders(files)
    return builder.listing()


def check_classes(classes: list[str], source: str) -> None:
    """Raise PicturesError unless these can be distinguished, by people too."""
    if not MIN_CLASSES <= len(classes) <= MAX_CLASSES:
        raise PicturesError(
            Message(
                "{source} has pictures of {count} classes; {low} to {high:,} are needed: put the "
                "pictures of each class into a folder of its name",
                source=source,
                count=len(classes),
                low=MIN_CLASSES,
                high=MAX_CLASSES,
            )
        )
    earlier: dict[str, str] = {}
    for name in classes:
        if not name:
            raise PicturesError(Message("a class has an empty name: give its folder one"))
        if len(name) > MAX_NAME:
            raise PicturesError(
                Message(
                    "the name of class {name} has {count:,} characters, and {limit} are the most",
                    name=shortened(name),
                    count=len(name),
                    limit=MAX_NAME,
                )
            )
        same = unicodedata.normalize("NFKC", name).casefold()
        if same in earlier:
            raise PicturesError(
                Message(
                    "two classes differ only in capitals or in the form of their letters, {one} "
                    "and {other}: give them one name",
                    one=earlier[same],
                    other=name,
                )
            )
        earlier[same] = name


def is_picture(name: str) -> bool:
    _, dot, extension = name.rpartition(".")
    return bool(dot) and extension.lower() in EXTENSIONS


def file_identity(file: Path) -> str:
    """Changes when the file does; empty if there is nothing in it. Raises OSError."""
    facts = file.stat()
    return f"{facts.st_size} {facts.st_mtime_ns}" if facts.st_size else ""


def reader(file: Path) -> Reader:
    return lambda: open_image(file, DECODED_SIDE)
