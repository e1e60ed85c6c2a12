"""Pictures in a zip, which may come from anybody: read one by one, never unpacked."""

import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from vggcore.data.own import listing as listing_of
from vggcore.data.own.listing import DECODED_SIDE, Found, Listing, PicturesError
from vggcore.machine.messages import Message
from vggcore.pictures.decode import MAX_BYTES, ImageError, open_image

MAX_ENTRIES = 250_000
MAX_UNPACKED = 16_000_000_000  # bytes of all pictures together
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may need unlimited memory
# What zipfile raises on damaged archives besides its own error; RuntimeError also for versions
# and encryption that it cannot read.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    MemoryError,
)


def listing(file: Path, source: str) -> Listing:
    """The pictures of a zip of class folders. Raises PicturesError."""
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGE:
        raise PicturesError(
            Message("{source} is not a zip, or it is damaged", source=source)
        ) from None
    # A name may be empty, if it began with a NUL.
    entries = [entry for entry in archive.infolist() if entry.filename and not entry.is_dir()]
    if len(entries) > MAX_ENTRIES:
        raise PicturesError(
            Message(
                "{source} has {count:,} files, and {limit:,} are the most",
                source=source,
                count=len(entries),
                limit=MAX_ENTRIES,
            )
        )
    found, taken = Found(source), []
    for entry in entries:
        parts = _parts(entry.filename)
        if "__MACOSX" in parts or parts[-1:] and parts[-1].startswith("."):
            continue  # what file managers leave behind
        if why := _why_not(entry, parts):
            found.leave_out(why, entry.filename)
        else:
            taken.append((entry, parts))
    if sum(entry.file_size for entry, _ in taken) > MAX_UNPACKED:
        raise PicturesError(
            Message(
                "the pictures of {source} unpack to more than {limit} GB",
                source=source,
                limit=MAX_UNPACKED // 10**9,
            )
        )
    places = listing_of.by_class([parts for _, parts in taken])
    for (entry, _), place in zip(taken, places, strict=True):
        if place is None:
            found.leave_out(listing_of.NO_CLASS, entry.filename)
        else:
            split, label = place
            name = listing_of.readable(entry.filename)
            identity = f"{entry.file_size} {entry.CRC}"
            found.add(name, label, identity, _reader(archive, entry), split=split)
    return found.listing()


def _parts(name: str) -> tuple[str, ...]:
    """The folders and the name of an entry; the first is "/" if it is not relative."""
    parts = name.replace("\\", "/").split("/")
    root = ("/",) if parts[0] == "" else ()
    return (*root, *(part for part in parts if part not in ("", ".")))


def _why_not(entry: zipfile.ZipInfo, parts: tuple[str, ...]) -> str:
    """Why an entry is left out; empty if it is not."""
    if ".." in parts or parts[:1] == ("/",) or (parts and parts[0].endswith(":")):
        return listing_of.OUTSIDE
    if stat.S_ISLNK(entry.external_attr >> 16):
        return listing_of.LINKS
    if not parts or not listing_of.is_picture(parts[-1]):
        return listing_of.NO_PICTURE
    if entry.flag_bits & 1:
        return listing_of.LOCKED
    if entry.compress_type not in _PACKED:
        return listing_of.PACKED_OTHERWISE
    return listing_of.TOO_LARGE if entry.file_size > MAX_BYTES else ""


def _reader(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], Image.Image]:
    def read() -> Image.Image:
        try:
            with archive.open(entry) as stream:
                content = stream.read(MAX_BYTES + 1)  # one byte more is refused there
        except (*_DAMAGE, OSError):
            raise ImageError(Message("it cannot be unpacked")) from None
        return open_image(content, DECODED_SIDE)

    return read
