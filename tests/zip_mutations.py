"""Damaged and hostile zips and tables of pictures, the same for the same seed.

Used by the tests and by `benchmarks/pictures_fuzz.py`.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import own_pictures as made

from vggcore.data.own import tables as tables_of
from vggcore.data.own import zips
from vggcore.data.own.listing import PicturesError
from vggcore.pictures.decode import ImageError

_EXTREMES = (0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_NAMES = (
    "../x.png",
    "/x.png",
    "a/../../b/x.png",
    "CON/x.png",
    "a\0b/x.png",
    "x" * 9_000 + "/x.png",
)


def _corpus() -> list[bytes]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in made.files(3).items():
            archive.writestr(f"train/{name}", content)
            archive.writestr(f"test/{name}", content)
    bzipped = io.BytesIO()
    with zipfile.ZipFile(bzipped, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in made.files(3).items():
            archive.writestr(name, content)
    return [made.zipped(made.files(3)), packed.getvalue(), bzipped.getvalue()]


def mutants(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """`count` damaged zips, each with a name that tells how it was made."""
    random = np.random.default_rng(seed)
    corpus = _corpus()
    ways = (_flip, _header, _truncate, _cut, _repeat, _rename, _join)
    for number in range(count):
        way = ways[number % len(ways)]
        data = corpus[random.integers(len(corpus))]
        yield f"{way.__name__[1:]} {number}", way(data, random, corpus)


def _flip(data, random, corpus) -> bytes:
    broken = bytearray(data)
    for place in random.integers(len(broken), size=random.integers(1, 30)):
        broken[place] = random.integers(256)
    return bytes(broken)


def _header(data, random, corpus) -> bytes:
    """Put an extreme number into one of the records that say what is where."""
    broken = bytearray(data)
    marks = [
        i for i in range(len(data) - 4) if data[i : i + 4] in (b"PK\1\2", b"PK\3\4", b"PK\5\6")
    ]
    place = marks[random.integers(len(marks))] + int(random.integers(4, 30))
    value = int(_EXTREMES[random.integers(len(_EXTREMES))])
    broken[place : place + 4] = value.to_bytes(4, "little")
    return bytes(broken[: len(data)])


def _truncate(data, random, corpus) -> bytes:
    return data[: random.integers(len(data))]


def _cut(data, random, corpus) -> bytes:
    start, length = random.integers(len(data)), random.integers(1, 200)
    return data[:start] + data[start + length :]


def _repeat(data, random, corpus) -> bytes:
    start, length = random.integers(len(data)), random.integers(1, 400)
    return data[:start] + data[start : start + length] * 3 + data[start:]


def _rename(data, random, corpus) -> bytes:
    """Add an entry with a name that must not be followed."""
    stream = io.BytesIO(data)
    name = _NAMES[random.integers(len(_NAMES))]
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), made.encoded(made.picture("circle", 1)))
    return stream.getvalue()


def _join(data, random, corpus) -> bytes:
    other = corpus[random.integers(len(corpus))]
    return data[: random.integers(len(data))] + other[random.integers(len(other)) :]


def tables(count: int, seed: int = 0) -> Iterator[bytes]:
    """`count` damaged tables of the pictures a.png and b.png."""
    random = np.random.default_rng(seed)
    good = b'path,label,group,split\na.png,x,g,train\nb.png,y,h,test\n"a.png",x,,\n'
    signs = (b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"../", b";", b"\t", b"a" * 200_000)
    for _ in range(count):
        broken = bytearray(good)
        for _ in range(random.integers(1, 6)):
            place = int(random.integers(len(broken) + 1))
            if random.random() < 0.3:
                del broken[place : place + int(random.integers(1, 20))]
            else:
                broken[place:place] = signs[random.integers(len(signs))]
        yield bytes(broken)


def read_all_or_refuse(content: bytes, file: Path) -> bool:
    """List a zip and read its pictures; returns whether it was taken. Any other error is a bug."""
    file.write_bytes(content)
    try:
        found = zips.listing(file, "p")
    except PicturesError as error:
        assert len(str(error)) < 400 and "\n" not in str(error)
        return False
    for entry in found.entries:
        try:
            entry.read()
        except ImageError:
            continue
    return True


def list_or_refuse(content: bytes, file: Path) -> bool:
    """The same for a table."""
    file.write_bytes(content)
    try:
        tables_of.listing(file, "t")
    except PicturesError as error:
        assert len(str(error)) < 400 and "\n" not in str(error), str(error)[:500]
        return False
    return True
