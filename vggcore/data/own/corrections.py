"""Pictures that a network named wrongly, each with what it is: kept in folders of their classes."""

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from vggcore.data.own import places
from vggcore.data.own.listing import DECODED_SIDE, PicturesError
from vggcore.machine.files import write_atomically
from vggcore.machine.messages import Message
from vggcore.pictures.decode import ImageError, open_image

COLLECTED = (
    places.CORRECTIONS
)  # the set that visitors' corrections go into, where the owner wants them
MOST = 2_000  # pictures in it
SUFFIX = ".png"


class Corrected(NamedTuple):
    """One picture, and what it is."""

    name: str
    label: int
    picture: Image.Image


def collect(label: str, png: bytes) -> None:
    """Add one to those that visitors leave. Raises PicturesError, FileError."""
    place = places.folder() / COLLECTED / places.safe_folder(label)
    kept = places.folder() / COLLECTED
    if len(list(kept.rglob(f"*{SUFFIX}"))) >= MOST:
        raise PicturesError(Message("{limit:,} corrections are the most that are kept", limit=MOST))
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PicturesError(
            Message("cannot write to {place}: {why}", place=kept, why=error.strerror or error)
        ) from None
    write_atomically(place / f"{places.unique()}{SUFFIX}", png)


def read(source: str, classes: Sequence[str]) -> list[Corrected]:
    """The corrections of a set, by a network's classes. Raises PicturesError."""
    folder = places.find(source)
    by_folder = {places.safe_folder(name): number for number, name in enumerate(classes)}
    found = []
    for file in sorted(folder.glob(f"*/*{SUFFIX}")):
        if (label := by_folder.get(file.parent.name)) is None:
            raise PicturesError(
                Message(
                    "the corrections in {source} are of {name}, which the network has no class for",
                    source=source,
                    name=file.parent.name[:60],
                )
            )
        try:
            picture = open_image(file, DECODED_SIDE)
        except ImageError as error:
            raise PicturesError(
                Message("{name} in {source}: {error}", name=file.name, source=source, error=error)
            ) from None
        found.append(Corrected(f"{file.parent.name}/{file.name}", label, picture))
    if not found:
        raise PicturesError(Message("there are no corrections in {source}", source=source))
    return found


def count(source: str) -> int:
    """How many a set holds; 0 where there is none."""
    try:
        return len(list(places.find(source).glob(f"*/*{SUFFIX}")))
    except PicturesError:
        return 0
