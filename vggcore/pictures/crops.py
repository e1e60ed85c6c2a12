"""Parts of a picture: the box that a visitor draws, and the parts of a person to choose from."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from vggcore.machine.messages import Message
from vggcore.pictures import foreground

MIN_SIDE = 12  # pixels: a smaller part shows no garment
_TALL = 1.45  # height over width of a foreground that may be a person
_PARTS = {  # top and bottom of a person's parts, as shares of the height
    "Upper body": (0.1, 0.55),
    "Legs": (0.45, 0.95),
    "Shoes": (0.84, 1.0),
}
_SKIN = 0.02  # least share of a person's upper third that looks like skin


class Box(NamedTuple):
    """Part of a picture, in the picture's pixels."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> "Box":
        """From "X,Y,W,H". Raises ValueError."""
        try:
            box = cls(*(int(part) for part in text.split(",")))
        except (AttributeError, TypeError, ValueError):
            raise ValueError(
                Message("{text!r} is not X,Y,WIDTH,HEIGHT in whole pixels", text=text)
            ) from None
        if min(box.left, box.top) < 0 or min(box.width, box.height) < MIN_SIDE:
            raise ValueError(
                Message(
                    "{text!r}: X and Y must be 0 or more, width and height {least} or more",
                    text=text,
                    least=MIN_SIDE,
                )
            )
        return box

    def scaled(self, factor: float) -> "Box":
        """The same part of a picture that is `factor` times as large."""
        left, top = round(self.left * factor), round(self.top * factor)
        right, bottom = self.left + self.width, self.top + self.height
        return Box(left, top, round(right * factor) - left, round(bottom * factor) - top)

    def before_turn(self, degrees: int, size: tuple[int, int]) -> "Box":
        """The same part before a picture was turned to the left.

        degrees: 0, 90, 180 or 270. size: width and height before the turn.
        """
        left, top, width, height = self
        if degrees == 90:
            return Box(size[0] - top - height, left, height, width)
        if degrees == 180:
            return Box(size[0] - left - width, size[1] - top - height, width, height)
        if degrees == 270:
            return Box(top, size[1] - left - width, height, width)
        return self

    def of(self, picture: Image.Image) -> Image.Image:
        """That part of the picture. Raises ValueError if too little of the picture is there."""
        right = min(self.left + self.width, picture.width)
        bottom = min(self.top + self.height, picture.height)
        left, top = max(0, self.left), max(0, self.top)
        if right - left < MIN_SIDE or bottom - top < MIN_SIDE:
            raise ValueError(
                Message(
                    "the box {box} lies outside of the picture, which is {width}×{height} pixels",
                    box=",".join(map(str, self)),
                    width=picture.width,
                    height=picture.height,
                )
            )
        return picture.crop((left, top, right, bottom))


def parts_of_a_person(picture: Image.Image) -> dict[str, Box]:
    """Upper body, legs and shoes of the person a photo may show; empty if it shows no person.

    A tall foreground with skin in its upper third (head, neck or arms) counts as a person. That
    is a guess, but good enough to offer choices.
    """
    small = picture.convert("RGB")
    small.thumbnail((128, 128))
    colours = np.asarray(small, np.float32)
    person = foreground.against_background(colours)
    drawn = foreground.is_drawn(colours, person.spread, person.signed, person.mask)
    if person.spread == 0 and drawn:
        return {}
    left, top, right, bottom = _extent(person.mask)
    if bottom - top < _TALL * max(1, right - left) or bottom - top < 0.5 * len(colours):
        return {}
    inside = np.s_[top : top + (bottom - top) // 3, left:right]
    skin = looks_like_skin(colours[inside]) & person.mask[inside]
    if skin.mean() < _SKIN:
        return {}
    scale = picture.width / small.width
    boxes = {}
    for name, (start, end) in _PARTS.items():
        y0, y1 = top + start * (bottom - top), top + end * (bottom - top)
        x0, y0, x1, y1 = (round(edge * scale) for edge in (left, y0, right, y1))
        x1, y1 = min(x1, picture.width), min(y1, picture.height)
        box = Box(x0, y0, x1 - x0, y1 - y0)
        if min(box.width, box.height) >= MIN_SIDE:
            boxes[name] = box
    return boxes


def looks_like_skin(colours: np.ndarray) -> np.ndarray:
    """Which pixels of [H, W, 3], 0…255, have the colour of skin, of any tone: bool [H, W].

    Chai and Ngan's box in the plane of Cb and Cr (IEEE TCSVT 9(4), 1999). Much else falls into
    it too, such as wood and sand.
    """
    red, green, blue = np.moveaxis(colours, -1, 0)
    cb = 128 - 0.168736 * red - 0.331264 * green + 0.5 * blue
    cr = 128 + 0.5 * red - 0.418688 * green - 0.081312 * blue
    bright = 0.299 * red + 0.587 * green + 0.114 * blue
    return (77 <= cb) & (cb <= 127) & (133 <= cr) & (cr <= 173) & (bright > 40)


def _extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of all but stray pixels; of everything if the mask is empty."""
    rows = np.flatnonzero(mask.mean(1) > 0.03)
    columns = np.flatnonzero(mask.mean(0) > 0.03)
    if not len(rows) or not len(columns):
        return 0, 0, mask.shape[1], mask.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
