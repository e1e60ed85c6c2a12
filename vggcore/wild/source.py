"""Training data of `wild`: Fashion-MNIST, made-up scenes and drawings, icons, real pictures.

Every picture, made up or real, goes through `garments.prepare`, so that the network trains on
what it will be asked about. Pictures are drawn once into pools (a few minutes, kept in one cache
file beside the runs); each step picks from every pool and varies what it picks.

The network has ten outputs and a fixed eleventh: a logit of 0 for "no garment". So one plain
VGG learns both what a garment is called and, by keeping all ten logits low, that there is none.
"""

import hashlib
import io
import json
import logging
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from vggcore.answers import doubt, evaluation
from vggcore.data import fashion_mnist
from vggcore.data.classes import CLASSES
from vggcore.machine import distributed, paths
from vggcore.machine.files import write_atomically
from vggcore.machine.precision import resolve
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import TrainedOn
from vggcore.model.recipe import TrainConfig
from vggcore.pictures import prepare, strokes
from vggcore.pictures.preprocessing import MEAN, STD, Preprocessing
from vggcore.wild import icons, shapes
from vggcore.wild import scenes as pictures

log = logging.getLogger(__name__)

NONE = len(CLASSES)  # target column for what is no garment
PHOTO_SOURCES = ("clothing-small", "clothing-extra")
SKETCH_SOURCES = ("quickdraw-strokes", "quickdraw-raster")
SOURCES = PHOTO_SOURCES + SKETCH_SOURCES
HELD_OUT_TENTH = 0  # files whose hash ends in this decimal digit validate, and are not trained on

STEPS_PER_EPOCH = 400
# Shares of a batch. Few real drawings: most are of three classes, and their hand must not give
# these away (a sweater drawn by the same hand became a T-shirt).
SHARES = {
    "fashion": 0.32, "scenes": 0.15, "drawings": 0.145, "icons": 0.04, "photos": 0.22,
    "sketches": 0.015, "none": 0.11,
}  # fmt: skip
_WITHOUT_REAL_PICTURES = ("fashion", "icons")
POOL_SIZES = {"scenes": 24_000, "drawings": 18_000, "none": 4_000}
_PHOTO_VARIANTS = 8
_KEEP_GROUND = 0.4  # share of photos and scenes from which the ground is not taken off
_REAL_VARIANTS = {"quickdraw-strokes": 10, "quickdraw-raster": 4, "icons": 8, "none": 4}
# Shares of the scenes; the rest are of Fashion-MNIST.
_FROM_PHOTOS, _FROM_TEMPLATES = 0.25, 0.4
_PENCIL = 0.3  # share of the drawings that are drawn after a garment, half of them after photos
_ALSO = 0.6  # weight of the other classes that a broad source class may mean
_DECIDED = 3.0  # 1: the sum of the classes that count as right; the larger, the more the best one
_VERSION = 7  # of what the pools hold; raise it whenever they would come out differently

_T, _TROUSER, _PULLOVER, _DRESS, _COAT, _SANDAL, _SHIRT, _SNEAKER, _BAG, _BOOT = range(10)
_FOLDERS = {
    "t-shirt_top": _T, "trouser": _TROUSER, "pullover": _PULLOVER, "dress": _DRESS, "coat": _COAT,
    "sandal": _SANDAL, "shirt": _SHIRT, "sneaker": _SNEAKER, "bag": _BAG, "ankle_boot": _BOOT,
    "footwear_other": None,
}  # fmt: skip
_FOLDER_OF = {label: folder for folder, label in _FOLDERS.items() if label is not None}
# What a fair judge accepts besides the folder's class: the sources' own classes are broader.
_ACCEPTED = {
    "photos": {
        "pullover": (_SHIRT, _T), "coat": (_PULLOVER,), "shirt": (_T,), "t-shirt_top": (_SHIRT,),
        "sneaker": (_BOOT,), "ankle_boot": (_SNEAKER,),
        "footwear_other": (_SANDAL, _SNEAKER, _BOOT),
    },
    "sketches": {
        "pullover": (_SHIRT, _COAT), "coat": (_SHIRT, _PULLOVER), "shirt": (_T, _COAT),
        "t-shirt_top": (_SHIRT,), "sneaker": (_BOOT,), "ankle_boot": (_SNEAKER,),
        "footwear_other": (_SANDAL, _SNEAKER, _BOOT),
    },
}  # fmt: skip


