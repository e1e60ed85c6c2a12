"""The garment of a picture cut from its background, bright on black.

Fashion-MNIST's makers photographed on white, trimmed, scaled the longest side to 28 pixels and
negated, so that the background is 0. Here the background may be anything. It is estimated from the
picture's border, and what *differs* from it, in any colour channel and either direction, becomes
bright: pen on paper, a white shirt on a red carpet and a Fashion-MNIST image itself all end up
bright on black.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from PIL import Image

from vggcore.machine.messages import Message
from vggcore.pictures import foreground
from vggcore.pictures.framing import Box, working_copy

# How much a pixel's signed difference from the background makes it part of the garment.
INVERT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "auto": np.abs,
    "yes": lambda signed: np.maximum(-signed, 0.0),  # what is darker
    "no": lambda signed: np.maximum(signed, 0.0),  # what is brighter
}
CROP = ("auto", "off")
BACKGROUND = ("auto", "keep", "remove")

FAINT = 10.0  # grey levels: a picture that differs less than this from its background is blank
_DIM = 90.0  # a garment on black is brightened if its brightest grey level is below this


class CutOut(NamedTuple):
    """A garment, and the picture around it."""

    original: Image.Image  # the picture, without a frame around it
    steps: list[tuple[str, np.ndarray]]  # (name, uint8 [H,W] or [H,W,3])
    bright: np.ndarray  # uint8 [H, W], cut to the garment
    mask: np.ndarray  # bool [H, W]: the pixels of `bright` that belong to it
    colours: np.ndarray  # float32 [H, W, 3] of the picture
    box: Box | None  # where the garment is in `colours`; None: the picture was not cut
    fill: np.ndarray  # the background's colour, float32 [3]
    inverted: bool  # the garment was taken to be darker than its background
    blank: bool  # nothing differs from the background
    drawn: bool  # a drawing, an icon or an image of the data set, not a photo


def cut_out(image: Image.Image, size: int, invert: str, crop: str, background: str) -> CutOut:
    """Find the garment. size: side of the network's input, pixels; the rest as in `prepare`."""
    image, picture = _without_rim(image)
    view = whole = _View.of(picture, invert)
    inverted = _darker(view.signed, view.mask) if invert == "auto" else invert == "yes"
    blank = not view.mask.any() or foreground.high(np.abs(view.signed), 99.9) < FAINT
    # Fashion-MNIST's own images and cut-outs on black keep their original brightness.
    on_black = view.spread == 0 and view.background.max() <= foreground.SAME

    bright = view.bright(background, inverted)
    dim = foreground.high(bright[view.mask], 97) < _DIM if not blank else True
    full = 255.0 if on_black and not dim else None
    steps: list[tuple[str, np.ndarray]] = [
        (Message("picture"), np.asarray(picture)),
        (Message("against its background"), view.stretched(bright, full)),
    ]
    box = None
    if crop == "auto" and not blank:
        box = _box(view.mask, 0.003 if view.spread else 0.0005)
    if box is not None and max(box[1] - box[0], box[3] - box[2]) < size:
        # Small in a large picture: cut it from the original, which shows it in more detail.
        view, box = view.closer(image, box)
        bright = view.bright(background, inverted)
    cut = np.s_[box[0] : box[1], box[2] : box[3]] if box is not None else np.s_[:, :]
    garment = view.cut(cut)
    garment_bright = np.zeros(garment.mask.shape, np.uint8)
    if not blank:
        garment_bright = garment.stretched(bright[cut], full)
    steps.append((Message("cut out"), garment_bright))
    return CutOut(
        image,
        steps,
        garment_bright,
        garment.mask,
        view.colours,
        box,
        fill=view.background.mean(axis=(0, 1)),
        inverted=bool(inverted),
        blank=bool(blank),
        drawn=foreground.is_drawn(whole.colours, whole.spread, whole.signed, whole.mask),
    )


