"""Pictures that a network named wrongly, kept in folders of their true classes."""

import secrets
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vggcore.data.own import places
from vggcore.data.own.listing import DECODED_SIDE, PicturesError
from vggcore.data.own.names import folder_name
from vggcore.machine.files import write_atomically
from vggcore.machine.messages import Message
from vggcore.pictures.decode import ImageError, open_image

# The set that visitors' corrections go into, if the owner wants them.
COLLECTED = places.CORRECTIONS
MOST = 2_000  # pictures in it
SUFFIX = ".png"
# What is no garment at all: an answer only of networks that have learnt from such pictures.
NONE = Message("none of these")
_FRAMED = "Framed"  # keyword of a text in the PNG


class Corrected(NamedTuple):
    """One picture, and its true class."""

    name: str
    label: int
    picture: Image.Image
    framed: bool  # the user had cropped it


def encoded(picture: Image.Image, *, framed: bool) -> bytes:
    """A PNG that says whether the user had cropped the picture."""
    comments = PngInfo()
    if framed:
        comments.add_text(_FRAMED, "yes")
    stream = BytesIO()
    picture.save(stream, "PNG", pnginfo=comments)
    return stream.getvalue()


def answers(classes: Sequence[str], trained_on: str) -> tuple[str, ...]:
    """What a picture may be for a network: one of its classes, or last of all, none of these.

    trained_on: its data set.
    """
    return (*classes, NONE) if trained_on == "wild" else tuple(classes)


def collect(label: str, png: bytes) -> None:
    """Add one to visitors' corrections. Raises PicturesError, FileError."""
    target = places.folder() / COLLECTED
    place = target / folder_name(label)
    if count(COLLECTED) >= MOST:
        raise PicturesError(Message("{limit:,} corrections at most can be kept", limit=MOST))
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PicturesError(
            Message("cannot write to {place}: {why}", place=target, why=error.strerror or error)
        ) from None
    # The name sorts by time and is unique.
    write_atomically(place / f"{time.time_ns()}-{secrets.token_hex(3)}{SUFFIX}", png)


def read(source: str, classes: Sequence[str]) -> Iterator[Corrected]:
    """The corrections in a set, in a network's classes, one by one. Raises PicturesError.

    Those of other classes are left out.
    """
    check(source, classes)
    by_folder = {folder_name(name): number for number, name in enumerate(classes)}
    for file in _files(source, classes):
        try:
            picture = open_image(file, DECODED_SIDE)
        except ImageError as error:
            raise PicturesError(
                Message("{name} in {source}: {error}", name=file.name, source=source, error=error)
            ) from None
        name = f"{file.parent.name}/{file.name}"
        with Image.open(file) as stored:
            framed = _FRAMED in stored.info
        yield Corrected(name, by_folder[file.parent.name], picture, framed)


def check(source: str, classes: Sequence[str]) -> None:
    """Raise PicturesError if there are none of a network's classes."""
    if _files(source, classes):
        return
    others = _files(source)
    if not others:
        raise PicturesError(Message("there are no corrections in {source}", source=source))
    raise PicturesError(
        Message(
            "the corrections in {source} are of {name}, which the network has no class for",
            source=source,
            name=others[0].parent.name[:60],
        )
    )


def snapshot(source: str, classes: Sequence[str]) -> str:
    """Copy what is of these classes, of a set that is still growing, into a fixed one; its name.

    Raises PicturesError.
    """
    try:
        pairs = [(file.parent.name, file.read_bytes()) for file in _files(source, classes)]
    except OSError as error:
        raise PicturesError(
            Message("cannot read {source}: {why}", source=source, why=error.strerror or error)
        ) from None
    return places.keep_copy(pairs)


def _files(source: str, classes: Sequence[str] | None = None) -> list[Path]:
    """A set's pictures, in order; with classes, only theirs. Raises PicturesError."""
    files = sorted(places.find(source).glob(f"*/*{SUFFIX}"))
    if classes is None:
        return files
    folders = {folder_name(name) for name in classes}
    return [file for file in files if file.parent.name in folders]


def count(source: str, classes: Sequence[str] | None = None) -> int:
    """How many pictures a set holds, or how many of these classes; 0 if there is no set."""
    try:
        return len(_files(source, classes))
    except PicturesError:
        return 0
