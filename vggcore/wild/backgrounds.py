"""Backgrounds behind a garment, and what light and camera do to a picture.

Everything is drawn with numpy and Pillow from a numpy Generator: the same generator state gives
the same picture. Pictures are RGB, about `SIDE` pixels.
"""

import io

import numpy as np
from PIL import Image, ImageFilter

SIDE = 112


def colour(rng: np.random.Generator) -> np.ndarray:
    """A random colour, grey as often as not: float [3], 0…255."""
    grey = rng.uniform(10, 250)
    if rng.random() < 0.5:
        return np.clip(grey + rng.normal(0, 8, 3), 0, 255)
    return np.clip(rng.uniform(10, 250, 3), 0, 255)


def smooth_noise(rng: np.random.Generator, height: int, width: int, cells: int) -> np.ndarray:
    """Soft blobs about 1/cells of the side in size, float32 [height, width], spread 1."""
    small = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Stripes, checks, tiles, blobs or grain: float32 [height, width], about -1…1."""
    kind = rng.integers(5)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 40)
    along = (x * np.cos(angle) + y * np.sin(angle)) / period
    across = (y * np.cos(angle) - x * np.sin(angle)) / period
    if kind == 0:
        return np.sin(2 * np.pi * along)
    if kind == 1:
        return np.sign(np.sin(2 * np.pi * along) * np.sin(2 * np.pi * across))
    if kind == 2:  # tiles or boards: thin dark joints
        joint = np.minimum(np.abs(along - np.round(along)), np.abs(across - np.round(across)))
        return np.where(joint < 0.04, -1.0, 0.2).astype(np.float32)
    if kind == 3:
        return smooth_noise(rng, height, width, int(rng.integers(4, 28)))
    return rng.normal(0, 0.7, (height, width)).astype(np.float32)


def background(rng: np.random.Generator, patches: np.ndarray | None, height: int, width: int):
    """A background: plain, lit from one side, patterned, in two parts, or taken from a photo.

    patches: uint8 [N, P, P, 3] cut from photos, or None. Returns float32 [height, width, 3].
    """
    if patches is not None and rng.random() < 0.35:
        patch = Image.fromarray(patches[rng.integers(len(patches))])
        patch = patch.rotate(90 * int(rng.integers(4)))
        return np.asarray(patch.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    picture = np.empty((height, width, 3), np.float32)
    # Catalogues and paper: white, or nearly.
    picture[:] = rng.uniform(225, 255) if rng.random() < 0.35 else colour(rng)
    if rng.random() < 0.2:  # floor and wall
        edge = int(rng.uniform(0.3, 0.9) * height)
        picture[edge:] = np.clip(picture[0, 0] * rng.uniform(0.5, 1.2), 0, 255)
    if rng.random() < 0.45:
        strength = rng.uniform(2, 45)
        picture += (strength * texture(rng, height, width))[..., None]
    return picture


def light(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Uneven light and a soft shadow over a float32 picture."""
    height, width = picture.shape[:2]
    if rng.random() < 0.5:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.35)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        picture = picture * (1 + strength * (x * np.cos(angle) + y * np.sin(angle)))[..., None]
    if rng.random() < 0.25:
        shade = smooth_noise(rng, height, width, 3)
        picture = picture * (1 - 0.12 * np.clip(shade, -1, 2))[..., None]
    return picture


def camera(rng: np.random.Generator, picture: np.ndarray) -> Image.Image:
    """Light, blur, noise and JPEG: a float32 picture as from a camera or web site."""
    picture = light(rng, picture)
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(1, 10), picture.shape).astype(np.float32)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 1.6))))
    if rng.random() < 0.3:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=int(rng.integers(20, 90)))
        image = Image.open(stream).convert("RGB")
    return image
