"""Pictures in a zip, which may come from a stranger: read one by one, never unpacked."""

import stat
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

from PIL import Image

from vggcore.data.own import listing as listing_of
from vggcore.data.own import names
from vggcore.data.own.listing import DECODED_SIDE, Listing, ListingBuilder, PicturesError, Reader
from vggcore.machine.messages import Message
from vggcore.pictures.decode import MAX_BYTES, ImageError, open_image

MAX_ENTRIES = 250_000
MAX_UNPACKED = 16_000_000_000  # bytes of all pictures together
_UTF_8 = 0x800  # a flag: the name is in UTF-8
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may need unlimited memory
# What zipfile raises on damaged archives besides its own error; RuntimeError also for versions
# and encryption that it cannot read.
DAMAGE = (
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
    except DAMAGE:
        raise PicturesError(
            Message("{source} is not a zip, or it is damaged", source=source)
        ) from None
    # A name may be empty, if it began with a NUL.
    entries = [entry for entry in archive.infolist() if entry.filename]
    if len(entries) > MAX_ENTRIES:
        raise PicturesError(
            Message(
                "{source} has {count:,} files, and {limit:,} are the most",
                source=source,
                count=len(entries),
                limit=MAX_ENTRIES,
            )
        )
    builder, members = ListingBuilder(source), []
    folders, filled = {}, set()
    for entry, name in zip(entries, _names(entries), strict=True):
        parts = _parts(name)
        if any(map(listing_of.is_hidden, parts)):
            continue
        if entry.is_dir():
            folders[parts] = name
            continue
        filled |= {parts[:depth] for depth in range(1, len(parts))}
        if why := _why_not(entry, parts):
            builder.leave_out(why, name)
        else:
            members.append((entry, parts, name))
    filled |= {parts[:depth] for parts in folders for depth in range(1, len(parts))}
    for parts in folders.keys() - filled:
        builder.leave_out(listing_of.EMPTY_FOLDER, folders[parts])
    if sum(entry.file_size for entry, *_ in members) > MAX_UNPACKED:
        raise PicturesError(
            Message(
                "the pictures of {source} unpack to more than {limit} GB",
                source=source,
                limit=MAX_UNPACKED // 10**9,
            )
        )
    builder.add_by_folders(
        [
            (parts, name, f"{entry.file_size} {entry.CRC}", _reader(archive, entry))
            for entry, parts, name in members
        ]
    )
    return builder.listing()


def _names(entries: list[zipfile.ZipInfo]) -> list[str]:
    """The entries' names. Systems that do not say that they are in UTF-8 may have used their own.

    Python takes such names for those of an old PC; Windows in Chinese means GB 18030 by them.
    """
    undeclared = {}
    for number, entry in enumerate(entries):
        if not entry.flag_bits & _UTF_8 and not entry.filename.isascii():
            with suppress(UnicodeEncodeError):
                undeclared[number] = entry.filename.encode("cp437")
    encoding = names.encoding_of(list(undeclared.values())) or "cp437"
    return [
        undeclared[number].decode(encoding) if number in undeclared else entry.filename
        for number, entry in enumerate(entries)
    ]


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
    if not entry.file_size:
        return listing_of.EMPTY
    return listing_of.TOO_LARGE if entry.file_size > MAX_BYTES else ""


def _reader(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Reader:
    def read() -> Image.Image:
        try:
            with archive.open(entry) as stream:
                content = stream.read(MAX_BYTES + 1)  # one byte more is refused there
        except (*DAMAGE, OSError):
            raise ImageError(Message("it cannot be unpacked")) from None
        return open_image(content, DECODED_SIDE)

    return read
