"""Photo-like scenes: a garment on the floor, on a hanger, on some background.

Fashion-MNIST shows single garments on white. Here its silhouettes, and others, are put where
visitors photograph theirs.
"""

import copy
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vggcore.wild.backgrounds import SIDE, background, camera, colour, texture
from vggcore.wild.cutouts import Garment, laid
from vggcore.wild.shapes import DRESS, SHOES, TOPS


class Cutout(NamedTuple):
    """A garment ready to paste."""

    alpha: np.ndarray  # float32 [H, W], 0…1: where it is
    cloth: np.ndarray  # float32 [H, W, 3], 0…255

    def paste(self, picture: np.ndarray, left: int, top: int) -> None:
        """Blend into a float32 picture [H, W, 3], in place; parts outside are cut off."""
        height, width = picture.shape[:2]
        y0, x0 = max(top, 0), max(left, 0)
        y1 = min(top + self.alpha.shape[0], height)
        x1 = min(left + self.alpha.shape[1], width)
        if y1 <= y0 or x1 <= x0:
            return
        own = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        alpha = self.alpha[own][..., None]
        area = picture[y0:y1, x0:x1]
        area += alpha * (self.cloth[own] - area)


def cut_out(rng, garment: Garment, width: int, height: int, flip: bool) -> Cutout:
    """The garment at this size, with a sharp outline and random cloth."""
    angle = float(np.clip(rng.normal(0, 9), -30, 30)) if rng.random() < 0.6 else 0.0
    shape, cloth = laid(garment, (max(width, 4), max(height, 4)), flip, angle)
    sharpness = rng.uniform(1.0, 5.0)
    alpha = np.clip((np.asarray(shape, np.float32) / 255 - 0.5) * sharpness + 0.5, 0, 1)
    return Cutout(alpha, _cloth(rng, np.asarray(cloth, np.float32) / 255))


def _cloth(rng: np.random.Generator, shade: np.ndarray) -> np.ndarray:
    """Coloured cloth float32 [H, W, 3] from a garment's Fashion-MNIST shading, 0…1."""
    base, contrast = colour(rng), rng.uniform(0.2, 1.0)
    kind = rng.random()
    if kind < 0.45:  # as it was before its makers negated it
        brightness = 1 - contrast * shade
    elif kind < 0.75:
        brightness = 1 - contrast + contrast * shade
    else:  # creases only
        brightness = 0.8 + 0.5 * contrast * (shade - shade.mean())
    cloth = brightness[..., None] * base
    if rng.random() < 0.35:
        pattern = texture(rng, *shade.shape) * rng.uniform(10, 70)
        cloth = cloth + pattern[..., None] * rng.uniform(0.5, 1.0, 3)
    if rng.random() < 0.15 and min(shade.shape) > 24:  # a print on the chest, a label
        height, width = shade.shape
        y, x = int(height * rng.uniform(0.2, 0.5)), int(width * rng.uniform(0.25, 0.5))
        cloth[y : y + height // 4, x : x + width // 4] = colour(rng)
    return np.clip(cloth, 0, 255).astype(np.float32)


def scene(rng: np.random.Generator, garment: Garment, patches=None) -> Image.Image:
    """A photo-like picture of a garment on some background.

    patches: backgrounds cut from photos, as `backgrounds.background` takes them.
    """
    label = garment.label
    height, width = SIDE, int(SIDE * rng.uniform(0.72, 1.1))
    picture = background(rng, patches, height, width)
    share = rng.uniform(0.5, 1.0)
    rows, columns = np.ptp(np.nonzero(garment.mask), axis=1) + 1
    # A shoe that is longer than it is wide is seen from above, and seldom alone.
    beside = label in SHOES and rows > 1.4 * columns and rng.random() < 0.85
    scale = share * min(height / rows, width / columns / (2.2 if beside else 1))
    stretch = rng.uniform(0.85, 1.18)
    w, h = int(columns * scale * stretch), int(rows * scale / stretch)
    left = int((width - w) / 2 + rng.normal(0, 0.1) * max(width - w, 4))
    top = int((height - h) / 2 + rng.normal(0, 0.1) * max(height - h, 4))
    flip = bool(rng.random() < 0.5)
    same_cloth = copy.deepcopy(rng)
    cut = cut_out(rng, garment, w, h, flip)
    if rng.random() < 0.35:
        _shadow(rng, picture, cut, left, top)
    if beside:
        left -= int(0.55 * w)
    if beside or (label in SHOES and rng.random() < 0.45):
        _second_shoe(rng, same_cloth, picture, garment, (left, top, w, h), flip, beside)
    cut.paste(picture, left, top)
    if label in TOPS + (DRESS,) and rng.random() < 0.15:
        picture = _hanger(rng, picture, (left, top, w, h))
    return camera(rng, turned(rng, picture, label))


def turned(rng: np.random.Generator, picture: np.ndarray, label: int) -> np.ndarray:
    """[H, W, 3] by quarter turns, for where the photographer stood: shoes often, clothes seldom."""
    if rng.random() >= (0.4 if label in SHOES else 0.06):
        return picture
    return np.ascontiguousarray(np.rot90(picture, int(rng.integers(1, 4))))


def _shadow(rng, picture: np.ndarray, cut: Cutout, left: int, top: int) -> None:
    soft = Image.fromarray((cut.alpha * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
    alpha = np.asarray(soft, np.float32) / 255 * rng.uniform(0.2, 0.6)
    shadow = Cutout(alpha, np.zeros((*cut.alpha.shape, 3), np.float32))
    shadow.paste(picture, left + int(rng.integers(-6, 7)), top + int(rng.integers(-2, 7)))


def _second_shoe(rng, same_cloth, picture, garment: Garment, box, flip, beside: bool) -> None:
    """Put the other shoe behind or beside it. same_cloth: the generator that made the first."""
    left, top, w, h = box
    mirrored = flip != bool(rng.random() < (0.9 if beside else 0.5))
    dx, dy = int(rng.uniform(-0.5, 0.5) * w), int(rng.uniform(0.2, 0.9) * h)
    if beside:
        dx, dy = int(rng.uniform(0.9, 1.25) * w), int(rng.uniform(-0.1, 0.1) * h)
    cut_out(same_cloth, garment, w, h, mirrored).paste(picture, left + dx, top - dy)


def _hanger(rng, picture, box) -> np.ndarray:
    left, top, w, _ = box
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    ink = tuple(int(c) for c in colour(rng))
    x = left + w // 2
    draw.line([(x, top + 3), (x, top - 8), (x + 4, top - 11), (x + 1, top - 14)], ink, 2)
    return np.asarray(image, np.float32).copy()