class Item(NamedTuple):
    """One picture that was not made up: of a development source, or an icon."""

    source: str  # of SOURCES, "icons" or "not-garments"
    folder: str  # class folder; for "not-garments" the category
    name: str  # says which picture, for people
    content: Path | str | np.ndarray  # picture file, one line of JSON with strokes, or pixels

    @property
    def kind(self) -> str:
        return "photos" if self.source in PHOTO_SOURCES else "sketches"

    @property
    def strict(self) -> int | None:
        """The folder's class; None where it has none of ours."""
        return _FOLDERS.get(self.folder)

    @property
    def accepted(self) -> tuple[int, ...]:
        """All classes that a fair judge accepts, the folder's own first."""
        also = _ACCEPTED[self.kind].get(self.folder, ())
        return also if self.strict is None else (self.strict, *also)

    @property
    def held_out(self) -> bool:
        """Whether this picture validates instead of training."""
        digest = hashlib.sha256(f"{self.source}/{self.folder}/{self.name}".encode()).digest()
        return digest[0] % 10 == HELD_OUT_TENTH

    def picture(self, pen: float = strokes.DEFAULT_SIZE) -> Image.Image:
        """The picture, RGB; strokes drawn with a pen of `pen` canvas units."""
        if isinstance(self.content, np.ndarray):
            return Image.fromarray(self.content).convert("RGB")
        if isinstance(self.content, Path):
            with Image.open(self.content) as image:
                return image.convert("RGB")
        drawn = [stroke._replace(size=pen) for stroke in strokes.parse_strokes(self.content)]
        return Image.fromarray(strokes.render(drawn, 256)).convert("RGB")


def development_items(sources=SOURCES) -> list[Item]:
    """All real garments of these development sources. Raises DataMissing."""
    root = _development_dir()
    items = []
    for source in sources:
        folder = root / ("photos" if source in PHOTO_SOURCES else "sketches") / source
        for class_folder in sorted(folder.iterdir()):
            for file in sorted(class_folder.iterdir()):
                items += _items_of(source, class_folder.name, file)
    return items


def icon_items() -> list[Item]:
    """Icons of garments from open icon sets."""
    return [Item("icons", icon.folder, f"{icon.set}/{icon.name}", pixels)
            for icon, pixels in icons.load()]  # fmt: skip


def not_garments() -> list[Item]:
    """Drawings of other things. Raises DataMissing."""
    files = sorted((_development_dir() / "not-garments" / "quickdraw-strokes").glob("*.ndjson"))
    return [item for file in files for item in _items_of("not-garments", file.stem, file)]


def trained_category(category: str) -> bool:
    """Whether drawings of this other thing are trained on; the other half tests "unsure"."""
    return hashlib.sha256(category.encode()).digest()[0] % 2 == 0


def _development_dir() -> Path:
    folder = paths.data_dir() / "garments-dev"
    if not folder.is_dir():
        raise fashion_mnist.DataMissing(
            f"the photos and drawings for the wild preset were not found in {folder}: "
            "put them there or point VGGCORE_DATA at the folder that has garments-dev"
        )
    return folder


def _items_of(source: str, folder: str, file: Path) -> list[Item]:
    if file.suffix != ".ndjson":
        return [Item(source, folder, file.name, file)]
    lines = [line for line in file.read_text().splitlines() if line.strip()]
    return [Item(source, folder, f"{file.stem}-{n}", line) for n, line in enumerate(lines)]


def target_of(item: Item) -> np.ndarray:
    """Weights of the classes that this picture may be: float32 [11]."""
    if item.source == "not-garments":
        return _target(NONE)
    if item.strict is not None:
        return _target(item.strict, item.accepted)
    target = np.zeros(NONE + 1, np.float32)
    target[list(item.accepted)] = 1
    return target


