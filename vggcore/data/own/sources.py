"""Pictures by the name of their source: a folder, a zip, a CSV, a kept set or a known one.

Nothing is decoded here, and nothing is ever unpacked to disk: a zip's entries are read in place.
"""

from functools import lru_cache
from typing import NamedTuple

from vggcore.data.own import known_sets, places, tables, zips
from vggcore.data.own.listing import Listing, PicturesError, of_folder, walk
from vggcore.machine.messages import Message


def open_listing(source: str) -> Listing:
    """The pictures of a folder, a zip, a CSV or a known set. Raises PicturesError."""
    if source in known_sets.NAMES:
        return known_sets.listing(source)
    path = places.find(source)
    try:
        if path.is_dir():
            return of_folder(path, source)
        if path.suffix.lower() in tables.SUFFIXES:
            return tables.listing(path, source)
        return zips.listing(path, source)
    except OSError as error:
        raise PicturesError(
            Message("cannot read {source}: {why}", source=source, why=error.strerror or error)
        ) from None


def version(source: str) -> str:
    """Changes when the pictures of a source do; quick for a zip. Raises PicturesError."""
    if (place := places.find(source)).suffix.lower() == ".zip" and place.is_file():
        facts = place.stat()
        return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ino}"
    return open_listing(source).identity


class Numbers(NamedTuple):
    """How much a source holds."""

    pictures: int
    classes: int


def numbers(source: str) -> Numbers:
    """A source's numbers; quick if it was read before and is unchanged. Raises PicturesError."""
    if source in known_sets.NAMES:
        return Numbers(*known_sets.NAMES[source])
    place = places.find(source)
    folders = [place]
    if place.is_dir():  # adding or removing a file changes its folder's time
        folders = [directory for directory, _, _ in walk(place)]
    try:
        return _count(source, tuple(each.stat().st_mtime_ns for each in folders))
    except OSError as error:
        raise PicturesError(
            Message("cannot read {source}: {why}", source=source, why=error.strerror or error)
        ) from None


@lru_cache(maxsize=32)
def _count(source: str, changed: tuple[int, ...]) -> Numbers:
    listing = open_listing(source)
    return Numbers(len(listing.entries), len(listing.classes))
