"""Garments drawn by hand: outlines and pencil drawings, with any pen on any paper."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vggcore.wild.backgrounds import SIDE, camera, colour, texture
from vggcore.wild.cutouts import Garment, contours, extent, laid, silhouette, simplified
from vggcore.wild.shapes import DRESS


def outline_of(rng: np.random.Generator, garment: np.ndarray, label: int):
    """Outline of a Fashion-MNIST garment, as crude as a quick sketch; None: no shape."""
    lines = contours(silhouette(garment, label))
    if not lines:
        return None
    line = lines[0]
    if rng.random() < 0.8:
        line = simplified(line, rng.uniform(0.015, 0.05))
    if label == DRESS and rng.random() < 0.5:  # a skirt that widens, as drawn dresses do
        line = line.copy()
        line[:, 0] = 0.5 + (line[:, 0] - 0.5) * (0.8 + rng.uniform(0.3, 1.4) * line[:, 1])
    return line


def drawing(
    rng: np.random.Generator,
    outline: np.ndarray | None,
    lines: list[np.ndarray],
    details: np.ndarray | None = None,
) -> Image.Image:
    """Ink on paper or screen: any pen, shaky or steady, sometimes filled.

    outline: closed line that may be filled, or None. details: uint8 [28, 28], a garment whose
    inner edges are traced too.
    """
    side = SIDE + int(rng.integers(-30, 60))
    everything = [*([] if outline is None else [outline]), *lines]
    place = _placement(rng, np.vstack(everything), side)
    pen = (
        float(rng.choice([1.2, 2, 3, 4, 6, 9], p=[0.15, 0.25, 0.25, 0.15, 0.12, 0.08]))
        * side
        / SIDE
    )
    shake = rng.uniform(0, 0.02) * side
    ink, paper = ink_and_paper(rng)
    factor = 2
    sheet = Image.new("L", (side * factor, side * factor), 0)
    draw = ImageDraw.Draw(sheet)
    placed = [_shaky(rng, place(line), shake) for line in everything]
    if outline is not None and rng.random() < 0.22:
        tone = 255 if rng.random() < 0.5 else int(rng.uniform(40, 220))
        draw.polygon([tuple(p) for p in placed[0] * factor], fill=tone)
        if tone == 255 and rng.random() < 0.7:  # inner lines left in the paper's colour
            placed, tone = placed[1:], 0
        else:
            tone = 255
    else:
        tone = 255
    width = max(1, round(pen * factor))
    for line in placed:
        for part in _gaps(rng, line):
            draw.line([tuple(p) for p in part * factor], fill=tone, width=width, joint="curve")
    coverage = np.asarray(sheet.reduce(factor), np.float32)[..., None] / 255
    if details is not None:
        coverage = np.maximum(coverage, _inner_edges(rng, details, place, side)[..., None])
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = paper
    if rng.random() < 0.3:
        picture += (rng.uniform(0, 10) * texture(rng, side, side))[..., None]
    picture += coverage * (ink - picture)
    return _photographed_or_not(rng, picture)


def _photographed_or_not(rng, picture: np.ndarray) -> Image.Image:
    """A drawing as it is on the sheet, or as photographed."""
    if rng.random() < 0.4:
        return camera(rng, picture)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def pencil_drawing(rng: np.random.Generator, garment: Garment) -> Image.Image:
    """Drawn from the garment itself: its outline, with what is darker than around it shaded."""
    side = SIDE + int(rng.integers(-20, 60))
    left, top, right, bottom = extent(garment.mask)
    scale = side * rng.uniform(0.5, 0.92) / max(right - left, bottom - top)
    stretch = np.exp(rng.normal(0, 0.08))
    width, height = (right - left) * scale * stretch, (bottom - top) * scale / stretch
    angle = float(np.clip(rng.normal(0, 6), -25, 25))
    flip = bool(rng.random() < 0.5)
    layers = laid(garment, (max(8, int(width)), max(8, int(height))), flip, angle)
    shape, shade = (Image.new("L", (side, side), 0) for _ in layers)
    for sheet, layer in zip((shape, shade), layers, strict=True):
        sheet.paste(layer, ((side - layer.width) // 2, (side - layer.height) // 2))
    shape = shape.filter(ImageFilter.GaussianBlur(1)).point(lambda value: 255 * (value > 127))
    inside = np.asarray(shape, np.float32) / 255
    fine, coarse = (
        np.asarray(shade.filter(ImageFilter.GaussianBlur(radius)), np.float32)
        for radius in (rng.uniform(0.5, 1.2), rng.uniform(2, 5))
    )
    creases = (fine - coarse) * rng.choice([-1, 1]) / 255 * inside
    ink = np.clip(creases * rng.uniform(4, 16) - rng.uniform(0, 0.2), 0, 1)
    if rng.random() < 0.4:  # dark cloth shaded, in the grain of the paper
        grain = 1 + 0.4 * rng.normal(0, 1, inside.shape)
        tone = 1 - coarse / 255 if rng.random() < 0.5 else coarse / 255
        ink = np.maximum(ink, rng.uniform(0.1, 0.6) * tone * inside * np.clip(grain, 0, 2))
    if rng.random() < 0.9:
        width = int(rng.choice([3, 3, 5]))
        rim = inside - np.asarray(shape.filter(ImageFilter.MinFilter(width)), np.float32) / 255
        ink = np.maximum(ink, rim * rng.uniform(0.4, 1.0))
    pencil, paper = ink_and_paper(rng)
    picture = paper + np.minimum(ink, 1)[..., None] * (pencil - paper)
    return _photographed_or_not(rng, picture.astype(np.float32))


def _placement(rng, points: np.ndarray, side: int):
    """A random affine map that puts these unit-square points onto a sheet of `side` pixels."""
    low, high = points.min(axis=0), points.max(axis=0)
    angle = float(np.clip(rng.normal(0, 0.12), -0.5, 0.5))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.exp(rng.normal(0, 0.12, 2)) * [rng.choice([-1, 1]), 1]
    shear = np.array([[1, np.clip(rng.normal(0, 0.08), -0.2, 0.2)], [0, 1]])
    scale = side * rng.uniform(0.45, 0.9) / max((high - low).max(), 1e-3)
    matrix = (turn @ shear * stretch).T * scale
    centre = side * (0.5 + np.clip(rng.normal(0, 0.03, 2), -0.08, 0.08))
    middle = (low + high) / 2
    return lambda line: (line - middle) @ matrix + centre


def _shaky(rng, line: np.ndarray, amount: float) -> np.ndarray:
    """The line, resampled every few pixels, with a slow tremor and shifted corners."""
    line = line + rng.normal(0, amount, line.shape)
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    count = int(np.clip(length[-1] / 6, 2, 60))
    at = np.linspace(0, length[-1], count)
    line = np.stack([np.interp(at, length, line[:, 0]), np.interp(at, length, line[:, 1])], 1)
    drift = rng.normal(0, amount * 0.5, (count // 5 + 2, 2))
    where = np.linspace(0, len(drift) - 1, count)
    steps = np.arange(len(drift))
    return line + np.stack([np.interp(where, steps, drift[:, k]) for k in (0, 1)], 1)


def _gaps(rng, line: np.ndarray) -> list[np.ndarray]:
    """The line, with the pen lifted now and then; sometimes a piece is missing."""
    if len(line) < 8 or rng.random() < 0.6:
        return [line]
    cuts = np.sort(rng.integers(2, len(line) - 2, int(rng.integers(1, 4))))
    parts = [part + rng.normal(0, 0.8, 2) for part in np.split(line, cuts) if len(part) > 1]
    if len(parts) > 2 and rng.random() < 0.12:
        parts.pop(int(rng.integers(len(parts))))
    return parts


def ink_and_paper(rng) -> tuple[np.ndarray, np.ndarray]:
    kind = rng.random()
    if kind < 0.5:
        return np.full(3, rng.uniform(0, 60)), np.full(3, 255.0)
    if kind < 0.8:  # coloured pen or pencil, off-white paper
        return np.clip(rng.uniform(0, 140, 3), 0, 255), np.clip(rng.normal(225, 20, 3), 150, 255)
    if kind < 0.93:  # chalk on a board, dark theme
        return rng.uniform(180, 255, 3), rng.uniform(0, 70, 3)
    return colour(rng) * 0.4, np.clip(colour(rng) + 60, 120, 255)


def _inner_edges(rng, garment: np.ndarray, place, side: int) -> np.ndarray:
    """The garment's strongest inner edges as ink, float32 [side, side]."""
    big = np.asarray(
        Image.fromarray(garment).resize((84, 84), Image.Resampling.BICUBIC), np.float32
    )
    down, across = np.gradient(big)
    strength = np.hypot(down, across)
    rows, columns = (strength > np.percentile(strength, rng.uniform(88, 96))).nonzero()
    points = place(np.stack([columns, rows], 1) / 84)
    ink = np.zeros((side, side), np.float32)
    x, y = np.clip(points.round().astype(int), 0, side - 1).T
    ink[y, x] = 1.0
    soft = Image.fromarray((ink * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(soft, np.float32) / 255 * rng.uniform(0.4, 1.0)