def _target(label: int, also: tuple[int, ...] = ()) -> np.ndarray:
    """Weights float32 [11] of a picture of `label` that may also be of other classes."""
    target = np.zeros(NONE + 1, np.float32)
    target[list(also)] = _ALSO
    target[label] = 1
    return target


# --- pools ------------------------------------------------------------------------------------


class Pool(NamedTuple):
    """Pictures that were prepared once."""

    images: Tensor  # uint8 [N, S, S]
    targets: Tensor  # float32 [N, 11]: 1 for the class, less for others that would be right too

    def weights(self) -> Tensor:
        """How often to pick each picture: rare classes more often, by the root of their number."""
        first = self.targets.argmax(1)
        counts = torch.bincount(first, minlength=NONE + 1).float()
        return counts[first].rsqrt()


def build_pool(name: str, size: int, seed: int, sources: tuple[str, ...] = SOURCES) -> Pool:
    """Draw and prepare one of the pools of `SHARES`; the same arguments give the same pool.

    size: side of the network's input. sources: the development sources to train on.
    """
    images, labels = (t.numpy() for t in fashion_mnist.load_split("train", seed=seed))
    real = [item for item in development_items(sources) if not item.held_out]
    photos = [item for item in real if item.kind == "photos"]
    sketches = [item for item in real if item.kind == "sketches"]
    if name == "fashion":
        pairs = ((image, _target(label)) for image, label in zip(images, labels, strict=True))
    elif name == "scenes":
        pairs = _scenes(images, labels, photos, seed)
    elif name == "drawings":
        pairs = _drawings(images, labels, photos, seed)
    elif name == "icons":
        pairs = _sketches(icon_items(), seed)
    elif name == "photos":
        pairs = _photos(photos, seed)
    elif name == "sketches":
        pairs = _sketches(sketches, seed)
    else:
        other = [item for item in not_garments() if trained_category(item.folder)]
        pairs = _others(other, _ground_patches(photos, seed), seed)
    return _pool(pairs, size)


def _pool(pairs: Iterator, size: int) -> Pool:
    prepared, targets = [], []
    for picture, target, *options in pairs:
        background = options[0] if options else "auto"
        prepared.append(prepare.prepare(picture, size, background=background).network_input)
        targets.append(target)
    if not prepared:
        return Pool(torch.empty(0, size, size, dtype=torch.uint8), torch.empty(0, NONE + 1))
    return Pool(torch.from_numpy(np.stack(prepared)), torch.from_numpy(np.stack(targets)))


def cached_pool(name: str, size: int, seed: int, sources: tuple[str, ...] = SOURCES) -> Pool:
    """`build_pool`, read back from the cache file where that holds just this."""
    if name in _WITHOUT_REAL_PICTURES:
        sources = SOURCES
    key = json.dumps(
        [_VERSION, name, size, seed, sources, POOL_SIZES, _PHOTO_VARIANTS, _REAL_VARIANTS]
    )
    key = hashlib.sha256(key.encode()).hexdigest()
    # Trainings without a source, which try what the network makes of it, have files of their own.
    without = "".join(f"-without-{source}" for source in SOURCES if source not in sources)
    file = paths.runs_dir() / ".wild-pools" / f"{name}-{size}{without}.npz"
    if file.is_file():
        with np.load(file) as stored:
            if str(stored["key"]) == key:
                return Pool(*(torch.from_numpy(stored[part]) for part in Pool._fields))
    log.info("drawing the pictures to train on: %s", name)
    pool = build_pool(name, size, seed, sources)
    stream = io.BytesIO()
    np.savez(stream, key=np.array(key), images=pool.images.numpy(), targets=pool.targets.numpy())
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, stream.getvalue())
    return pool


def _generator(seed: int, stream: int, index: int) -> np.random.Generator:
    return np.random.default_rng((seed, stream, index))


