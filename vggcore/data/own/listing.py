"""The pictures that a folder or a CSV holds, and the class of each. Nothing is decoded here."""

import csv
import hashlib
import io
import os
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from vggcore.machine.messages import Message
from vggcore.pictures.decode import EXTENSIONS, open_image

MIN_CLASSES, MAX_CLASSES = 2, 1_000
MAX_PICTURES = 200_000
MAX_NAME = 100  # characters of a class's name
MAX_CSV_BYTES = 50_000_000
DECODED_SIDE = 512  # pixels of the longest side that a picture is decoded to
# Names of folders, and values of a CSV's column, that say which split a picture is in.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_PATH_COLUMNS = ("path", "file", "filename", "file_name", "image", "picture")
_LABEL_COLUMNS = ("label", "class", "category", "target")


class PicturesError(ValueError):
    """Pictures that cannot be trained on; the message is one line for people."""


@dataclass(frozen=True)
class Entry:
    """One picture that was found but not read yet."""

    name: str  # within its folder or zip, for people
    label: int
    identity: str  # changes when the picture does
    read: Callable[[], Image.Image]  # raises ImageError
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


class Found:
    """Collects pictures one by one, and makes the listing of them."""

    def __init__(self, source: str):
        self.source = source
        self.rows: list[tuple[str, str, str, str, str, Callable[[], Image.Image]]] = []
        self.counts: dict[str, int] = {}  # of what was left out, by reason
        self.examples: dict[str, str] = {}

    def add(
        self,
        name: str,
        label: str,
        identity: str,
        read: Callable[[], Image.Image],
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
        return Listing(self.source, tuple(classes), tuple(entries), left_out)


# Why something is left out; said with a number in front and an example behind.
NO_PICTURE = Message("left out as not pictures")
OUTSIDE = Message("left out, since their names lead outside of the zip")
LINKS = Message("left out as links")
LOCKED = Message("left out, since they need a password")
PACKED_OTHERWISE = Message("left out, since they are packed in another way than zips usually are")
TOO_LARGE = Message("left out as too large")
NO_CLASS = Message("left out, since they are not in a class's folder")


def of_folder(folder: Path, source: str) -> Listing:
    """Pictures in class folders, as for torchvision's `ImageFolder`."""
    found, files = Found(source), []
    for directory, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                files.append(Path(directory, name))
            if len(files) > 2 * MAX_PICTURES:
                raise PicturesError(
                    Message(
                        "{source} has more than {limit:,} files",
                        source=source,
                        limit=2 * MAX_PICTURES,
                    )
                )
    for file in files:
        if not is_picture(file.name):
            found.leave_out(NO_PICTURE, str(file.relative_to(folder)))
    files = [file for file in files if is_picture(file.name)]
    parts = [file.relative_to(folder).parts for file in files]
    for file, place in zip(files, by_class(parts), strict=True):
        name = readable(str(file.relative_to(folder)))
        if place is None:
            found.leave_out(NO_CLASS, name)
        else:
            split, label = place
            found.add(name, label, _file_identity(file), _reader(file), split=split)
    return found.listing()


def of_csv(file: Path, source: str) -> Listing:
    """Pictures from a table with path and label, and optionally group and split.

    Paths are relative to the table. Raises PicturesError.
    """
    with open(file, "rb") as stream:
        content = stream.read(MAX_CSV_BYTES + 1)
    if len(content) > MAX_CSV_BYTES:
        raise PicturesError(
            Message(
                "{source} is larger than {limit} MB", source=source, limit=MAX_CSV_BYTES // 10**6
            )
        )
    found = Found(source)
    for line, row in table_rows(content, source):
        path = file.parent / row["path"]
        try:
            identity = _file_identity(path)
        except (OSError, ValueError):  # ValueError: a name with a NUL in it
            raise PicturesError(
                Message(
                    "{source}, line {line}: there is no file {path}",
                    source=source,
                    line=line,
                    path=shortened(row["path"]),
                )
            ) from None
        found.add(
            readable(row["path"]), row["label"], identity, _reader(path), row["group"], row["split"]
        )
    return found.listing()


def table_rows(content: bytes, source: str) -> Iterable[tuple[int, dict[str, str]]]:
    """Line number, and path, label, group and split, of each row. Raises PicturesError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PicturesError(Message("{source} is no text in UTF-8", source=source)) from None
    try:
        delimiter = csv.Sniffer().sniff(text[:4096], ",;\t").delimiter
    except csv.Error:
        delimiter = ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns: dict[str, int] | None = None
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                columns, is_header = _columns(row)
                if is_header:
                    continue
            yield rows.line_num, _named(row, columns, rows.line_num, source)
    except csv.Error as error:
        raise PicturesError(
            Message(
                "{source}, line {line}: {error}", source=source, line=rows.line_num, error=error
            )
        ) from None


def _columns(first: list[str]) -> tuple[dict[str, int], bool]:
    """Which columns hold path, label, group and split, and whether the first row names them."""
    names = [cell.strip().lower() for cell in first]
    paths = [names.index(name) for name in _PATH_COLUMNS if name in names]
    labels = [names.index(name) for name in _LABEL_COLUMNS if name in names]
    if not (paths and labels):
        return {"path": 0, "label": 1}, False
    found = {"path": paths[0], "label": labels[0]}
    return found | {name: names.index(name) for name in ("group", "split") if name in names}, True


def _named(row: list[str], columns: dict[str, int], line: int, source: str) -> dict[str, str]:
    cells = {
        name: row[place].strip() if place < len(row) else "" for name, place in columns.items()
    }
    if not (cells["path"] and cells["label"]):
        raise PicturesError(
            Message("{source}, line {line}: path and label are needed", source=source, line=line)
        )
    split = cells.get("split", "").lower()
    if split and split not in SPLIT_NAMES:
        raise PicturesError(
            Message(
                "{source}, line {line}: unknown split {split!r}: write train, validation or test",
                source=source,
                line=line,
                split=shortened(split),
            )
        )
    return cells | {"group": cells.get("group", ""), "split": SPLIT_NAMES.get(split, "")}


def by_class(places: list[tuple[str, ...]]) -> list[tuple[str, str] | None]:
    """Split and class of each path, from its folders; None if it is in no folder.

    A single folder around all others means nothing and is dropped; folders train, validation and
    test around the classes say which split their pictures are in.
    """
    depth = 0
    while True:
        first = {place[depth] for place in places if len(place) > depth + 1}
        below = {place[depth + 1] for place in places if len(place) > depth + 2}
        if len(first) != 1 or len(below) < MIN_CLASSES:
            break
        depth += 1
    named = {place[depth].lower() for place in places if len(place) > depth + 1}
    split = bool(named) and named <= set(SPLIT_NAMES)
    found: list[tuple[str, str] | None] = []
    for place in places:
        rest = place[depth:]
        if len(rest) < 2 + split:
            found.append(None)
        elif split:
            found.append((SPLIT_NAMES[rest[0].lower()], readable(rest[1])))
        else:
            found.append(("", readable(rest[0])))
    return found


def check_classes(classes: list[str], source: str) -> None:
    """Raise PicturesError unless these can be told apart, by people too."""
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
    seen: dict[str, str] = {}
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
        if same in seen:
            raise PicturesError(
                Message(
                    "two classes differ only in capitals, {one} and {other}: give them one name",
                    one=seen[same],
                    other=name,
                )
            )
        seen[same] = name


def is_picture(name: str) -> bool:
    return name.rpartition(".")[2].lower() in EXTENSIONS


def readable(name: str) -> str:
    """A name from a file system or a stranger's zip as printable text."""
    if name.isprintable():
        return name.strip()
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in text).strip()


def shortened(name: str) -> str:
    """A name cut to fit on a line."""
    text = readable(name)
    return text if len(text) <= 60 else f"{text[:28]}…{text[-28:]}"


def _file_identity(file: Path) -> str:
    found = file.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def _reader(file: Path) -> Callable[[], Image.Image]:
    return lambda: open_image(file, DECODED_SIDE)
