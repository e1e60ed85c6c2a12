"""Pools of prepared pictures that each step picks from: drawn once, kept in cache files.

Every picture, made up or real, goes through `pictures.prepare`, so that the network trains on
what it will be asked about.
"""

import hashlib
import io
import json
import logging
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from vggcore.data import fashion_mnist
from vggcore.machine import paths
from vggcore.machine.files import write_atomically
from vggcore.pictures import prepare, strokes
from vggcore.wild import cutouts, drawings, no_garments, scenes, shapes, street_photos
from vggcore.wild.backgrounds import camera
from vggcore.wild.items import (
    ACCEPTED,
    FLAT,
    FOLDER_OF,
    KINDS,
    NONE,
    SKETCH_SOURCES,
    SOURCES,
    STREETS,
    WORN,
    Item,
    corrections,
    development_items,
    icon_items,
    is_held_out_street,
    not_garment_kinds,
    not_garment_photos,
    not_garments,
    target_of,
    trained_category,
    trained_photo,
    weights_of,
)

log = logging.getLogger(__name__)
# The sources that each pool depends on; all others on `FLAT`.
_DEPENDS_ON = {
    "fashion": (),
    "icons": (),
    "kinds": (KINDS,),
    "none-photos": (WORN,),
    "none-kinds": (KINDS,),
    "worn": (WORN,),
    "sketches": SKETCH_SOURCES,
}
POOL_SIZES = {"scenes": 12_000, "drawings": 18_000, "none": 4_000}
_VARIANTS = {  # of each picture, by source or folder
    **dict.fromkeys(FLAT, 8),
    KINDS: 6,
    "quickdraw-strokes": 10,
    "quickdraw-raster": 4,
    "icons": 8,
    "not-garments": 4,
    "photos-things": 10,
    STREETS: 2,
    "photos-objects": 2,
}
# Share of photos shrunk to so many pixels: those of `KINDS` are small, and must not stand out.
_SMALL, _SMALL_SIDES = 0.35, (64, 97)
_KEEP_BACKGROUND = 0.4  # share of photos and scenes whose background is not removed
# Shares of the scenes; the rest are from Fashion-MNIST.
_FROM_PHOTOS, _FROM_TEMPLATES = 0.25, 0.4
_RARE = 0.03  # share of a pool: a class with less is picked less often than the others
_PENCIL = 0.3  # share of the drawings made from a garment, half of them from photos
_VERSION = 15  # of the pools' content; raise it whenever that would change


class Pool(NamedTuple):
    """Pictures that were prepared once."""

    images: Tensor  # uint8 [N, S, S]; in colour [N, S, S, 4]: red, green, blue, outline
    targets: Tensor  # float32 [N, 11]: 1 for the class, less for others that would be right too

    def weights(self) -> Tensor:
        """How often to pick each picture, so that each class is picked as often as the others.

        The pictures of a very rare class would be memorised: it is picked less often.
        """
        first = self.targets.argmax(1)
        counts = torch.bincount(first, minlength=NONE + 1).float()
        return 1 / counts.clamp(min=_RARE * len(first))[first]


def build_pool(
    name: str,
    size: int,
    seed: int,
    sources: tuple[str, ...] = SOURCES,
    *,
    colour: bool = False,
) -> Pool:
    """Draw and prepare one of the pools of `SHARES`; the same arguments give the same pool.

    size: side of the network's input. sources: the development sources to train on. colour: with
    the picture's colours; Fashion-MNIST, which has none, stays grey.
    """
    images, labels = (t.numpy() for t in fashion_mnist.load_split("train", seed=seed))
    real = [item for item in development_items(sources) if not item.held_out]
    photos = [item for item in real if item.source in FLAT]
    sketches = [item for item in real if item.kind == "sketches"]
    pairs: Iterator
    if name == "fashion":
        pairs = ((image, weights_of(label)) for image, label in zip(images, labels, strict=True))
    elif name == "scenes":
        pairs = _scenes(images, labels, photos, seed)
    elif name == "drawings":
        pairs = _drawings(images, labels, photos, seed)
    elif name == "icons":
        pairs = _sketches(icon_items(), seed)
    elif name == "photos":
        pairs = _photos(photos, seed)
    elif name == "kinds":
        pairs = _photos([item for item in real if item.source == KINDS], seed)
    elif name == "worn":
        pairs = _worn([item for item in real if item.source == WORN], seed)
    elif name == "none-photos":
        pairs = _none_photos(_other_photos(sources), seed)
    elif name == "none-kinds":
        items = not_garment_kinds(trained=True) if KINDS in sources else []
        pairs = ((item.picture(), weights_of(NONE)) for item in items)
    elif name == "sketches":
        pairs = _sketches(sketches, seed)
    else:
        other = [item for item in not_garments() if trained_category(item.folder)]
        pairs = _others(other, _background_patches(photos, seed), seed)
    return _pool(pairs, size, prepare.style_for(4 if colour and name != "fashion" else 1))


