"""What a picture's background (`background`) is, and what stands out from it.

The background may have any colour, be lit from one side or be patterned. It is estimated from the
picture's border. A frame or black bars would be mistaken for it, so they are removed first.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

BUSY = 30.0  # grey levels of spread at the border above which the background is a pattern
SAME = 3.0  # grey levels within which two pixels of a drawn background are one colour

# On the development pictures these find all drawings and icons, and 1 in 300 of the photos.
_DRAWN_SPREAD = 8.0  # grey levels of spread at the border
_DRAWN_SHADES = 24  # colours, at 16 levels per channel
_DRAWN_COLOUR = 40.0  # grey levels between the channels, in the most colourful tenth

_RIM_SAME = (
    12.0  # grey levels within which pixels of a frame are one colour: JPEG leaves some noise
)
_RIM_EDGE = (
    24.0  # grey levels by which a picture differs from the frame around it, nearly all along
)
_RIM_SHARP = 0.93  # share of a picture's edge that must differ that much from the frame
_RIM_CONTENT = 40.0  # least grey levels by which something inside a frame stands out
_RIM_INSIDE = 0.3  # share of the inside that may have the frame's colour
_RIM_MIN_SIDE = 64  # pixels: smaller pictures, such as Fashion-MNIST's, have no frame


class AgainstBackground(NamedTuple):
    background: np.ndarray  # its colour, [H, W, 3]
    spread: float  # of the border's pixels around it, grey levels
    signed: np.ndarray  # [H, W]: how much brighter or darker a pixel is, in its strongest channel
    threshold: float  # grey levels of difference from which a pixel belongs to the garment
    mask: np.ndarray  # bool [H, W]: pixels over the threshold


def against_background(colours: np.ndarray) -> AgainstBackground:
    background, spread = _background(colours)
    signed = strongest_channel(colours - background)
    threshold = 3.0 * min(spread, BUSY) + 4.0
    # Uneven light leaves a residue that grows with the contrast; a drawn background leaves none.
    share = 0.12 if spread else 0.03
    strongest = high(np.abs(signed), 99.5)
    threshold = max(threshold, share * strongest)
    # A busy background must not hide a garment that is the only thing to stand out from it.
    threshold = min(threshold, max(0.5 * strongest, 4.0))
    return AgainstBackground(background, spread, signed, threshold, np.abs(signed) > threshold)


def is_drawn(colours: np.ndarray, spread: float, signed: np.ndarray, mask: np.ndarray) -> bool:
    """Whether a picture is drawn or printed rather than photographed.

    colours: float32 [H, W, 3]; the rest comes from `against_background`. A drawing's background is
    even. What stands out either has few shades, or it has little colour and most of the picture
    is background, as in a pencil drawing on paper.
    """
    if spread >= _DRAWN_SPREAD or not mask.any():
        return spread < _DRAWN_SPREAD
    marks = colours[mask]
    shades = len(np.unique(marks.astype(np.uint8) >> 4, axis=0))
    if shades <= _DRAWN_SHADES:
        return True
    difference = np.abs(signed)
    background_share = (difference < 0.12 * high(difference[mask], 95)).mean()
    return bool(high(np.ptp(marks, axis=1), 90) < _DRAWN_COLOUR and background_share > 0.6)


def foreground(picture: Image.Image) -> tuple[np.ndarray, float]:
    """What differs from the background, bool [H, W], and the background's spread, grey levels."""
    difference = against_background(np.asarray(picture.convert("RGB"), np.float32))
    return difference.mask, difference.spread


def strongest_channel(difference: np.ndarray) -> np.ndarray:
    """The one of each pixel's three signed differences that is furthest from 0: float32 [H,W]."""
    low, high = difference.min(axis=2), difference.max(axis=2)
    return np.where(-low > high, low, high)


