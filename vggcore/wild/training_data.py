"""Batches for photos and drawings: Fashion-MNIST's, made-up and real pictures.

The network has ten outputs and a fixed eleventh: a logit of 0 for "no garment". So one plain
VGG learns both to name a garment and, by keeping all ten logits low, to say that there is none.
"""

import hashlib
import json
from functools import cached_property

import torch
from torch import Tensor

from vggcore.answers import evaluation
from vggcore.answers.samples import Samples
from vggcore.data import fashion_mnist
from vggcore.data.augment import jitter, random_erase, shift_and_mirror
from vggcore.data.classes import CLASSES
from vggcore.machine import distributed
from vggcore.machine.precision import resolve
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import TrainedOn
from vggcore.model.recipe import WILD_STEPS_PER_EPOCH, TrainConfig
from vggcore.pictures.prepare import style_for
from vggcore.pictures.preprocessing import MEAN, STD, Preprocessing
from vggcore.wild.colorize import coloured
from vggcore.wild.items import SOURCES
from vggcore.wild.loss import none_aware_loss, with_none
from vggcore.wild.pools import cached_pool, pool_key
from vggcore.wild.validation import Validation, prepared_images

# Shares of a batch. Few real drawings: most are of three classes, and their style must not give
# these away (a sweater drawn in the same style became a T-shirt).
SHARES = {
    "fashion": 0.13,
    "scenes": 0.04,
    "drawings": 0.095,
    "icons": 0.04,
    "photos": 0.215,
    "kinds": 0.11,
    "worn": 0.14,
    "sketches": 0.015,
    "none": 0.045,
    "none-photos": 0.095,
    "none-kinds": 0.075,
}
# Share of a photo's sides that is looked at once more. If a person wears the garment, it is
# mostly in the middle. Closer looks lose more of pictures that are cut tightly to a garment.
MIDDLE = 0.8
COLOUR_MEAN, COLOUR_STD = 0.5, 0.27  # roughly those of the channels of photos, pixels in 0…1


class WildData:
    """Batches of every pool, a pure function of seed and step, and validation on all domains."""

    classes: tuple[str, ...] = CLASSES

    def __init__(
        self,
        spec: VGGSpec,
        train: TrainConfig,
        device: torch.device,
        exclude: tuple[str, ...] = (),
        shares: dict[str, float] = SHARES,
    ):
        """exclude: sources to leave out. shares: of a batch, by pool; `SHARES` but for trials."""
        self.train, self.device, self.size = train, device, spec.image_size
        self.precision = resolve(train.precision, device)
        self.preprocessing = preprocessing(spec.image_size, spec.in_channels)
        self.channels = spec.in_channels
        self.sources = tuple(source for source in SOURCES if source not in exclude)
        pools = {
            name: cached_pool(name, self.size, train.seed, self.sources, colour=self.channels > 1)
            for name in shares
        }
        self.pools = {name: pool for name, pool in pools.items() if len(pool.images)}
        self.shares = shares
        self.weights = {name: pool.weights() for name, pool in self.pools.items()}
        self.batch_size = train.batch_size
        self.steps_per_epoch = WILD_STEPS_PER_EPOCH

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Normalised float32 [B, C, S, S] and targets float32 [B, 11]."""
        generator = torch.Generator().manual_seed(self.train.seed * 1_000_003 + step)
        images, targets = [], []
        for name, pool in self.pools.items():
            count = max(1, round(self.shares[name] * self.batch_size))
            if name == "fashion":
                chosen = torch.randint(len(pool.images), (count,), generator=generator)
                picked = shift_and_mirror(pool.images[chosen], generator).float().div_(255)
                picked = picked[:, None] if self.channels == 1 else coloured(picked, generator)
                picked = random_erase(picked, self.train.erase, generator)
            else:
                chosen = torch.multinomial(
                    self.weights[name], count, replacement=True, generator=generator
                )
                planes = pool.images[chosen].float().div_(255)
                planes = planes[:, None] if planes.ndim == 3 else planes.movedim(-1, 1)
                picked = jitter(planes, generator)
            images.append(picked[:, : self.channels])
            targets.append(pool.targets[chosen])
        inputs = fashion_mnist.normalised(torch.cat(images), self.preprocessing)
        shares = distributed.shard(inputs), distributed.shard(torch.cat(targets))
        return shares[0].to(self.device), shares[1].to(self.device)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean −log probability of "one of these classes", weighted by the targets."""
        return none_aware_loss(logits, targets, self.train.label_smoothing)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How many of the batch are named correctly, "no garment" included."""
        return (with_none(logits).argmax(1) == targets.argmax(1)).sum()

    def validate(self, network) -> dict:
        """Scores in the precision of training; see `Validation.scores`."""
        return self._validation.scores(network, self.preprocessing, self.precision)

    def calibrate(self, network) -> dict:
        """Card entries found on validation."""
        return self._validation.calibration(network, self.preprocessing)

    def samples(self) -> Samples:
        """Photos never used in training, one per class; else an image of Fashion-MNIST."""
        held = self._validation
        photos = [n for n, item in enumerate(held.items) if item.kind == "photos"]
        photos = [n for n in photos if held.items[n].strict is not None]
        images = torch.cat([held.real[photos], held.fashion[:200]])
        labels = torch.tensor([held.items[n].strict for n in photos], dtype=torch.int64)
        labels = torch.cat([labels, held.fashion_labels[:200]])
        return Samples.first_of_each(images, labels)

    def test(self, network) -> dict:
        """Scores on Fashion-MNIST's test set, in float32: once, at the end of a run."""
        images, labels = fashion_mnist.load_split("test")
        images = prepared_images(images.numpy(), self.size, self.preprocessing.style)
        return evaluation.score(evaluation.predict(network, images, self.preprocessing), labels)

    @cached_property
    def _validation(self) -> "Validation":
        style, middle = self.preprocessing.style, self.preprocessing.middle
        return Validation.load(self.size, self.train.seed, self.sources, style, middle)

    def pictures_facts(self) -> dict:
        """A digest of how its pictures are drawn, mixed and looked at: versions differ in that."""
        colour = self.channels > 1
        keys = [
            (name, share, pool_key(name, self.size, self.train.seed, self.sources, colour=colour))
            for name, share in self.shares.items()
        ]
        facts = [keys, self.preprocessing.to_dict()]
        return {"sha256": hashlib.sha256(json.dumps(facts).encode()).hexdigest()}

    def describe(self) -> TrainedOn:
        """What a card says about the data."""
        digest = hashlib.sha256()
        for pool in self.pools.values():
            digest.update(pool.images.numpy().tobytes())
        return TrainedOn(
            name="wild",
            sources=("fashion-mnist", "icons", *self.sources),
            train_images=sum(len(pool.images) for pool in self.pools.values()),
            split_seed=self.train.seed,
            sha256=digest.hexdigest(),
        )


def preprocessing(image_size: int, channels: int = 1) -> Preprocessing:
    """What a card says about how a picture reaches the network, by `pictures.prepare`.

    channels: 1 for the outline alone, 3 for colours, 4 for both.
    Answers are the mean over a picture and its mirror image: a garment's class does not depend on
    left and right, and what shows up in only one of the two views is mostly chance. For photos
    they are the mean over the whole and its middle, too.
    """
    colours, outline = 0 if channels == 1 else 3, channels != 3
    return Preprocessing(
        style=style_for(channels),
        image_size=image_size,
        mean=(COLOUR_MEAN,) * colours + (MEAN,) * outline,
        std=(COLOUR_STD,) * colours + (STD,) * outline,
        mirror=True,
        middle=MIDDLE,
    )
