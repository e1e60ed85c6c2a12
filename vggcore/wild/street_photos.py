"""Garments that people wear: cropped tight to wide, and masked onto other backgrounds."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from vggcore.wild.backgrounds import background, camera
from vggcore.wild.cutouts import extent
from vggcore.wild.items import Item

_SIDE = 176  # pixels of the longest side to work on
CROPS, PEOPLE, ALONE = 5, 4, 2  # variants of each picture


def framings(item: Item, patches, seed: tuple[int, ...]) -> Iterator[Image.Image]:
    """The picture as it is, closer crops, the person elsewhere, and the garment alone.

    patches: cut from photos, for `backgrounds.background`. The same seed gives the same pictures.
    """
    picture, garment, person = _small(item)
    box = extent(garment)
    yield Image.fromarray(picture)
    for variant in range(CROPS):
        rng = np.random.default_rng((*seed, 1, variant))
        left, top, right, bottom = _framing(rng, box, picture.shape)
        yield Image.fromarray(picture[top:bottom, left:right])
    for kind, mask, count in ((2, person, PEOPLE), (3, garment, ALONE)):
        for variant in range(count):
            rng = np.random.default_rng((*seed, kind, variant))
            yield _elsewhere(rng, picture, mask, box, patches)


def _small(item: Item) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture uint8 [H, W, 3], and the masks of garment and person, bool [H, W]."""
    whole = item.picture()
    scale = min(1.0, _SIDE / max(whole.size))
    size = (max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
    garment, person = (
        np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
        for mask in item.masks()
    )
    return np.asarray(whole.resize(size, Image.Resampling.BOX)), garment, person


def _framing(rng: np.random.Generator, box, shape) -> tuple[int, int, int, int]:
    """A frame around the garment's box, anywhere from tight to the whole picture."""
    left, top, right, bottom = box
    height, width = shape[:2]
    wide = rng.random() ** 1.5
    room = rng.uniform(0.4, 1.0, 4) * wide + rng.uniform(-0.04, 0.06, 4)
    frame = (
        max(0, int(left - room[0] * left)),
        max(0, int(top - room[1] * top)),
        min(width, int(right + room[2] * (width - right)) + 1),
        min(height, int(bottom + room[3] * (height - bottom)) + 1),
    )
    if frame[2] - frame[0] < 8 or frame[3] - frame[1] < 8:
        return 0, 0, width, height
    return frame


def _elsewhere(rng: np.random.Generator, picture, mask, box, patches) -> Image.Image:
    """What the mask shows, on white or some other background, in a new frame."""
    height, width = mask.shape
    behind = background(rng, patches, height, width)
    soft = np.asarray(
        Image.fromarray(mask.astype(np.uint8) * 255).reduce(2).resize((width, height)), np.float32
    )
    share = (soft / 255)[..., None]
    whole = behind + share * (picture.astype(np.float32) - behind)
    left, top, right, bottom = _framing(rng, box, mask.shape)
    part = whole[top:bottom, left:right]
    return camera(rng, part) if rng.random() < 0.5 else Image.fromarray(part.astype(np.uint8))