def _background(colours: np.ndarray) -> tuple[np.ndarray, float]:
    """The background's colour at each pixel [H,W,3], and its spread around that in grey levels.

    A plane fitted to the border's pixels in each channel follows light that falls off to one side.
    Two refits leave out the pixels furthest off: sleeves, feet and shadows that reach the border.
    """
    height, width = colours.shape[:2]
    rows, columns = np.meshgrid(
        np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32),
        indexing="ij",
    )  # fmt: skip
    ring = np.zeros((height, width), bool)
    depth = max(1, min(height, width) // 24)
    ring[:depth] = ring[-depth:] = ring[:, :depth] = ring[:, -depth:] = True
    border = colours[ring]
    flat = _flat_background(colours, border)
    if flat is not None:
        return np.broadcast_to(flat, colours.shape), 0.0
    terms = np.stack([np.ones(len(border), np.float32), rows[ring], columns[ring]], axis=1)
    median = np.median(border, axis=0)
    distance = np.abs(border - median).max(axis=1)
    for _ in range(2):
        near = distance <= max(np.quantile(distance, 0.7), 2.0)
        plane = _fit_plane(terms[near], border[near])
        distance = np.abs(border - terms @ plane).max(axis=1)
    spread = float(np.median(distance)) * 1.5
    whole = np.stack([np.ones_like(rows), rows, columns], axis=2) @ plane
    return np.clip(whole, 0, 255), spread


def _flat_background(colours: np.ndarray, border: np.ndarray) -> np.ndarray | None:
    """The single colour of a drawn or cut-out background [3], or None.

    Three corners must agree and much of the border have just that colour. A garment may then
    fill most of the border, as many of Fashion-MNIST's coats do.
    """
    corners = colours[[0, 0, -1, -1], [0, -1, 0, -1]]
    colour = np.median(corners, axis=0)
    agreeing = (np.abs(corners - colour).max(axis=1) <= SAME).sum()
    share = (np.abs(border - colour).max(axis=1) <= SAME).mean()
    return colour if agreeing >= 3 and share >= 0.25 else None


def _fit_plane(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Least squares, with slopes pulled slightly towards 0 for borders that say little."""
    normal = terms.T @ terms + np.diag([0, 0.05, 0.05]).astype(np.float32) * len(terms)
    return np.linalg.solve(normal + 1e-4 * np.eye(3, dtype=np.float32), terms.T @ values)


def high(values: np.ndarray, percent: float) -> float:
    return float(np.percentile(values, percent))


def inside_rim(colours: np.ndarray) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right) of what lies inside a frame, or bars on two sides, of one colour.

    colours: float32 [H, W, 3]. None: no frame. Inside a frame the picture begins all at once: it
    differs from the frame's colour along nearly its whole edge, while a garment on a plain
    background begins gradually. And something must stand out inside: a plain rectangle is a
    bag or folded cloth, and one with the same colour inside as around it is an outline.
    """
    height, width = colours.shape[:2]
    corners = colours[[0, 0, -1, -1], [0, -1, 0, -1]]
    if min(height, width) < _RIM_MIN_SIDE or np.ptp(corners, axis=0).max() > _RIM_SAME:
        return None
    off = np.abs(colours - np.median(corners, axis=0)).max(axis=2)
    rows, columns = ((off > _RIM_SAME).mean(axis=axis) > 0.005 for axis in (1, 0))
    if not rows.any() or not columns.any():
        return None
    (top, bottom), (left, right) = (
        (int(line.argmax()), len(line) - int(line[::-1].argmax())) for line in (rows, columns)
    )
    framed = (top > 0 and bottom < height) or (left > 0 and right < width)
    if not framed or bottom - top < height // 4 or right - left < width // 4:
        return None
    # Scaling blurs the line where the picture begins, so the next one is checked, and is kept.
    inner = off[top:bottom, left:right] > _RIM_EDGE
    edges = ((top, inner[1]), (height - bottom, inner[-2]),
             (left, inner[:, 1]), (width - right, inner[:, -2]))  # fmt: skip
    if any(rim and line.mean() < _RIM_SHARP for rim, line in edges):
        return None
    top, bottom = top + (top > 0), bottom - (bottom < height)
    left, right = left + (left > 0), right - (right < width)
    if (off[top:bottom, left:right] <= _RIM_SAME).mean() > _RIM_INSIDE:
        return None
    strongest = high(np.abs(against_background(colours[top:bottom, left:right]).signed), 99.0)
    return (top, bottom, left, right) if strongest > _RIM_CONTENT else None
