"""Damaged and hostile picture files, the same for the same seed.

`mutants(count, seed)` breaks valid files of every allowed format in many ways; `bombs()` are made
by hand to cost memory or time. Used by the fuzz test and by `benchmarks/image_fuzz.py`.
"""

import resource
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from picture_files import ALLOWED, encoded, garment, png_claiming
from PIL import Image, PngImagePlugin

from vggcore.pictures.decode import ImageError, open_image

MAX_SECONDS = 2.0  # of processor time, for one file
MAX_MEGABYTES = 200.0  # more than before, for any file
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def _corpus() -> list[bytes]:
    """Valid small files: every allowed form, and rarer variants of each format."""
    picture = garment(40)
    more = [
        encoded(picture.convert("LA"), "PNG"),
        encoded(picture, "PNG", save_all=True, append_images=[Image.new("RGB", picture.size)]),
        encoded(picture, "WEBP", quality=60),
        encoded(
            picture.convert("RGBA"),
            "WEBP",
            save_all=True,
            append_images=[Image.new("RGBA", picture.size)],
        ),
        encoded(picture, "JPEG", subsampling=2, icc_profile=bytes(500)),
        encoded(picture.convert("L"), "JPEG", restart_marker_rows=1),
        encoded(picture, "MPO", save_all=True, append_images=[picture]),
        encoded(picture.quantize(8), "BMP"),
        encoded(picture.convert("1"), "BMP"),
        encoded(picture.convert("P"), "GIF", interlace=True, transparency=0),
    ]
    return [*ALLOWED.values(), *more]