def _ground_patches(photos: list[Item], seed: int) -> np.ndarray | None:
    """Corners of photos, where there is ground and little else: uint8 [N, 64, 64, 3]."""
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
    """Garments of Fashion-MNIST, made-up ones, and ones cut out of photos, on all grounds."""
    patches = _ground_patches(photos, seed)
    by_label = [np.flatnonzero(labels == label) for label in range(NONE)]

    def known(rng, label: int) -> pictures.Garment:
        return pictures.of_fashion_mnist(images[rng.choice(by_label[label])], label)

    for index in range(POOL_SIZES["scenes"]):
        rng = _generator(seed, 1, index)
        label, kind = int(rng.integers(NONE)), rng.random()
        garment, target = None, _target(label)
        if kind < _FROM_PHOTOS and photos:
            item = photos[rng.integers(len(photos))]
            shape = item.accepted[0]
            garment, target = pictures.of_photo(item.picture(), shape), target_of(item)
        elif kind < _FROM_PHOTOS + _FROM_TEMPLATES:
            garment = pictures.of_template(rng, label)
        if garment is None:
            garment, target = known(rng, label), _target(label)
        other = _T if garment.label == _TROUSER else _TROUSER
        other = known(rng, other) if rng.random() < 0.6 else None
        background = "keep" if rng.random() < _KEEP_GROUND else "auto"
        yield pictures.scene(rng, garment, patches, other), target, background


def _drawings(images, labels, photos: list[Item], seed: int) -> Iterator:
    """Outlines, traced or made up, and pencil drawings after garments of both kinds."""
    for index in range(POOL_SIZES["drawings"]):
        rng = _generator(seed, 2, index)
        chosen = rng.integers(len(images))
        label = int(labels[chosen])
        # What is too crude to tell must not be forced: the same alternatives as for real ones.
        target = _target(label, _ACCEPTED["sketches"].get(_FOLDER_OF[label], ()))
        if rng.random() < _PENCIL:
            garment = None
            if photos and rng.random() < 0.5:
                item = photos[rng.integers(len(photos))]
                garment = pictures.of_photo(item.picture(), item.accepted[0])
            if garment is None:
                garment = pictures.of_fashion_mnist(images[chosen], label)
            else:
                target = target_of(item)
            yield pictures.pencil_drawing(rng, garment), target
            continue
        traced = rng.random() < 0.45
        outline = pictures.outline_of(rng, images[chosen], label) if traced else None
        if outline is None:
            outline, lines = shapes.template(rng, label)
            details = None
        else:
            lines, details = [], images[chosen] if rng.random() < 0.4 else None
        yield pictures.drawing(rng, outline, lines, details), target


def _photos(photos: list[Item], seed: int) -> Iterator:
    """Each photo as it is, and cut a little differently, or turned."""
    for index, item in enumerate(photos):
        picture, target = item.picture(), target_of(item)
        yield picture, target
        for variant in range(1, _PHOTO_VARIANTS):
            rng = _generator(seed, 3, index * 100 + variant)
            cut = rng.uniform(0, 0.18, 4) * np.array([*picture.size, *picture.size])
            box = (cut[0], cut[1], picture.width - cut[2], picture.height - cut[3])
            background = "keep" if rng.random() < _KEEP_GROUND else "auto"
            cropped = np.asarray(picture.crop([int(side) for side in box]))
            yield pictures.turned(rng, cropped, item.accepted[0]), target, background


def _sketches(sketches: list[Item], seed: int) -> Iterator:
    """Strokes redrawn with other pens; drawings that are pictures made thicker and thinner."""
    for index, item in enumerate(sketches):
        picture, target = item.picture(), target_of(item)
        yield picture, target
        for variant in range(1, _REAL_VARIANTS[item.source]):
            rng = _generator(seed, 4, index * 100 + variant)
            yield _redrawn(rng, item), target


