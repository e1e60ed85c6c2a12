"""Synthetic garments: ten silhouettes drawn by this project, for tests and if there is no data.

Networks trained on them are labelled as synthetic: they are far easier than photographs.
NumPy and Pillow only.
"""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

SIDE = 28
_SCALE = 4  # drawn larger, then shrunk, for smooth edges

# Outlines on a unit square, x to the right and y down; a class may have several parts.
_SHAPES: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    # T-shirt/top: short sleeves
    (
        (
            (0.3, 0.1),
            (0.7, 0.1),
            (1, 0.3),
            (0.9, 0.45),
            (0.75, 0.38),
            (0.75, 0.95),
            (0.25, 0.95),
            (0.25, 0.38),
            (0.1, 0.45),
            (0, 0.3),
        ),
    ),
    # Trouser: two legs
    (((0.3, 0.02), (0.7, 0.02), (0.76, 1), (0.56, 1), (0.5, 0.35), (0.44, 1), (0.24, 1)),),
    # Pullover: long sleeves, closed
    (
        (
            (0.32, 0.08),
            (0.68, 0.08),
            (0.95, 0.2),
            (1, 0.92),
            (0.84, 0.92),
            (0.8, 0.4),
            (0.78, 0.95),
            (0.22, 0.95),
            (0.2, 0.4),
            (0.16, 0.92),
            (0, 0.92),
            (0.05, 0.2),
        ),
    ),
    # Dress: narrow waist, wide hem
    (
        (
            (0.4, 0.02),
            (0.6, 0.02),
            (0.66, 0.25),
            (0.6, 0.45),
            (0.78, 1),
            (0.22, 1),
            (0.4, 0.45),
            (0.34, 0.25),
        ),
    ),
    # Coat: long sleeves, open front
    (
        (
            (0.3, 0.03),
            (0.49, 0.08),
            (0.49, 1),
            (0.2, 1),
            (0.2, 0.4),
            (0.16, 0.85),
            (0, 0.85),
            (0.06, 0.15),
        ),
        (
            (0.7, 0.03),
            (0.51, 0.08),
            (0.51, 1),
            (0.8, 1),
            (0.8, 0.4),
            (0.84, 0.85),
            (1, 0.85),
            (0.94, 0.15),
        ),
    ),
    # Sandal: sole and two straps
    (
        ((0, 0.68), (1, 0.62), (1, 0.72), (0, 0.78)),
        ((0.15, 0.68), (0.3, 0.4), (0.38, 0.4), (0.25, 0.68)),
        ((0.6, 0.65), (0.8, 0.3), (0.9, 0.3), (0.72, 0.65)),
    ),
    # Shirt: short-bodied, long thin sleeves, collar
    (
        (
            (0.25, 0.15),
            (0.75, 0.15),
            (0.92, 0.3),
            (0.98, 0.75),
            (0.86, 0.75),
            (0.76, 0.42),
            (0.76, 0.95),
            (0.24, 0.95),
            (0.24, 0.42),
            (0.14, 0.75),
            (0.02, 0.75),
            (0.08, 0.3),
        ),
        ((0.38, 0.02), (0.5, 0.14), (0.62, 0.02), (0.66, 0.15), (0.34, 0.15)),
    ),
    # Sneaker: low, pointing left
    (((0, 0.65), (0.3, 0.55), (0.6, 0.35), (0.95, 0.35), (1, 0.75), (0, 0.78)),),
    # Bag: body and handle
    (
        ((0.1, 0.4), (0.9, 0.4), (1, 0.95), (0, 0.95)),
        (
            (0.28, 0.4),
            (0.35, 0.12),
            (0.65, 0.12),
            (0.72, 0.4),
            (0.65, 0.4),
            (0.6, 0.2),
            (0.4, 0.2),
            (0.35, 0.4),
        ),
    ),
    # Ankle boot: shaft and foot, pointing left
    (((0.5, 0.05), (0.95, 0.05), (1, 0.92), (0, 0.92), (0.05, 0.65), (0.45, 0.5)),),
)


@lru_cache(maxsize=4)  # a training validates after every epoch
def synthetic_garments(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` garments, bright on black: uint8 [n, 28, 28] and labels int64 [n], classes in turn."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10).astype(np.int64)
    images = [_draw(int(label), rng) for label in labels]
    return np.stack(images) if n else np.zeros((0, SIDE, SIDE), np.uint8), labels


def _draw(label: int, rng: np.random.Generator) -> np.ndarray:
    side = SIDE * _SCALE
    canvas = Image.new("L", (side, side))
    brush = ImageDraw.Draw(canvas)
    stretch = rng.uniform(0.75, 1.0, size=2)
    for part in _SHAPES[label]:
        points = (np.array(part) - 0.5) * stretch + 0.5 + rng.normal(0, 0.012, (len(part), 2))
        points = points * 0.9 + 0.05
        brush.polygon([tuple(p) for p in points * side], fill=int(rng.integers(90, 250)))
    shrunk = np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)
    noise = rng.normal(0, 12, shrunk.shape) * (shrunk > 0)
    return np.clip(shrunk + noise, 0, 255).astype(np.uint8)