def mutants(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """`count` damaged files, each with a name that tells how it was made."""
    random = np.random.default_rng(seed)
    corpus = _corpus()
    ways = (_flip, _header, _truncate, _cut, _insert, _repeat, _splice, _png_chunk)
    for number in range(count):
        data = corpus[random.integers(len(corpus))]
        way = ways[number % len(ways)]
        yield f"{way.__name__[1:]} {number}", way(data, random, corpus)


def _flip(data, random, corpus) -> bytes:
    broken = bytearray(data)
    for place in random.integers(len(data), size=random.integers(1, 30)):
        broken[place] = random.integers(256)
    return bytes(broken)


def _header(data, random, corpus) -> bytes:
    """Extreme numbers near the start, where formats keep sizes, depths and offsets."""
    broken = bytearray(data)
    for _ in range(random.integers(1, 4)):
        value = int(random.choice(_EXTREMES))
        order, width = random.choice(["<", ">"]), random.choice(["B", "H", "I"])
        packed = struct.pack(order + width, value & (256 ** struct.calcsize(width) - 1))
        place = int(random.integers(0, min(len(data) - 4, 120)))
        broken[place : place + len(packed)] = packed
    return bytes(broken)


def _truncate(data, random, corpus) -> bytes:
    return data[: random.integers(len(data))]


def _cut(data, random, corpus) -> bytes:
    start = random.integers(len(data))
    return data[:start] + data[start + random.integers(1, 200) :]


def _insert(data, random, corpus) -> bytes:
    place = random.integers(len(data))
    return data[:place] + random.bytes(random.integers(1, 400)) + data[place:]


def _repeat(data, random, corpus) -> bytes:
    start = random.integers(len(data))
    piece = data[start : start + random.integers(1, 300)]
    return data[:start] + piece * int(random.integers(2, 60)) + data[start:]


def _splice(data, random, corpus) -> bytes:
    other = corpus[random.integers(len(corpus))]
    return data[: random.integers(len(data))] + other[random.integers(len(other)) :]


def _png_chunk(data, random, corpus) -> bytes:
    """A PNG with a broken chunk but correct checksums, so that it is believed."""
    pngs = [file for file in corpus if file.startswith(b"\x89PNG")]
    data = pngs[random.integers(len(pngs))]
    chunks, place = [], 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    index = random.integers(len(chunks))
    kind, body = chunks[index]
    chunks[index] = (kind, _flip(body, random, corpus) if body else random.bytes(20))
    if random.random() < 0.3:
        chunks.insert(random.integers(1, len(chunks)), chunks[random.integers(len(chunks))])
    return _png(chunks)


def _png(chunks) -> bytes:
    parts = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bombs() -> dict[str, bytes]:
    """Small files that ask for a lot."""
    jpeg = ALLOWED["progressive.jpg"]
    size_at = jpeg.index(b"\xff\xc2") + 5
    baseline = ALLOWED["garment.jpg"]
    baseline_size_at = baseline.index(b"\xff\xc0") + 5
    scan = jpeg.rindex(b"\xff\xda")
    plain = ALLOWED["garment.gif"]
    frame = plain.index(b",\0\0\0\0")
    gif = bytearray(plain)
    gif[6:10] = b"\xff\xff\xff\xff"
    bmp = ALLOWED["garment.bmp"]
    text = PngImagePlugin.PngInfo()
    for number in range(40):
        text.add_text(f"key{number}", "A" * 1_000_000, zip=True)
    big = Image.new("L", (5000, 5000))
    return {
        "png of 20,000×20,000": png_claiming(20_000, 20_000),
        "png of 2³¹×2³¹": png_claiming(2**31 - 1, 2**31 - 1),
        "png of 4,999×4,999 without pixels": png_claiming(4999, 4999),
        "png of 25 million black pixels": encoded(big, "PNG"),
        "png of 25 million transparent pixels": encoded(
            Image.new("RGBA", (5000, 5000)), "PNG", compress_level=1
        ),
        "png with 40 MB of packed text": encoded(garment(), "PNG", pnginfo=text),
        "png with a packed profile of 100 MB": _png(
            [
                (b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0)),
                (b"iCCP", b"x\0\0" + zlib.compress(bytes(100_000_000))),
                (b"IDAT", zlib.compress(bytes(90))),
                (b"IEND", b""),
            ]
        ),
        "png with 19,000 chunks": _png(
            [
                (b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0)),
                *[(b"tEXt", b"k\0v")] * 19_000,
                (b"IDAT", zlib.compress(bytes(90))),
                (b"IEND", b""),
            ]
        ),
        "png with 1,500,000 chunks": _png(
            [
                (b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0)),
                *[(b"tEXt", b"")] * 1_500_000,
                (b"IDAT", zlib.compress(bytes(90))),
                (b"IEND", b""),
            ]
        ),
        "jpeg with 4 million markers": b"\xff\xd8" + b"\xff\xfe\0\2" * 4_000_000 + baseline[2:],
        "jpeg with 15 MB of stray bytes": b"\xff\xd8" + bytes(15_000_000) + baseline[2:],
        "gif with 15 MB of comments": bytes(plain[:frame])
        + b"!\xfe"
        + (b"\xff" + b"c" * 255) * 60_000
        + b"\0"
        + plain[frame:],
        "gif with 15 MB of stray bytes": plain[:frame] + bytes(15_000_000) + plain[frame:],
        "jpeg of 65,535×65,535": baseline[:baseline_size_at]
        + b"\xff" * 4
        + baseline[baseline_size_at + 4 :],
        "jpeg of 8,000×8,000 without pixels": baseline[:baseline_size_at]
        + struct.pack(">HH", 8000, 8000)
        + baseline[baseline_size_at + 4 :],
        "progressive jpeg of 4,900×4,900 without pixels": jpeg[:size_at]
        + struct.pack(">HH", 4900, 4900)
        + jpeg[size_at + 4 :],
        "progressive jpeg of 4,900×4,900 with 39 scans": jpeg[:size_at]
        + struct.pack(">HH", 4900, 4900)
        + jpeg[size_at + 4 : scan]
        + jpeg[scan:-2] * 30
        + b"\xff\xd9",
        "jpeg with 5,000 scans": jpeg[:scan] + jpeg[scan:-2] * 5000 + b"\xff\xd9",
        "gif of 65,535×65,535": bytes(gif),
        "gif of 25 million pixels": encoded(big, "GIF"),
        "gif with 2,000 frames": encoded(
            Image.new("P", (64, 64)),
            "GIF",
            save_all=True,
            append_images=[Image.new("P", (64, 64), i % 200 + 1) for i in range(2000)],
        ),
        "webp of 9 million pixels": encoded(Image.new("RGB", (3000, 3000)), "WEBP"),
        "webp of 16,383×16,383": encoded(Image.new("L", (16_383, 600)), "WEBP", quality=1),
        "bmp of 2³¹×1": bmp[:18] + struct.pack("<ii", 2**31 - 1, 1) + bmp[26:],
        "bmp of negative height": bmp[:18] + struct.pack("<ii", 30_000, -30_000) + bmp[26:],
        "bmp of run lengths": bmp[:18] + struct.pack("<iiHHI", 4900, 4900, 1, 8, 1) + bmp[34:],
        "zip": b"PK\x03\x04" + bytes(1000),
        "nothing but zeros": bytes(1_000_000),
    }


def open_or_refuse(data: bytes) -> tuple[bool, float]:
    """Whether `open_image` took the file, and the seconds of processor time it needed.

    Any error other than ImageError, or a result out of bounds, is left to the caller.
    """
    started = time.process_time()
    try:
        picture = open_image(data)
    except ImageError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 200
        return False, time.process_time() - started
    assert picture.mode == "RGB" and max(picture.size) <= 1024 and not picture.info
    return True, time.process_time() - started


def reset_peak_memory() -> float:
    """Forget earlier peaks; returns the memory in use now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def peak_memory() -> float:
    """Most resident memory since the last reset, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