def _pool(pairs: Iterator, size: int, style: str) -> Pool:
    prepared, targets = [], []
    for picture, target, *options in pairs:
        background = options[0] if options else "auto"
        prepared.append(prepare.prepare(picture, size, style, background=background).network_input)
        targets.append(target)
    if not prepared:
        return Pool(torch.empty(0, size, size, dtype=torch.uint8), torch.empty(0, NONE + 1))
    return Pool(torch.from_numpy(np.stack(prepared)), torch.from_numpy(np.stack(targets)))


def pool_key(
    name: str, size: int, seed: int, sources: tuple[str, ...] = SOURCES, *, colour: bool = False
) -> str:
    """SHA-256 of all that decides which pictures `build_pool` gives, with these arguments."""
    needed = tuple(source for source in _DEPENDS_ON.get(name, FLAT) if source in sources)
    corrected = [[*of, *classes] for of, classes in corrections().items() if of[0] in needed]
    facts = (
        *(_VERSION, corrected, name, size, seed, needed, colour and name != "fashion"),
        *(POOL_SIZES.get(name), _VARIANTS, _SMALL, _SMALL_SIDES),
    )
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def cached_pool(
    name: str,
    size: int,
    seed: int,
    sources: tuple[str, ...] = SOURCES,
    *,
    colour: bool = False,
) -> Pool:
    """`build_pool`, read from the cache file if that holds exactly this pool."""
    key = pool_key(name, size, seed, sources, colour=colour)
    needed = _DEPENDS_ON.get(name, FLAT)
    left_out = [source for source in needed if source not in sources]
    sources = tuple(source for source in needed if source in sources)
    colour = colour and name != "fashion"
    # Runs without one source, which test the network on it, have their own files.
    without = "".join(f"-without-{source}" for source in left_out)
    kind = "-colour" if colour else ""
    file = paths.runs_dir() / ".wild-pools" / f"{name}-{size}{kind}{without}.npz"
    if file.is_file():
        with np.load(file) as stored:
            if str(stored["key"]) == key:
                return Pool(*(torch.from_numpy(stored[part]) for part in Pool._fields))
    log.info("drawing the pictures to train on: %s", name)
    pool = build_pool(name, size, seed, sources, colour=colour)
    stream = io.BytesIO()
    np.savez(stream, key=np.array(key), images=pool.images.numpy(), targets=pool.targets.numpy())
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, stream.getvalue())
    return pool


def _generator(seed: int, stream: int, index: int) -> np.random.Generator:
    return np.random.default_rng((seed, stream, index))


def _background_patches(photos: list[Item], seed: int) -> np.ndarray | None:
    """Corners of photos, which are mostly background: uint8 [N, 64, 64, 3]."""
    if not photos:
        return None
    rng = _generator(seed, 0, 0)
    patches = []
    for index in rng.choice(len(photos), min(500, len(photos)), replace=False):
        picture = photos[index].picture()
        width, height = picture.size
        w, h = width // 4, height // 5
        left, top = int(rng.choice([0, width - w])), int(rng.choice([0, height - h]))
        patch = picture.crop((left, top, left + w, top + h)).resize((64, 64))
        patches.append(np.asarray(patch))
    return np.stack(patches)


def _scenes(images, labels, photos: list[Item], seed: int) -> Iterator:
    """Garments from Fashion-MNIST, made up, and cut out of photos, on all backgrounds."""
    patches = _background_patches(photos, seed)
    by_label = [np.flatnonzero(labels == label) for label in range(NONE)]

    def known(rng, label: int) -> cutouts.Garment:
        return cutouts.of_fashion_mnist(images[rng.choice(by_label[label])], label)

    for index in range(POOL_SIZES["scenes"]):
        rng = _generator(seed, 1, index)
        label, kind = int(rng.integers(NONE)), rng.random()
        garment, target = None, weights_of(label)
        if kind < _FROM_PHOTOS and photos:
            item = photos[rng.integers(len(photos))]
            shape = item.accepted[0]
            garment, target = cutouts.of_photo(item.picture(), shape), target_of(item)
        elif kind < _FROM_PHOTOS + _FROM_TEMPLATES:
            garment = cutouts.of_template(rng, label)
        if garment is None:
            garment, target = known(rng, label), weights_of(label)
        background = "keep" if rng.random() < _KEEP_BACKGROUND else "auto"
        yield scenes.scene(rng, garment, patches), target, background


def _drawings(images, labels, photos: list[Item], seed: int) -> Iterator:
    """Outlines, traced or made up, and pencil drawings of garments of both kinds."""
    for index in range(POOL_SIZES["drawings"]):
        rng = _generator(seed, 2, index)
        chosen = rng.integers(len(images))
        label = int(labels[chosen])
        # A drawing too crude to tell must not be forced: it has a real one's alternatives.
        target = weights_of(label, ACCEPTED["sketches"].get(FOLDER_OF[label], ()))
        if rng.random() < _PENCIL:
            garment = None
            if photos and rng.random() < 0.5:
                item = photos[rng.integers(len(photos))]
                garment = cutouts.of_photo(item.picture(), item.accepted[0])
            if garment is None:
                garment = cutouts.of_fashion_mnist(images[chosen], label)
            else:
                target = target_of(item)
            yield drawings.pencil_drawing(rng, garment), target
            continue
        traced = rng.random() < 0.45
        outline = drawings.outline_of(rng, images[chosen], label) if traced else None
        if outline is None:
            outline, lines = shapes.template(rng, label)
            details = None
        else:
            lines, details = [], images[chosen] if rng.random() < 0.4 else None
        yield drawings.drawing(rng, outline, lines, details), target


