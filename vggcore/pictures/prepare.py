"""From a photo or drawing to exactly what the network sees, keeping each step for the page.

Numpy and Pillow only, deterministic, a few milliseconds a picture. Fashion-MNIST's makers
photographed on white, trimmed, scaled the longest side to 28 pixels and negated, so that the
ground is 0. Here the ground may be anything, so it is estimated from the picture's border and
what *differs* from it, in any colour channel and either direction, becomes bright: pen on paper,
a white shirt on a red carpet and a Fashion-MNIST image itself all end as bright on black.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from vggcore.pictures.decode import opaque

STYLES = ("wild", "fashion-mnist")
INVERT = ("auto", "yes", "no")
CROP = ("auto", "off")
BACKGROUND = ("auto", "keep", "remove")

_WORKING_SIDE = 128  # pixels of the longest side on which ground and garment are found
_MARGIN = {"wild": 1 / 16, "fashion-mnist": 0.0}  # black border, as a share of the side
_BUSY_GROUND = 30.0  # grey levels of spread at the border above which the ground is a pattern
_SAME = 3.0  # grey levels within which two pixels of a drawn ground are one colour
_DIM = 90.0  # brightest grey level of a garment on black below which it is brightened
_FAINT = 10.0  # grey levels: a picture that differs less than this from its ground is blank


class Prepared(NamedTuple):
    """What `prepare` made of a picture, and what it decided on the way."""

    steps: list[tuple[str, np.ndarray]]  # (name, uint8 [H,W] or [H,W,3]); the last: network input
    network_input: np.ndarray  # uint8 [S,S], garment bright on black
    inverted: bool  # the garment was taken to be darker than its ground
    cropped: bool  # the picture was cut to what differs from the ground
    blank: bool  # nothing differs from the ground


def prepare(
    image,
    size: int = 64,
    style: str = "wild",
    *,
    invert: str = "auto",
    crop: str = "auto",
    background: str = "auto",
) -> Prepared:
    """Bring any picture of a garment into the form that a network was trained on.

    image: PIL image, or uint8 array [H,W] or [H,W,3]. size: side of the result, pixels.
    style: "wild" leaves a small border; "fashion-mnist" fills the frame as that data set does.
    invert: "auto" takes garments darker and brighter than the ground; "yes" only what is darker;
    "no" only what is brighter. crop: "off" keeps the whole picture. background: "keep" leaves the
    ground in the picture, "remove" blanks all that is close to the ground's colour, "auto" blanks
    it where the ground is plain. Raises ValueError.
    """
    _check("style", style, STYLES)
    _check("invert", invert, INVERT)
    _check("crop", crop, CROP)
    _check("background", background, BACKGROUND)
    picture = _working_copy(image)
    colours = np.asarray(picture, dtype=np.float32)
    ground, spread, signed, threshold, mask = _against_ground(colours)
    if invert != "auto":
        mask &= signed < 0 if invert == "yes" else signed > 0
    difference, flat = np.abs(signed), spread == 0
    blank = not mask.any() or _high(difference, 99.9) < _FAINT
    inverted = _darker(signed, mask) if invert == "auto" else invert == "yes"

    if background == "keep":
        bright = _grey(colours)
        bright = 255.0 - bright if inverted else bright
    elif invert == "auto":
        bright = difference
    else:
        bright = np.maximum(-signed if inverted else signed, 0.0)
    if background == "remove" or (background == "auto" and spread < _BUSY_GROUND):
        # Soft, so that faint pencil strokes are thinned rather than cut into pieces.
        bright = np.clip(bright - min(1.5 * spread, 0.5 * threshold), 0.0, None)
    # Fashion-MNIST's own images, and cut-outs on black, keep the brightness they came with.
    on_black = flat and ground.max() <= _SAME
    full = 255.0 if on_black and not blank and _high(bright[mask], 97) >= _DIM else None
    steps = [("picture", np.asarray(picture)), ("against ground", _stretched(bright, mask, full))]

    box = _box(mask, 0.0005 if flat else 0.003) if crop == "auto" and not blank else None
    if box is not None:
        top, bottom, left, right = box
        bright, mask = bright[top:bottom, left:right], mask[top:bottom, left:right]
    bright = np.zeros(bright.shape, np.uint8) if blank else _stretched(bright, mask, full)
    steps.append(("cut out", bright))
    bright = _thickened(bright, mask, size)
    result = _centred(bright, size, _MARGIN[style])
    steps.append(("network input", result))
    return Prepared(steps, result, bool(inverted), box is not None, bool(blank))


def foreground(picture: Image.Image) -> tuple[np.ndarray, float]:
    """What differs from the ground, bool [H, W], and the ground's own spread in grey levels."""
    found = _against_ground(np.asarray(picture.convert("RGB"), np.float32))
    return found.mask, found.spread