def _redrawn(rng: np.random.Generator, item: Item) -> Image.Image:
    if isinstance(item.content, str):
        lines = [np.array(stroke.points) / strokes.CANVAS
                 for stroke in strokes.parse_strokes(item.content)]  # fmt: skip
        lines = [line if len(line) > 1 else np.vstack([line, line + 0.01]) for line in lines]
        return pictures.drawing(rng, None, lines)
    ink = 255 - np.asarray(item.picture().convert("L"))
    ink = Image.fromarray(ink)
    width = int(rng.choice([0, 0, 3, 5, 7]))
    if width:
        ink = ink.filter(pictures.ImageFilter.MaxFilter(width))
    turned = ink.rotate(float(rng.normal(0, 6)), Image.Resampling.BILINEAR, expand=True)
    picture = 255.0 - np.asarray(turned, np.float32)[..., None] * np.ones(3, np.float32)
    picture = picture[::2, ::2] if rng.random() < 0.5 else picture
    return (
        pictures.camera(rng, picture)
        if rng.random() < 0.5
        else Image.fromarray(picture.astype(np.uint8))
    )


def _others(items: list[Item], patches, seed: int) -> Iterator:
    nothing = _target(NONE)
    for index in range(POOL_SIZES["none"]):
        yield pictures.no_garment(_generator(seed, 5, index), patches), nothing
    for index, item in enumerate(items):
        yield item.picture(), nothing
        for variant in range(1, _REAL_VARIANTS["none"]):
            yield _redrawn(_generator(seed, 6, index * 100 + variant), item), nothing


# --- batches ----------------------------------------------------------------------------------


