"""Garments separated from their background: Fashion-MNIST's, made up, or cut out of photos.

Lines are arrays [N, 2] of x (right) and y (down) in a unit square.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from vggcore.pictures.foreground import foreground
from vggcore.wild import shapes as garment_shapes
from vggcore.wild.shapes import BAG, SANDAL

_CLEAN_BACKGROUND = 14.0  # most grey levels of spread at the border of a photo that is cut out


class Garment(NamedTuple):
    """A garment separated from its background."""

    shade: np.ndarray  # uint8 [S, S]
    mask: np.ndarray  # bool [S, S]: where it is
    label: int


def of_fashion_mnist(image: np.ndarray, label: int) -> Garment:
    """From an image uint8 [28, 28] of the data set."""
    return Garment(image, silhouette(image, label), label)


def of_template(rng: np.random.Generator, label: int) -> Garment:
    """Made up, in any cut that its class comes in."""
    return Garment(*garment_shapes.sewn(rng, label), label)


def of_photo(picture: Image.Image, label: int) -> Garment | None:
    """Cut out of a photo; None if the cut would not be clean."""
    picture = picture.copy()
    picture.thumbnail((96, 96))
    mask, spread = foreground(picture)
    ring = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if spread > _CLEAN_BACKGROUND or ring.mean() > 0.15 or not 0.1 < mask.mean() < 0.8:
        return None
    if label not in (BAG, SANDAL):
        mask = filled(mask)
    return Garment(np.asarray(picture.convert("L")), mask, label)


def silhouette(garment: np.ndarray, label: int) -> np.ndarray:
    """Where the garment is: bool [28, 28].

    White cloth is black in Fashion-MNIST, so holes belong to the garment, except in bags and
    sandals, whose handles and straps enclose background.
    """
    mask = garment >= 10
    return mask if label in (BAG, SANDAL) else filled(mask)


def filled(mask: np.ndarray) -> np.ndarray:
    """The mask with its holes: all that cannot be reached from the edges."""
    free = np.pad(~mask, 1, constant_values=True)
    outside = np.zeros_like(free)
    outside[0] = outside[-1] = outside[:, 0] = outside[:, -1] = True
    count = 0
    while count != (count := int(outside.sum())):
        for _ in range(6):
            grown = outside.copy()
            grown[1:] |= outside[:-1]
            grown[:-1] |= outside[1:]
            grown[:, 1:] |= outside[:, :-1]
            grown[:, :-1] |= outside[:, 1:]
            outside = grown & free
    return ~outside[1:-1, 1:-1]


_TURN = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def contours(mask: np.ndarray) -> list[np.ndarray]:
    """Closed outline of the mask's largest part, traced around it; in the unit square."""
    field = np.pad(mask, 1)
    rows, columns = field.nonzero()
    if len(rows) < 12:
        return []
    start = (int(rows[0]), int(columns[0]))
    points, here, heading = [start], start, 0
    for _ in range(400):
        for turn in range(8):
            direction = (heading + 6 + turn) % 8
            step = _TURN[direction]
            nxt = (here[0] + step[0], here[1] + step[1])
            if field[nxt]:
                here, heading = nxt, direction
                break
        if here == start:
            break
        points.append(here)
    line = (np.array(points, np.float32)[:, ::-1] - 0.5) / mask.shape[0]
    return [np.vstack([line, line[:1]])] if len(points) > 12 else []


def simplified(line: np.ndarray, tolerance: float) -> np.ndarray:
    """Fewer points; those left out are at most `tolerance` off the line (Douglas-Peucker)."""
    chosen = np.zeros(len(line), bool)
    chosen[[0, len(line) // 2, -1]] = True
    todo = [(0, len(line) // 2), (len(line) // 2, len(line) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        a, b = line[first], line[last]
        chord = b - a
        offset = line[first + 1 : last] - a
        length = max(float(np.hypot(*chord)), 1e-6)
        distance = np.abs(offset[:, 0] * chord[1] - offset[:, 1] * chord[0]) / length
        furthest = int(distance.argmax())
        if distance[furthest] > tolerance:
            middle = first + 1 + furthest
            chosen[middle] = True
            todo += [(first, middle), (middle, last)]
    return line[chosen]


def extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is True; of everything if nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return 0, 0, mask.shape[1], mask.shape[0]
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def laid(garment: Garment, size: tuple[int, int], flip: bool, angle: float) -> list[Image.Image]:
    """Mask and shade of the garment alone, of this size, then turned by `angle` degrees."""
    laid = []
    for layer in (garment.mask.astype(np.uint8) * 255, garment.shade):
        image = Image.fromarray(layer).crop(extent(garment.mask))
        image = image.resize(size, Image.Resampling.BICUBIC)
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image
        laid.append(image.rotate(angle, Image.Resampling.BILINEAR, expand=True))
    return laid
