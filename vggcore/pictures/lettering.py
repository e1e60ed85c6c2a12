"""A font in which a text can be drawn: Pillow's own has no Chinese, Arabic or Hindi letters."""

from functools import cache

from PIL import ImageFont

# Files with many scripts, as Linux, Windows and macOS name them; Pillow knows their folders.
_INSTALLED = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "msyh.ttc",
    "simsun.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
    "DejaVuSans.ttf",
)
_NO_LETTER = "\uffff"  # never one: a font draws its empty box for it


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont | None:
    """The first font here with every letter of `text`, `size` pixels high; None if there is none.

    Pillow's own font comes first.
    """
    own = ImageFont.load_default(size)
    if _draws(own, text):
        return own
    return next((f for name in _INSTALLED if (f := _font(name, size)) and _draws(f, text)), None)


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:  # not installed
        return None


def _draws(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str) -> bool:
    box = bytes(font.getmask(_NO_LETTER))
    return all(letter.isspace() or bytes(font.getmask(letter)) != box for letter in set(text))
