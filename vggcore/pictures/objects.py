"""Separate things in a picture: a photo on a shop's page, garments side by side, a collage.

A network names one garment. Given a whole page it would also answer for texts and buttons, so if
only one thing is large, it is looked at alone; if several are, people choose.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from vggcore.pictures import foreground
from vggcore.pictures.crops import MIN_SIDE, Box

_SHORT, _LONG = 144, 288  # most pixels of the sides when things are looked for
_SMALLEST = 128  # pixels of the shorter side: a smaller picture has no room for several things
_PLAIN = 6.0  # grey levels of spread at the border up to which the background is plain
_NEAR = 0.05  # gap, as a share of the shorter side, up to which two parts are one thing
_CARD_GAP = 1  # pixels between a photo on a page and the text beside it
_LINE_GAP = 2  # pixels between lines of text
_TICKS = 0.06  # share of a plot's side by which ticks may stand out
_CARD_AREA = 0.06  # least share of the page that a photo on it takes up
_CARD_EDGE = 0.6  # share of each of the photo's edges that differs from the page
_CARD_CONTENT = 40.0  # grey levels by which something in the photo stands out
_SLENDER = 5.0  # length over width beyond which it is a line of text, a button or a rule
_COMPARABLE = 0.3  # share of the largest box's area from which another thing may be meant too
_SPECK = 0.002  # share of the picture below which a part is noise, not a thing
_LEAST_AREA = 0.02  # share of the picture
_SEAM = 0.9  # share of a seam's length along which both sides differ
_SEAM_EDGE = 18.0  # grey levels by which they differ
_SEAM_PLACES = (0.4, 0.6)  # where in a picture a seam is looked for
MOST = 4  # things to offer as a choice


class Things(NamedTuple):
    """What to look at in a picture."""

    main: Box | None = None  # the only large thing, if there is more around it
    several: tuple[Box, ...] = ()  # things of comparable size, from top left to bottom right


def find(picture: Image.Image) -> Things:
    """The separate things in a picture, as boxes in its pixels; nothing if it shows just one."""
    if min(picture.size) < _SMALLEST:
        return Things()
    whole = picture.size
    shrunk = min(1.0, _SHORT / min(picture.size), _LONG / max(picture.size))
    size = (max(1, round(picture.width * shrunk)), max(1, round(picture.height * shrunk)))
    if shrunk < 0.5:  # much faster than one resize
        picture = picture.reduce(int(1 / shrunk))
    small = picture.convert("RGB").resize(size, Image.Resampling.BOX)
    colours = np.asarray(small, np.float32)
    scale = (whole[0] / small.width, whole[1] / small.height)
    if halves := _halves(colours):
        return Things(several=tuple(_box(half, scale) for half in halves))
    difference = foreground.against_background(colours)
    if difference.spread > _PLAIN or not difference.mask.any():
        return Things()
    if card := _card(colours, difference):
        return Things(main=_box(card, scale))
    gap = max(2, round(_NEAR * min(small.size)))
    parts = [
        part for part in apart(difference.mask, gap) if _area(part) >= _SPECK * difference.mask.size
    ]
    large = [part for part in parts if _may_be_meant(part, difference.mask)]
    if not large or len(parts) == 1:
        return Things()
    largest = max(_area(part) for part in large)
    chosen = [part for part in large if _area(part) >= _COMPARABLE * largest]
    boxes = tuple(_box(_grown(part, gap // 2, difference.mask.shape), scale) for part in chosen)
    if any(min(box.width, box.height) < MIN_SIDE for box in boxes) or len(boxes) > MOST:
        return Things()
    return Things(main=boxes[0]) if len(boxes) == 1 else Things(several=boxes)


class _Part(NamedTuple):
    """A rectangle of the small picture; bottom and right are one past its last pixel."""

    top: int
    bottom: int
    left: int
    right: int


def apart(mask: np.ndarray, gap: int) -> list[_Part]:
    """The mask, cut wherever `gap` empty rows or columns run through a part of it.

    mask: bool [H, W]. From top left to bottom right. This is the recursive X-Y cut of Nagy and
    Seth (7th ICPR, 1984), which divides pages into columns and lines.
    """
    parts = [_Part(0, mask.shape[0], 0, mask.shape[1])]
    pieces: list[_Part] = []
    while parts:
        part = parts.pop()
        inside = mask[part.top : part.bottom, part.left : part.right]
        rows, columns = (_runs(np.any(inside, axis=axis), gap) for axis in (1, 0))
        if not rows or not columns:
            continue
        cut = [
            _Part(part.top + y0, part.top + y1, part.left + x0, part.left + x1)
            for y0, y1 in rows
            for x0, x1 in columns
        ]
        if len(cut) == 1:
            pieces += cut
        else:
            parts += cut[::-1]
    return sorted(pieces, key=lambda part: (part.top // 8, part.left))


def _runs(filled: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """Start and end of each filled run; gaps of fewer than `gap` empty places do not split it."""
    places = np.flatnonzero(filled)
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) > gap)
    starts = [0, *(breaks + 1).tolist()]
    ends = [*breaks.tolist(), len(places) - 1]
    return [(int(places[a]), int(places[b]) + 1) for a, b in zip(starts, ends, strict=True)]


def _halves(colours: np.ndarray) -> list[_Part]:
    """Both halves of a collage: they differ along nearly all of a straight line between them."""
    height, width = colours.shape[:2]
    for axis in (1, 0):
        side = colours.shape[axis]
        # Scaling blurs a seam over one pixel, so what lies on either side of it is compared.
        a, b = (np.take(colours, np.arange(*ends), axis) for ends in ((0, side - 2), (2, side)))
        share = (np.abs(a - b).max(axis=2) > _SEAM_EDGE).mean(axis=1 - axis)
        low, high = (round(place * side) for place in _SEAM_PLACES)
        at = low + int(share[low:high].argmax())
        if share[at] >= _SEAM:
            cut = at + 1
            if axis == 1:
                return [_Part(0, height, 0, cut), _Part(0, height, cut + 1, width)]
            return [_Part(0, cut, 0, width), _Part(cut + 1, height, 0, width)]
    return []


def _card(colours: np.ndarray, difference: foreground.AgainstBackground) -> _Part | None:
    """A photo on a page, or an image inside a plot's axes: it has a picture's straight edges."""
    parts = apart(difference.mask, _CARD_GAP)
    if len(parts) < 2:
        return None
    part = max(parts, key=_area)
    if _area(part) < _CARD_AREA * difference.mask.size:
        return None
    whole, part = part, _without_ticks(difference.mask, part)
    if min(part.bottom - part.top, part.right - part.left) < 8:
        return None
    cut_off = [abs(before - after) for before, after in zip(whole, part, strict=True)]
    if max(cut_off) > _TICKS * max(whole.bottom - whole.top, whole.right - whole.left):
        return None
    top, bottom, left, right = part
    inside = difference.mask[top:bottom, left:right]
    # Part of a photo's edge may be as bright as the page; a garment seldom fills the corners.
    edges = (inside[1], inside[-2], inside[:, 1], inside[:, -2])
    corners = inside[[1, 1, -2, -2], [1, -2, 1, -2]]
    if min(edge.mean() for edge in edges) < _CARD_EDGE or corners.sum() < 3:
        return None
    # A plain rectangle is a bag or folded cloth.
    signed = foreground.against_background(colours[top:bottom, left:right]).signed
    return part if foreground.high(np.abs(signed), 99.0) > _CARD_CONTENT else None


def _without_ticks(mask: np.ndarray, part: _Part) -> _Part:
    """The part without lines at its edges that are mostly background, such as an axis's ticks."""
    inside = mask[part.top : part.bottom, part.left : part.right]
    rows, columns = (np.flatnonzero(inside.mean(axis) > 0.5) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return part
    return _Part(
        part.top + int(rows[0]),
        part.top + int(rows[-1]) + 1,
        part.left + int(columns[0]),
        part.left + int(columns[-1]) + 1,
    )


def _may_be_meant(part: _Part, mask: np.ndarray) -> bool:
    """Whether a part has the size and shape of a garment, not of text, a button or a rule."""
    height, width = part.bottom - part.top, part.right - part.left
    slender = max(height, width) > _SLENDER * min(height, width)
    if slender or _area(part) < _LEAST_AREA * mask.size:
        return False
    # Lines of text lie close together, but no single one makes up most of the block.
    lines = apart(mask[part.top : part.bottom, part.left : part.right], _LINE_GAP)
    return max(map(_area, lines)) >= 0.5 * _area(part)


def _area(part: _Part) -> int:
    return (part.bottom - part.top) * (part.right - part.left)


def _grown(part: _Part, room: int, shape: tuple[int, ...]) -> _Part:
    return _Part(
        max(0, part.top - room),
        min(shape[0], part.bottom + room),
        max(0, part.left - room),
        min(shape[1], part.right + room),
    )


def _box(part: _Part, scale: tuple[float, float]) -> Box:
    across, down = scale
    left, top = round(part.left * across), round(part.top * down)
    right, bottom = round(part.right * across), round(part.bottom * down)
    return Box(left, top, right - left, bottom - top)
