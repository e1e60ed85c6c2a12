"""Synthetic garments: ten silhouettes drawn by this project, for tests and data-less machines.

Whatever is trained on them is labelled as synthetic: they are far easier than photographs.
NumPy and Pillow only.
"""

import numpy as np
from PIL import Image, ImageDraw

SIDE = 28
_SCALE = 4  # drawn larger, then shrunk, for smooth edges

# Outlines on a unit square, x to the right and y down; a class may have several parts.
_SHAPES: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    # T-shirt/top: short sleeves
    (((.3, .1), (.7, .1), (1, .3), (.9, .45), (.75, .38), (.75, .95), (.25, .95), (.25, .38), (.1, .45), (0, .3)),),
    # Trouser: two legs
    (((.3, .02), (.7, .02), (.76, 1), (.56, 1), (.5, .35), (.44, 1), (.24, 1)),),
    # Pullover: long sleeves, closed
    (((.32, .08), (.68, .08), (.95, .2), (1, .92), (.84, .92), (.8, .4), (.78, .95), (.22, .95), (.2, .4), (.16, .92), (0, .92), (.05, .2)),),
    # Dress: narrow waist, wide hem
    (((.4, .02), (.6, .02), (.66, .25), (.6, .45), (.78, 1), (.22, 1), (.4, .45), (.34, .25)),),
    # Coat: long sleeves, open front
    (
        ((.3, .03), (.49, .08), (.49, 1), (.2, 1), (.2, .4), (.16, .85), (0, .85), (.06, .15)),
        ((.7, .03), (.51, .08), (.51, 1), (.8, 1), (.8, .4), (.84, .85), (1, .85), (.94, .15)),
    ),
    # Sandal: sole and two straps
    (
        ((0, .68), (1, .62), (1, .72), (0, .78)),
        ((.15, .68), (.3, .4), (.38, .4), (.25, .68)),
        ((.6, .65), (.8, .3), (.9, .3), (.72, .65)),
    ),
    # Shirt: short-bodied, long thin sleeves, collar
    (
        ((.25, .15), (.75, .15), (.92, .3), (.98, .75), (.86, .75), (.76, .42), (.76, .95), (.24, .95), (.24, .42), (.14, .75), (.02, .75), (.08, .3)),
        ((.38, .02), (.5, .14), (.62, .02), (.66, .15), (.34, .15)),
    ),
    # Sneaker: low, pointing left
    (((0, .65), (.3, .55), (.6, .35), (.95, .35), (1, .75), (0, .78)),),
    # Bag: body and handle
    (((.1, .4), (.9, .4), (1, .95), (0, .95)), ((.28, .4), (.35, .12), (.65, .12), (.72, .4), (.65, .4), (.6, .2), (.4, .2), (.35, .4))),
    # Ankle boot: shaft and foot, pointing left
    (((.5, .05), (.95, .05), (1, .92), (0, .92), (.05, .65), (.45, .5)),),
)  # fmt: skip


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