def _without_rim(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The picture without a frame around it, and its working copy."""
    small = working_copy(image)
    inside = foreground.inside_rim(np.asarray(small, np.float32))
    if inside is None:
        return image, small
    top, bottom, left, right = inside
    down, across = image.height / small.height, image.width / small.width
    image = image.crop((left * across, top * down, right * across, bottom * down))
    return image, working_copy(image)


@dataclass(frozen=True)
class _View:
    """A picture, or part of one, against its background; arrays of the same height and width."""

    colours: np.ndarray  # float32 [H, W, 3]
    background: np.ndarray  # its colour, float32 [H, W, 3]
    spread: float  # of the border's pixels around it, grey levels
    signed: np.ndarray  # float32 [H, W]: how much brighter or darker than the background
    threshold: float  # grey levels of difference from which a pixel belongs to the garment
    invert: str  # a key of INVERT

    @classmethod
    def of(cls, picture: Image.Image, invert: str) -> "_View":
        colours = np.asarray(picture, dtype=np.float32)
        found = foreground.against_background(colours)
        return cls(colours, found.background, found.spread, found.signed, found.threshold, invert)

    @cached_property
    def difference(self) -> np.ndarray:
        """How much each pixel differs from the background in the wanted direction, [H, W]."""
        return INVERT[self.invert](self.signed)

    @cached_property
    def mask(self) -> np.ndarray:
        """Pixels that belong to the garment, bool [H, W]."""
        return self.difference > self.threshold

    def bright(self, background: str, inverted: bool) -> np.ndarray:
        """How bright each pixel becomes, float32 [H, W]: its difference from the background."""
        bright = self.difference
        if background == "keep":
            bright = self.colours @ np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601 luma
            bright = 255.0 - bright if inverted else bright
        if background == "remove" or (background == "auto" and self.spread < foreground.BUSY):
            # Soft, so that faint pencil strokes are thinned rather than cut into pieces.
            bright = np.clip(bright - min(1.5 * self.spread, 0.5 * self.threshold), 0.0, None)
        return bright

    def stretched(self, bright: np.ndarray, full: float | None) -> np.ndarray:
        """Uint8, scaled so that `full`, or else the garment's brightest parts, become 255."""
        top = full or (foreground.high(bright[self.mask], 97) if self.mask.any() else 255.0)
        return np.clip(bright * (255.0 / max(top, 1.0)), 0, 255).astype(np.uint8)

    def cut(self, part) -> "_View":
        return replace(
            self,
            colours=self.colours[part],
            background=self.background[part],
            signed=self.signed[part],
        )

    def closer(self, original: Image.Image, box: Box) -> tuple["_View", Box]:
        """The box and its surroundings in the original's pixels, and where the box is there.

        The same background and threshold decide what belongs to the garment.
        """
        height, width = self.signed.shape
        scale = original.width / width
        if scale <= 1:
            return self, box
        top, bottom, left, right = box
        room = max(bottom - top, right - left) // 4 + 1
        y0, y1 = max(0, top - room), min(height, bottom + room)
        x0, x1 = max(0, left - room), min(width, right + room)
        part = original.crop((x0 * scale, y0 * scale, x1 * scale, y1 * scale))
        colours = np.asarray(working_copy(part), dtype=np.float32)
        if self.spread == 0:
            behind = np.broadcast_to(self.background[0, 0], colours.shape)
        else:
            rows = np.linspace(y0, y1 - 1, colours.shape[0]).round().astype(int)
            columns = np.linspace(x0, x1 - 1, colours.shape[1]).round().astype(int)
            behind = self.background[np.ix_(rows, columns)]
        signed = foreground.strongest_channel(colours - behind)
        down, across = colours.shape[0] / (y1 - y0), colours.shape[1] / (x1 - x0)
        there = (
            int((top - y0) * down),
            round((bottom - y0) * down),
            int((left - x0) * across),
            round((right - x0) * across),
        )
        return replace(self, colours=colours, background=behind, signed=signed), there


def _darker(signed: np.ndarray, mask: np.ndarray) -> bool:
    """Whether what differs from the background is mostly darker than it."""
    return bool(mask.any() and signed[mask].sum() < 0)


def _box(mask: np.ndarray, stray: float) -> Box | None:
    """Around the mask; None: no clear box.

    stray: share of the mask that may be specks and is ignored on each side.
    """
    rows = _span(mask.mean(axis=1), stray)
    columns = _span(mask.mean(axis=0), stray)
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    if min(height, width) < 3 or max(height, width) < 8:
        return None
    return *rows, *columns


def _span(profile: np.ndarray, stray: float) -> tuple[int, int]:
    """The first index that holds a noticeable share of the mask, and one past the last."""
    total = profile.sum()
    cumulated = np.cumsum(profile)
    first = int(np.searchsorted(cumulated, stray * total, side="right"))
    last = int(np.searchsorted(cumulated, (1 - stray) * total))
    return first, min(last + 1, len(profile))
