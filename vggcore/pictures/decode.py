"""Pictures from strangers, decoded safely: bytes or a file in, a plain RGB picture out.

Only a few formats are tried, the size is checked before any pixel is decoded, and anything that
goes wrong becomes an `ImageError`. The result carries no metadata.
"""

import importlib.util
import struct
import warnings
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, features

from vggcore.machine.messages import Message
from vggcore.pictures.file_parts import count_parts, jpeg_scans

# Pillow's own builds have read AVIF since 11.3; HEIC also needs the package pillow-heif.
_AVIF = bool(features.check("avif"))
_HEIC = importlib.util.find_spec("pillow_heif") is not None
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF") + ("AVIF",) * _AVIF + ("HEIF",) * _HEIC
_JPEG = ("jpg", "jpeg", "jfif", "jpe", "pjpeg", "pjp")  # what systems and browsers call them
EXTENSIONS = (
    ("png", *_JPEG, "webp", "bmp", "gif") + ("avif",) * _AVIF + ("heic", "heif", "hif") * _HEIC
)
_NAMED = "a PNG, JPEG, WebP, BMP, GIF" + " or AVIF" * _AVIF  # for messages
MAX_BYTES = 25_000_000
MIN_SIDE = 8  # pixels; nothing can be seen in a smaller picture
WORKING_SIDE = 1024  # longest side of the result, pixels
# Limits in pixels, checked before decoding. They keep the decoder's memory under 200 MB:
# JPEG is decoded at a fraction of its size, except that a progressive one first holds all its
# coefficients; WebP keeps several copies of its canvas.
MAX_PIXELS = {
    "JPEG": 64_000_000,
    "PNG": 25_000_000,
    "BMP": 25_000_000,
    "GIF": 25_000_000,
    "WEBP": 9_500_000,
    "AVIF": 16_000_000,
    "HEIF": 16_000_000,
}
MAX_PIXELS_PROGRESSIVE = 25_000_000
MAX_PARTS = 20_000  # chunks, markers and the like
MAX_SCANS = 40  # of a progressive JPEG; each costs a pass over the picture

_NEAREST = Image.Resampling.NEAREST
_ORIENTATION = 0x0112  # EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_THEIR_SIDE = {_TURNS[number] for number in (5, 6, 7, 8)}
# What Pillow raises on damaged files: its documented errors, and those its parsers let through.
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    ZeroDivisionError,
    MemoryError,
    AssertionError,
)


class ImageError(ValueError):
    """A picture that cannot be used; the message is one line for people."""


def open_image(source: bytes | str | Path, max_side: int = WORKING_SIDE) -> Image.Image:
    """The picture, upright, opaque and RGB, its longest side at most `max_side` pixels.

    An animation gives its first frame. Transparent parts become white, or black if the visible
    parts are nearly white themselves. Raises ImageError.
    """
    data = _content(source)
    # Set for good: changing warning filters temporarily is not safe with several threads.
    # Pillow's other warnings (corrupt EXIF data and the like) would let visitors fill the log.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    _let_pillow_read_heic()
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            _check_size(image, data)
            width, height = image.size
            scale = min(1.0, max_side / max(width, height))
            smaller = (max(1, int(width * scale)), max(1, int(height * scale)))
            image.draft("RGB", smaller)  # JPEG: decode less
            stored = image.tile[0].args if image.format == "PNG" and image.tile else ""
            image.load()
            turn, picture = _turn(image), _fewer_pixels(image, max_side)
            if stored in _LOW_BYTES and np.asarray(picture)[..., :3].max() < 1 << 4:
                picture = _of_fewer_bits(picture, data, max_side)
            return _plain(picture, turn, max_side)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(Message("the picture has too many pixels")) from None
    except Image.UnidentifiedImageError:
        kind = _other_kind(data)
        if kind:
            if kind in FORMATS or (kind == "HEIC" and _HEIC):
                raise ImageError(Message("the picture is damaged or incomplete")) from None
            raise ImageError(
                Message(
                    "this is a {kind} picture, not {kinds}: save it as JPEG",
                    kind=kind,
                    kinds=_NAMED,
                )
            ) from None
        raise ImageError(Message("this is not {kinds} picture", kinds=_NAMED)) from None
    except _DAMAGE:
        raise ImageError(Message("the picture is damaged or incomplete")) from None


def upright_size(source: bytes | str | Path) -> tuple[int, int]:
    """Width and height of the picture as people see it, in its own pixels. Raises ImageError."""
    _let_pillow_read_heic()
    try:
        with Image.open(BytesIO(_content(source)), formats=FORMATS) as image:
            turned = _turn(image) in _ON_THEIR_SIDE
            return (image.height, image.width) if turned else image.size
    except ImageError:
        raise
    except _DAMAGE:
        raise ImageError(Message("the picture is damaged or incomplete")) from None


@cache
def _let_pillow_read_heic() -> None:
    if _HEIC:
        import pillow_heif

        # A picture's embedded thumbnails and depth maps would only take memory.
        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False)


