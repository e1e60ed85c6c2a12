"""Encoded pictures for the tests: one garment-like picture in every format that people send."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image, features

ORIENTATION = 0x0112


def garment(side: int = 96) -> Image.Image:
    """A dark T-shirt on white, RGB, taller than wide, with one red corner to tell turns apart."""
    picture = Image.new("RGB", (side, side + 16), "white")
    picture.paste((30, 30, 60), (side // 4, side // 4, 3 * side // 4, side))
    picture.paste((30, 30, 60), (4, side // 4, side - 4, side // 2))
    picture.paste((255, 0, 0), (0, 0, 8, 8))
    return picture


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def rotated_phone_photo() -> bytes:
    """A JPEG whose pixels lie on their side; its EXIF data says how to turn them upright."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "a camera's maker"
    return encoded(garment().transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)


def sixteen_bit_png() -> bytes:
    grey = np.asarray(garment().convert("L")).astype(np.uint16) * 257
    return encoded(Image.fromarray(grey), "PNG")


def animated_gif() -> bytes:
    second = Image.new("RGB", garment().size, "blue")
    return encoded(garment(), "GIF", save_all=True, append_images=[second])


def transparent_png(ink=(30, 30, 60, 255)) -> bytes:
    picture = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    picture.paste(ink, (24, 24, 72, 90))
    return encoded(picture, "PNG")


ALLOWED = {
    "garment.png": encoded(garment(), "PNG"),
    "garment.jpg": encoded(garment(), "JPEG", quality=95),
    "garment.webp": encoded(garment(), "WEBP", lossless=True),
    "garment.bmp": encoded(garment(), "BMP"),
    "garment.gif": encoded(garment(), "GIF"),
    "rotated.jpg": rotated_phone_photo(),
    "progressive.jpg": encoded(garment(), "JPEG", progressive=True, quality=95),
    "cmyk.jpg": encoded(garment().convert("CMYK"), "JPEG", quality=95),
    "sixteen-bit.png": sixteen_bit_png(),
    "palette.png": encoded(garment().quantize(16), "PNG"),
    "one-bit.png": encoded(garment().convert("1"), "PNG"),
    "animated.gif": animated_gif(),
    "transparent.png": transparent_png(),
}
if features.check("avif"):
    ALLOWED["garment.avif"] = encoded(garment(), "AVIF", quality=95)


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be this large."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


REFUSED = {
    "text.png": (b"this is no picture", "not a PNG, JPEG, WebP, BMP, GIF"),
    "empty.png": (b"", "empty"),
    "truncated.jpg": (ALLOWED["garment.jpg"][:700], "damaged"),
    "huge.png": (png_claiming(20_000, 20_000), "too many pixels"),
    "large.png": (png_claiming(6_000, 6_000), "6000×6000"),
    "tiny.png": (encoded(Image.new("RGB", (3, 3)), "PNG"), "too small"),
    "tiff.png": (encoded(garment(), "TIFF"), "not a PNG, JPEG, WebP, BMP, GIF"),
    "vector.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG"),
}
