"""Tables of pictures and their classes: CSV, or text with tabs, as people have them."""

import csv
import io
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from vggcore.data.own.layout import SPLIT_WORDS, UNUSED
from vggcore.data.own.listing import (
    MAX_PICTURES,
    Listing,
    ListingBuilder,
    PicturesError,
    file_identity,
    is_picture,
    reader,
    walk,
)
from vggcore.data.own.names import encoding_of, readable, shortened
from vggcore.machine.messages import Message

SUFFIXES = (".csv", ".tsv", ".txt")
MAX_BYTES = 50_000_000
_PATHS = ("path", "file", "filename", "file_name", "image", "picture", "image_id", "image_path")
_LABELS = ("label", "class", "category", "target", "label_name", "class_name", "类别", "标签")
_BESIDE = ("group", "split", "")  # "": the row numbers that pandas writes
_DELIMITERS = ",;\t|"
_LOOKED_AT = 20  # rows from which the columns are found
_PIXELS = 64  # columns of numbers from which a table holds pixels


class _Columns(NamedTuple):
    path: int
    labels: list[int]  # one, or one for each class with a 1 in the picture's own
    group: int | None = None
    split: int | None = None
    header: tuple[str, ...] = ()


def listing(file: Path, source: str) -> Listing:
    """Pictures from a table with path and label, and optionally group and split.

    Paths are relative to the table; a name alone is looked for in the folders below it, with or
    without its extension. Raises PicturesError.
    """
    with open(file, "rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    files, builder = _Files(file.parent), ListingBuilder(source)
    rows = _rows(content, source)
    first = [row for _, row in zip(range(_LOOKED_AT), rows, strict=False)]
    columns = _columns([row for _, row in first], files, source)
    if len(content) > MAX_BYTES:
        raise PicturesError(
            Message("{source} is larger than {limit} MB", source=source, limit=MAX_BYTES // 10**6)
        )
    for line, row in _rows(content, source):
        if columns.header and tuple(row) == columns.header:
            continue
        _add(builder, files, columns, row, source, line)
    return builder.listing()


def _add(
    builder: ListingBuilder,
    files: "_Files",
    columns: _Columns,
    row: list[str],
    source: str,
    line: int,
):
    """Add the picture of a row. Raises PicturesError."""

    def cell(place: int | None) -> str:
        return row[place].strip() if place is not None and place < len(row) else ""

    path, label = cell(columns.path), _label(columns, row)
    if not (path and label):
        raise PicturesError(
            Message("{source}, line {line}: path and label are needed", source=source, line=line)
        )
    split = cell(columns.split).lower()
    meaning = SPLIT_WORDS.get(split, UNUSED) if split else ""
    if meaning == UNUSED:
        raise PicturesError(
            Message(
                "{source}, line {line}: unknown split {split!r}: write train, validation or test",
                source=source,
                line=line,
                split=shortened(split),
            )
        )
    file = files.find(path)
    if file is None:
        raise PicturesError(
            Message(
                "{source}, line {line}: there is no file {path}",
                source=source,
                line=line,
                path=shortened(path),
            )
        )
    builder.add(
        readable(path),
        readable(label),
        file_identity(file),
        reader(file),
        cell(columns.group),
        meaning,
    )


def _label(columns: _Columns, row: list[str]) -> str:
    """The class of a row; empty unless there is exactly one."""
    if len(columns.labels) == 1:
        place = columns.labels[0]
        return row[place].strip() if place < len(row) else ""
    chosen = [place for place in columns.labels if place < len(row) and _is_one(row[place])]
    return columns.header[chosen[0]].strip() if len(chosen) == 1 else ""


def _is_one(cell: str) -> bool:
    return cell.strip().lower() in ("1", "1.0", "true")


def _is_flag(cell: str) -> bool:
    return _is_one(cell) or cell.strip().lower() in ("0", "0.0", "false")


def _rows(content: bytes, source: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that has any. Raises PicturesError."""
    text = _text(content, source)
    start = text[:4096].splitlines()[:1]
    if start and start[0].lower().startswith("sep=") and len(start[0]) == 5:
        delimiter, skipped = start[0][4], 1  # as Excel writes it
    else:
        delimiter = max(_DELIMITERS, key=lambda sign: start[0].count(sign)) if start else ","
        skipped = 0
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise PicturesError(
            Message("{source}, line {line}: it is not text", source=source, line=line)
        )
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in rows:
            if rows.line_num > skipped and any(cell.strip() for cell in row):
                yield rows.line_num, row
    except csv.Error as error:
        raise PicturesError(
            Message(
                "{source}, line {line}: {error}", source=source, line=rows.line_num, error=error
            )
        ) from None


def _text(content: bytes, source: str) -> str:
    encoding = encoding_of([content])
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    if not encoding and len(content) > MAX_BYTES:  # cut within a letter, perhaps
        encoding = "latin-1"
    try:
        return content.decode(encoding or "utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise PicturesError(
            Message("{source} is no text in UTF-8: save it as “CSV UTF-8”", source=source)
        ) from None


def _columns(rows: list[list[str]], files: "_Files", source: str) -> _Columns:
    """Which columns hold what, by the first rows. Raises PicturesError if that is not clear."""
    if not rows:
        return _Columns(0, [1])
    first, others = rows[0], rows[1:]
    names = [cell.strip().lower() for cell in first]
    numbers = sum(cell.strip().isdigit() for cell in rows[-1])
    if numbers > _PIXELS:
        raise PicturesError(
            Message(
                "{source} holds pixels ({count} columns of numbers), not names of pictures: save "
                "each picture as a file. Fashion-MNIST itself is trained on without --pictures",
                source=source,
                count=numbers,
            )
        )

    def known(wanted: tuple[str, ...]) -> int | None:
        return next((names.index(name) for name in wanted if name in names), None)

    def holds_pictures(place: int, some: list[list[str]]) -> bool:
        cells = [row[place].strip() for row in some if place < len(row)]
        return any(is_picture(cell) or files.find(cell) for cell in cells if cell)

    path, label = known(_PATHS), known(_LABELS)
    if path is None or not (label is not None or holds_pictures(path, others)):
        if any(holds_pictures(place, [first]) for place in range(len(first))) or not others:
            return _Columns(0, [1])  # no header
        path = next((p for p in range(len(first)) if holds_pictures(p, others)), None)
        if path is None:
            return _Columns(0, [1])
    left = [p for p, name in enumerate(names) if p != path and name not in _BESIDE]
    labels = left if label is None else [label]
    flags = all(_is_flag(row[p]) for row in others for p in labels if p < len(row))
    if len(labels) > 1 and not flags:
        raise PicturesError(
            Message(
                "{source} has several columns that could name the class: call one of {names} label",
                source=source,
                names=", ".join(shortened(first[p].strip()) for p in labels[:6]),
            )
        )
    return _Columns(path, labels or [1], known(("group",)), known(("split",)), tuple(first))


class _Files:
    """Finds pictures by what a table calls them."""

    def __init__(self, folder: Path):
        self.folder = folder

    def find(self, name: str) -> Path | None:
        """The file; None if there is none, or several have that name."""
        name = name.replace("\\", "/")
        for form in ("NFC", "NFD"):
            try:
                file = self.folder / unicodedata.normalize(form, name)
                if file.is_file():
                    return file
            except (OSError, ValueError):  # too long; ValueError: a NUL in it
                return None
        several = self._by_name.get(readable(name), [])
        return several[0] if len(several) == 1 else None

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """The pictures below the table's folder, by their names with and without extension."""
        by_name: dict[str, list[Path]] = {}
        for directory, _, names in walk(self.folder):
            if len(by_name) > 2 * MAX_PICTURES:
                break
            for name in filter(is_picture, names):
                for key in {readable(name), readable(name.rpartition(".")[0])}:
                    by_name.setdefault(key, []).append(directory / name)
        return by_name