def _other_kind(data: bytes) -> str:
    """The format, if phones or scanners save it, whatever the file's name; else empty."""
    if data[4:8] == b"ftyp":
        brands = data[8:32]
        if any(brand in brands for brand in (b"heic", b"heix", b"mif1", b"hevc")):
            return "AVIF" if b"avif" in brands else "HEIC"
        return "AVIF" if b"avif" in brands or b"avis" in brands else ""
    return "TIFF" if data[:4] in (b"II*\0", b"MM\0*") else ""


def opaque(image: Image.Image) -> Image.Image:
    """The image as RGB: transparent parts become white, or black behind a nearly white picture."""
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image.convert("RGBA")
    alpha = np.asarray(image.getchannel("A"), dtype=np.float32)
    grey = np.asarray(image.convert("RGB").convert("L"), dtype=np.float32)
    brightness = (grey * alpha).sum() / max(alpha.sum(), 1.0)
    background = Image.new("RGBA", image.size, "black" if brightness > 215 else "white")
    return Image.alpha_composite(background, image).convert("RGB")


def _content(source: bytes | str | Path) -> bytes:
    if isinstance(source, (str, Path)):
        try:
            with open(source, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise ImageError(
                Message("cannot read the file: {strerror}", strerror=error.strerror)
            ) from None
    else:
        data = bytes(source)
    if not data:
        raise ImageError(Message("the file is empty (0 bytes)"))
    if len(data) > MAX_BYTES:
        raise ImageError(
            Message("the file is larger than {limit} MB", limit=MAX_BYTES // 1_000_000)
        )
    if count_parts(data, MAX_PARTS) > MAX_PARTS:
        raise ImageError(Message("the file is made of too many parts"))
    return data


def _check_size(image: Image.Image, data: bytes) -> None:
    """Raise ImageError if decoding would take too much memory or time, or show nothing."""
    width, height = image.size
    kind = "JPEG" if image.format == "MPO" else str(image.format)  # MPO: several in one JPEG
    limit = MAX_PIXELS[kind]
    scans = jpeg_scans(data, MAX_SCANS) if kind == "JPEG" else 1
    if scans > MAX_SCANS:
        raise ImageError(Message("the JPEG has too many scans"))
    if kind == "JPEG" and (image.info.get("progressive") or scans > 4):
        limit = MAX_PIXELS_PROGRESSIVE
    if width * height > limit:
        raise ImageError(
            Message(
                "the picture has too many pixels: {width}×{height}, at most {limit:.0f} "
                "million for {kind}",
                width=width,
                height=height,
                limit=limit / 1e6,
                kind=kind,
            )
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            Message(
                "the picture is too small: {width}×{height}, at least {least} a side",
                width=width,
                height=height,
                least=MIN_SIDE,
            )
        )


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How to turn the picture upright; damaged EXIF data are ignored."""
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except _DAMAGE:
        return None


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Levels of 16 bits as 8: cameras and scanners often fill only 12 or 8 of them."""
    most = int(values.max())
    used = next(bits for bits in (8, 12, 16) if most < 1 << bits)
    return (values >> (used - 8)).astype(np.uint8)


# Pillow reads the upper byte of each channel of a colour PNG of 16 bits. How to read the lower.
_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}


def _of_fewer_bits(high: Image.Image, data: bytes, max_side: int) -> Image.Image:
    """A picture that fills 12 or 8 of its file's 16 bits: all levels from what Pillow leaves out.

    high: the upper bytes of the same picture, which are nearly black.
    """
    with Image.open(BytesIO(data), formats=("PNG",)) as image:
        tile = image.tile[0]
        image.tile = [tile._replace(args=_LOW_BYTES[str(tile.args)])]
        low = np.asarray(_fewer_pixels(image, max_side), np.uint16)
    if tile.args == "LA;16B":  # read as it stands: grey and opacity, two bytes each
        low = low[..., [1, 1, 1, 3]]
    levels = np.asarray(high, np.uint16) << 8 | low
    parts = [levels[..., :3], levels[..., 3:]]
    return Image.fromarray(np.dstack([_eight_bits(part) for part in parts if part.size]))


def _fewer_pixels(image: Image.Image, max_side: int) -> Image.Image:
    """Without some pixels of a huge picture, so that further copies are small."""
    step = max(image.size) // (2 * max_side)
    if step < 2:
        return image
    width, height = image.size
    return image.resize((max(1, width // step), max(1, height // step)), _NEAREST)


def _plain(image: Image.Image, turn: Image.Transpose | None, max_side: int) -> Image.Image:
    if image.mode.startswith("I"):
        image = Image.fromarray(_eight_bits(np.asarray(image).astype(np.uint16)))
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((max_side, max_side), Image.Resampling.BOX, reducing_gap=1.0)
    image = opaque(image)
    if turn is not None:
        image = image.transpose(turn)
    plain = Image.new("RGB", image.size)  # a new picture, so that no metadata is kept
    plain.paste(image)
    return plain