class _AgainstGround(NamedTuple):
    ground: np.ndarray  # its colour, [H, W, 3]
    spread: float  # of the border's pixels around it, grey levels
    signed: np.ndarray  # [H, W]: how much brighter or darker a pixel is, in its strongest channel
    threshold: float  # grey levels of difference from which a pixel belongs to the garment
    mask: np.ndarray  # bool [H, W]: pixels over the threshold


def _against_ground(colours: np.ndarray) -> _AgainstGround:
    ground, spread = _ground(colours)
    signed = _strongest_channel(colours - ground)
    threshold = 3.0 * min(spread, _BUSY_GROUND) + 4.0
    # Uneven light leaves a rest that grows with the picture's contrast; a drawn ground does not.
    share = 0.12 if spread else 0.03
    strongest = _high(np.abs(signed), 99.5)
    threshold = max(threshold, share * strongest)
    # A restless ground must not hide a garment that is all that stands out from it.
    threshold = min(threshold, max(0.5 * strongest, 4.0))
    return _AgainstGround(ground, spread, signed, threshold, np.abs(signed) > threshold)


def _check(name: str, value, allowed: tuple) -> None:
    if value not in allowed:
        raise ValueError(f"unknown {name} {value!r}: choose one of {', '.join(allowed)}")


def _working_copy(image) -> Image.Image:
    """RGB, longest side at most `_WORKING_SIDE`. Raises ValueError for what is no picture."""
    if isinstance(image, np.ndarray):
        flat, coloured = image.ndim == 2, image.ndim == 3 and image.shape[2] == 3
        if image.dtype != np.uint8 or not (flat or coloured) or 0 in image.shape:
            raise ValueError(
                f"a picture is a uint8 array [H,W] or [H,W,3], not {image.dtype} {image.shape}"
            )
        image = Image.fromarray(np.ascontiguousarray(image))
    elif not isinstance(image, Image.Image):
        raise ValueError(f"a picture is a PIL image or an array, not {type(image).__name__}")
    image = opaque(image)
    longest = max(image.size)
    if longest > 2 * _WORKING_SIDE:
        image = image.reduce(longest // _WORKING_SIDE)
    if max(image.size) > _WORKING_SIDE:
        scale = _WORKING_SIDE / max(image.size)
        side = [max(1, round(length * scale)) for length in image.size]
        image = image.resize(side, Image.Resampling.BOX)
    return image


def _grey(colours: np.ndarray) -> np.ndarray:
    """ITU-R 601 luma, float32 [H,W]."""
    return colours @ np.array([0.299, 0.587, 0.114], np.float32)


def _strongest_channel(difference: np.ndarray) -> np.ndarray:
    """Of each pixel's three signed differences, the one furthest from 0: float32 [H,W]."""
    low, high = difference.min(axis=2), difference.max(axis=2)
    return np.where(-low > high, low, high)


def _ground(colours: np.ndarray) -> tuple[np.ndarray, float]:
    """The ground's colour at each pixel [H,W,3], and its spread around that, in grey levels.

    A plane per channel through the border's pixels follows light that falls off to one side.
    Two refits leave out the pixels furthest off: sleeves, feet and shadows that reach the border.
    """
    height, width = colours.shape[:2]
    rows, columns = np.meshgrid(
        np.linspace(-1, 1, height, dtype=np.float32),
        np.linspace(-1, 1, width, dtype=np.float32),
        indexing="ij",
    )
    ring = np.zeros((height, width), bool)
    depth = max(1, min(height, width) // 24)
    ring[:depth] = ring[-depth:] = ring[:, :depth] = ring[:, -depth:] = True
    border = colours[ring]
    flat = _flat_ground(colours, border)
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


def _flat_ground(colours: np.ndarray, border: np.ndarray) -> np.ndarray | None:
    """The one colour of a drawn or cut-out ground [3], or None.

    Three corners agree and much of the border is just that colour. A garment may then fill most
    of the border, as many of Fashion-MNIST's coats do.
    """
    corners = colours[[0, 0, -1, -1], [0, -1, 0, -1]]
    colour = np.median(corners, axis=0)
    agreeing = (np.abs(corners - colour).max(axis=1) <= _SAME).sum()
    share = (np.abs(border - colour).max(axis=1) <= _SAME).mean()
    return colour if agreeing >= 3 and share >= 0.25 else None


def _fit_plane(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Least squares with a slight pull of the slopes towards 0, for borders that say little."""
    normal = terms.T @ terms + np.diag([0, 0.05, 0.05]).astype(np.float32) * len(terms)
    return np.linalg.solve(normal + 1e-4 * np.eye(3, dtype=np.float32), terms.T @ values)


def _high(values: np.ndarray, percent: float) -> float:
    return float(np.percentile(values, percent))


def _darker(signed: np.ndarray, mask: np.ndarray) -> bool:
    """Whether what differs from the ground is mostly darker than it."""
    return bool(mask.any() and signed[mask].sum() < 0)


def _stretched(bright: np.ndarray, mask: np.ndarray, full: float | None) -> np.ndarray:
    """uint8, scaled so that `full`, or else the garment's brightest parts, reach 255."""
    top = full or (_high(bright[mask], 97) if mask.any() else 255.0)
    return np.clip(bright * (255.0 / max(top, 1.0)), 0, 255).astype(np.uint8)


def _box(mask: np.ndarray, stray: float) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right) around the mask; None: no clear box.

    stray: share of the mask that may be specks and is left out on each side.
    """
    rows = _span(mask.mean(axis=1), stray)
    columns = _span(mask.mean(axis=0), stray)
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    if min(height, width) < 3 or max(height, width) < 8:
        return None
    return *rows, *columns


def _span(profile: np.ndarray, stray: float) -> tuple[int, int]:
    """First and one past the last index that holds a noticeable share of the mask."""
    total = profile.sum()
    cumulated = np.cumsum(profile)
    first = int(np.searchsorted(cumulated, stray * total, side="right"))
    last = int(np.searchsorted(cumulated, (1 - stray) * total))
    return first, min(last + 1, len(profile))


def _thickened(bright: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """Thin pens drawn over so that they survive the scaling down; all else unchanged."""
    longest = max(bright.shape)
    if longest < size or mask.mean() > 0.16:
        return bright
    return np.asarray(Image.fromarray(bright).filter(ImageFilter.MaxFilter(3)))


def _centred(bright: np.ndarray, size: int, margin: float) -> np.ndarray:
    """Longest side scaled to the frame less its margin, in the middle of a black square."""
    height, width = bright.shape
    room = size - 2 * round(size * margin)
    scale = room / max(height, width)
    new = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = Image.fromarray(bright).resize(new, Image.Resampling.BILINEAR)
    frame = Image.new("L", (size, size))
    # Where it cannot be exact, right of and below the middle, as Fashion-MNIST has it.
    frame.paste(scaled, ((size - new[0] + 1) // 2, (size - new[1] + 1) // 2))
    return np.asarray(frame)