def _photos(photos: list[Item], seed: int) -> Iterator:
    """Each photo as it is, and cropped a little differently, or turned."""
    for index, item in enumerate(photos):
        picture, target = item.picture(), target_of(item)
        yield picture, target
        for variant in range(1, _VARIANTS[item.source]):
            rng = _generator(seed, 3, index * 100 + variant)
            photo = picture.copy()
            if rng.random() < _SMALL:
                photo.thumbnail((int(rng.integers(*_SMALL_SIDES)),) * 2)
            cut = rng.uniform(0, 0.18, 4) * np.array([*photo.size, *photo.size])
            box = (cut[0], cut[1], photo.width - cut[2], photo.height - cut[3])
            background = "keep" if rng.random() < _KEEP_BACKGROUND else "auto"
            left, top, right, bottom = (int(side) for side in box)
            cropped = np.asarray(photo.crop((left, top, right, bottom)))
            yield scenes.turned(rng, cropped, item.accepted[0]), target, background


def _worn(items: list[Item], seed: int) -> Iterator:
    """Garments that people wear, in several framings and on several backgrounds."""
    streets = [item for item in _other_photos(SOURCES) if item.folder == STREETS]
    patches = _background_patches(streets, seed)
    for index, item in enumerate(items):
        target = target_of(item)
        for picture in street_photos.framings(item, patches, (seed, 7, index)):
            yield picture, target


def _other_photos(sources: tuple[str, ...]) -> list[Item]:
    """Photos without garments to train on.

    The streets were cut from the photos of `WORN`: they are left out if those are, and if a
    held-out picture shows a person in the same street.
    """
    photos = [item for item in not_garment_photos() if trained_photo(item)]
    return [
        item
        for item in photos
        if item.folder != STREETS or (WORN in sources and not is_held_out_street(item))
    ]


def _none_photos(items: list[Item], seed: int) -> Iterator:
    """Photos without garments, whole and in parts."""
    nothing = weights_of(NONE)
    for index, item in enumerate(items):
        picture = item.picture()
        yield picture, nothing
        for variant in range(1, _VARIANTS[item.folder]):
            rng = _generator(seed, 8, index * 100 + variant)
            share = rng.uniform(0.5, 1.0, 2)
            width, height = (
                max(8, int(s * side)) for s, side in zip(share, picture.size, strict=True)
            )
            left = int(rng.uniform(0, max(1, picture.width - width)))
            top = int(rng.uniform(0, max(1, picture.height - height)))
            background = "keep" if rng.random() < _KEEP_BACKGROUND else "auto"
            yield picture.crop((left, top, left + width, top + height)), nothing, background


def _sketches(sketches: list[Item], seed: int) -> Iterator:
    """Strokes redrawn with other pens; drawings that are pictures, made thicker and thinner."""
    for index, item in enumerate(sketches):
        picture, target = item.picture(), target_of(item)
        yield picture, target
        for variant in range(1, _VARIANTS[item.source]):
            rng = _generator(seed, 4, index * 100 + variant)
            yield _redrawn(rng, item), target


def _redrawn(rng: np.random.Generator, item: Item) -> Image.Image:
    if isinstance(item.content, str):
        lines = [
            np.array(stroke.points) / strokes.CANVAS
            for stroke in strokes.parse_strokes(item.content)
        ]
        lines = [line if len(line) > 1 else np.vstack([line, line + 0.01]) for line in lines]
        return drawings.drawing(rng, None, lines)
    ink = Image.fromarray(255 - np.asarray(item.picture().convert("L")))
    width = int(rng.choice([0, 0, 3, 5, 7]))
    if width:
        ink = ink.filter(ImageFilter.MaxFilter(width))
    turned = ink.rotate(float(rng.normal(0, 6)), Image.Resampling.BILINEAR, expand=True)
    picture = 255.0 - np.asarray(turned, np.float32)[..., None] * np.ones(3, np.float32)
    picture = picture[::2, ::2] if rng.random() < 0.5 else picture
    return camera(rng, picture) if rng.random() < 0.5 else Image.fromarray(picture.astype(np.uint8))


def _others(items: list[Item], patches, seed: int) -> Iterator:
    nothing = weights_of(NONE)
    for index in range(POOL_SIZES["none"]):
        yield no_garments.no_garment(_generator(seed, 5, index), patches), nothing
    for index, item in enumerate(items):
        yield item.picture(), nothing
        for variant in range(1, _VARIANTS["not-garments"]):
            yield _redrawn(_generator(seed, 6, index * 100 + variant), item), nothing