def vary(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, scale, shift, mirror, cover, blur and relight each of float32 [N, S, S] in 0…1."""
    n, side = images.shape[0], images.shape[-1]

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    angle = torch.randn(n, generator=generator) * 0.12
    stretch, scale = uniform(-0.12, 0.12).exp(), uniform(-0.12, 0.22).exp()
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = angle.cos() * scale * stretch * mirror
    theta[:, 0, 1] = angle.sin() * scale * stretch + torch.randn(n, generator=generator) * 0.06
    theta[:, 1, 0] = -angle.sin() * scale / stretch * mirror
    theta[:, 1, 1] = angle.cos() * scale / stretch
    theta[:, :, 2] = torch.randn(n, 2, generator=generator) * 0.07
    grid = F.affine_grid(theta, (n, 1, side, side), align_corners=False)
    images = F.grid_sample(images.unsqueeze(1), grid, align_corners=False)
    # Fashion-MNIST is 28 pixels: sharper photos and drawings must not be told apart by that.
    soft = F.interpolate(
        images, size=(28, 28), mode="bilinear", align_corners=False, antialias=True
    )
    soft = F.interpolate(soft, size=(side, side), mode="bilinear", align_corners=False)
    mix = (uniform(-0.5, 1.2)).clamp(0, 1)[:, None, None]
    images = images.squeeze(1).lerp(soft.squeeze(1), mix)
    gamma, gain = uniform(-0.5, 0.5).exp()[:, None, None], uniform(0.7, 1.25)[:, None, None]
    images = images.clamp(0, 1).pow(gamma) * gain
    noise = torch.randn(images.shape, generator=generator)
    images = images + noise * (uniform(-0.05, 0.06).clamp(min=0))[:, None, None]
    return erase(images, 0.25, generator).clamp(0, 1)


def erase(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Blank a random rectangle, of up to a third of the side, in some of [N, S, S]."""
    n, side = images.shape[0], images.shape[-1]
    span = torch.arange(side)

    def inside() -> Tensor:
        start = torch.rand(n, generator=generator)[:, None] * side * 1.2 - 0.2 * side
        length = (0.1 + 0.25 * torch.rand(n, generator=generator))[:, None] * side
        return (span >= start) & (span < start + length)

    chosen = torch.rand(n, generator=generator) < chance
    hole = inside()[:, :, None] & inside()[:, None, :] & chosen[:, None, None]
    return images.masked_fill(hole, 0)


def shift_and_mirror(images: Tensor, generator: torch.Generator) -> Tensor:
    """Light variation for Fashion-MNIST's own images, uint8 [N, S, S], which come centred."""
    n, side = images.shape[0], images.shape[-1]
    mirror = torch.rand(n, generator=generator) < 0.5
    images = torch.where(mirror[:, None, None], images.flip(-1), images)
    reach = side // 14
    padded = F.pad(images, (reach,) * 4)
    rows = torch.randint(2 * reach + 1, (n, 1), generator=generator) + torch.arange(side)
    columns = torch.randint(2 * reach + 1, (n, 1), generator=generator) + torch.arange(side)
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


class WildSource:
    """Batches of every pool, a pure function of seed and step, and validation on all domains."""

    def __init__(
        self, spec: VGGSpec, train: TrainConfig, device: torch.device,
        exclude: tuple[str, ...] = (),
    ):  # fmt: skip
        self.train, self.device, self.size = train, device, spec.image_size
        self.precision = resolve(train.precision, device)
        self.preprocessing = preprocessing(spec.image_size)
        self.sources = tuple(source for source in SOURCES if source not in exclude)
        pools = {name: cached_pool(name, self.size, train.seed, self.sources) for name in SHARES}
        self.pools = {name: pool for name, pool in pools.items() if len(pool.images)}
        self.weights = {name: pool.weights() for name, pool in self.pools.items()}
        self.batch_size = train.batch_size
        self.steps_per_epoch = STEPS_PER_EPOCH

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Normalised float32 [B, 1, S, S] and targets float32 [B, 11]."""
        generator = torch.Generator().manual_seed(self.train.seed * 1_000_003 + step)
        images, targets = [], []
        for name, pool in self.pools.items():
            count = max(1, round(SHARES[name] * self.batch_size))
            if name == "fashion":
                chosen = torch.randint(len(pool.images), (count,), generator=generator)
                picked = shift_and_mirror(pool.images[chosen], generator).float().div_(255)
                picked = erase(picked, self.train.erase, generator)
            else:
                chosen = torch.multinomial(
                    self.weights[name], count, replacement=True, generator=generator
                )
                picked = vary(pool.images[chosen].float().div_(255), generator)
            images.append(picked)
            targets.append(pool.targets[chosen])
        inputs = torch.cat(images).unsqueeze(1).sub_(MEAN).div_(STD)
        inputs, targets = distributed.shard(inputs), distributed.shard(torch.cat(targets))
        return inputs.to(self.device), targets.to(self.device)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean of −log of the probability, weighted by the targets, of "one of these classes"."""
        return none_aware_loss(logits, targets, self.train.label_smoothing)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How many of the batch are named right, "no garment" included."""
        return (_with_none(logits).argmax(1) == targets.argmax(1)).sum()

    def validate(self, network) -> dict:
        """Scores in the precision of training; see `Validation.scores`."""
        return self._validation.scores(network, self.preprocessing, self.precision)

    def calibrate(self, network) -> dict:
        """Card entries that make answers honest, found on validation; see `honesty.calibrate`."""
        return doubt.calibrate(self._validation.answers(network, self.preprocessing))

    def test(self, network) -> dict:
        """Scores on Fashion-MNIST's test set, in float32: for the end of a run, once."""
        images, labels = fashion_mnist.load_split("test")
        images = prepared_images(images.numpy(), self.size)
        return evaluation.score(evaluation.predict(network, images, self.preprocessing), labels)

    @cached_property
    def _validation(self) -> "Validation":
        return Validation.load(self.size, self.train.seed, self.sources)

    def describe(self) -> TrainedOn:
        """What a card says about the data."""
        digest = hashlib.sha256()
        for pool in self.pools.values():
            digest.update(pool.images.numpy().tobytes())
        return TrainedOn(
            name="wild", sources=("fashion-mnist", "icons", *self.sources),
            train_images=sum(len(pool.images) for pool in self.pools.values()),
            split_seed=self.train.seed, sha256=digest.hexdigest(),
        )  # fmt: skip


def preprocessing(image_size: int) -> Preprocessing:
    """What a card says about the way from a picture to the network: `garments.prepare`, "wild".

    Answers are the mean over a picture and its mirror image: garments have no left or right that
    their class depends on, and what only one of both views shows is mostly chance.
    """
    return Preprocessing(style="wild", image_size=image_size, mirror=True)


def _with_none(logits: Tensor) -> Tensor:
    """Logits with the fixed logit 0 of "no garment" appended: [N, 11]."""
    return F.pad(logits, (0, 1))


def none_aware_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy with a fixed logit 0 for "no garment", where several classes may be right.

    logits: [N, 10]; targets: [N, 11], the weight with which each class counts as right. A
    picture of a broad class, such as "long sleeves", may be any of its classes: the loss leaves
    open which one it is. It is a p-norm (p = `_DECIDED`) over the classes that count, so that
    the network settles on one of them instead of dividing its probability among them.
    """
    log_probabilities = _with_none(logits).log_softmax(1)
    weighted = log_probabilities + targets.clamp(min=1e-12).log()
    right = torch.logsumexp(_DECIDED * weighted, 1) / _DECIDED
    if smoothing:
        garments_only = targets[:, :NONE].sum(1) > 0
        spread = logits.log_softmax(1).mean(1) * garments_only
        return -((1 - smoothing) * right + smoothing * spread).mean()
    return -right.mean()


def prepared_images(images, size: int) -> Tensor:
    """`garments.prepare` over pictures or uint8 arrays: uint8 [N, size, size]."""
    return torch.from_numpy(
        np.stack([prepare.prepare(image, size).network_input for image in images])
    )


class Validation(NamedTuple):
    """Prepared pictures that no training sees: of Fashion-MNIST and of each development source."""

    fashion: Tensor  # uint8 [5000, S, S]
    fashion_labels: Tensor  # int64 [5000]
    items: list[Item]
    real: Tensor  # uint8 [len(items), S, S]

    @classmethod
    def load(cls, size: int, seed: int, sources=SOURCES) -> "Validation":
        images, labels = fashion_mnist.load_split("validation", seed=seed)
        items = [item for item in development_items(sources) if item.held_out]
        real = prepared_images((item.picture() for item in items), size)
        return cls(prepared_images(images.numpy(), size), labels, items, real)

    def answers(
        self, network, preprocessing: Preprocessing, precision: str = "float32"
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """By kind ("fashion-mnist", "photos", "sketches"): logits [N, 10], and bool [N, 10].

        The second says which classes count as right: for real pictures, all accepted ones.
        """

        def logits_of(images: Tensor) -> Tensor:
            return evaluation.predict(network, images, preprocessing, precision=precision)

        right = F.one_hot(self.fashion_labels, NONE).bool()
        found = {"fashion-mnist": (logits_of(self.fashion), right)}
        logits = logits_of(self.real)
        right = torch.zeros(len(self.items), NONE, dtype=torch.bool)
        for row, item in zip(right, self.items, strict=True):
            row[list(item.accepted)] = True
        for kind in ("photos", "sketches"):
            chosen = torch.tensor([item.kind == kind for item in self.items], dtype=torch.bool)
            if chosen.any():
                found[kind] = (logits[chosen], right[chosen])
        return found

    def scores(self, network, preprocessing: Preprocessing, precision: str = "float32") -> dict:
        """Fashion-MNIST's scores; `accuracy`, which picks the best epoch, is over all pictures.

        Real pictures count by their accepted classes, and like any other: a few hundred photos
        and a hundred drawings, weighed more, would pick an epoch by chance.
        """
        found = self.answers(network, preprocessing, precision)
        right = {kind: doubt.is_right(*answers) for kind, answers in found.items()}
        parts = {kind: answers.mean().item() for kind, answers in right.items()}
        log.info("validation: %s", ", ".join(f"{k} {v:.3f}" for k, v in parts.items()))
        scores = evaluation.score(found["fashion-mnist"][0], self.fashion_labels)
        accuracy = torch.cat([*right.values()]).mean().item()
        return scores | {"accuracy": accuracy, "parts": parts}
