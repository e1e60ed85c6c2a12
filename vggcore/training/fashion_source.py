"""Training on 28×28 images: batches, their augmentation, and the scores of validation and test.

The whole data set lives on the training device; resizing, augmentation and normalisation happen
there, batch by batch. There are no loader workers.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore.answers import doubt, evaluation
from vggcore.data import fashion_mnist
from vggcore.machine import distributed
from vggcore.machine.precision import resolve
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import TrainedOn
from vggcore.model.recipe import TrainConfig


class FashionSource:
    """Training batches of 28×28 images that live on the device, and their validation.

    `batch(step)` is a pure function of the seed and the step: order, augmentation and mixup are
    drawn from generators seeded with them. So a resumed run needs no loader state to go on with
    exactly the batches it would have seen. Of several processes each takes its share of the batch.
    """

    def __init__(self, spec: VGGSpec, train: TrainConfig, device: torch.device):
        images, labels = fashion_mnist.load_split("train", train.dataset, train.seed)
        if train.train_limit and train.train_limit < len(images):
            generator = torch.Generator().manual_seed(train.seed)
            kept = torch.randperm(len(images), generator=generator)[: train.train_limit]
            images, labels = images[kept], labels[kept]
        self._fingerprint_of = (images, labels)
        self.images, self.labels = images.to(device), labels.to(device)
        self.train, self.device = train, device
        self.precision = resolve(train.precision, device)
        self.preprocessing = fashion_mnist.preprocessing(spec.image_size, train.fit)
        self.batch_size = min(train.batch_size, len(images))
        self.steps_per_epoch = len(images) // self.batch_size
        self._order_epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Normalised float32 [B, 1, S, S] and targets: int64 [B], or float [B, 10] where mixed."""
        epoch, position = divmod(step, self.steps_per_epoch)
        chosen = self._epoch_order(epoch)[position * self.batch_size :][: self.batch_size]
        generator = torch.Generator().manual_seed(self.train.seed * 1_000_003 + step)
        images, targets = self.images[chosen], self.labels[chosen]
        images = augment(images, self.train, generator)
        # Drawn only where it is wanted: runs without it go on with the numbers they always had.
        cutmixed = self.train.cutmix and torch.rand(1, generator=generator) < self.train.cutmix
        if cutmixed:
            images, targets = cutmix(images, targets, generator)
        elif self.train.mixup:
            inputs = fashion_mnist.to_network_input(images, self.preprocessing)
            inputs, targets = mixup(inputs, targets, self.train.mixup, generator)
            return distributed.shard(inputs), distributed.shard(targets)
        inputs = fashion_mnist.to_network_input(distributed.shard(images), self.preprocessing)
        return inputs, distributed.shard(targets)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy, with the configured label smoothing."""
        return F.cross_entropy(logits, targets, label_smoothing=self.train.label_smoothing)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How many of the batch are right (the larger label, where two are mixed)."""
        labels = targets.argmax(1) if targets.ndim > 1 else targets
        return (logits.argmax(1) == labels).sum()

    def validate(self, network) -> dict:
        """Scores on the validation split, in the precision of training; processes share it."""
        return self._score(network, "validation", self.precision)

    def test(self, network) -> dict:
        """Scores on the test set, in float32: for the end of a run, once."""
        return self._score(network, "test", "float32")

    def calibrate(self, network) -> dict:
        """Card entries that make answers honest: the temperature, found on validation."""
        images, labels = fashion_mnist.load_split("validation", self.train.dataset, self.train.seed)
        logits = evaluation.predict(network, images.to(self.device), self.preprocessing).cpu()
        right = F.one_hot(labels, logits.shape[1])
        return {"temperature": round(doubt.fit_temperature(logits, right), 4)}

    def describe(self) -> TrainedOn:
        """What a card says about the data."""
        return TrainedOn(
            name=self.train.dataset,
            train_images=len(self.images),
            split_seed=self.train.seed,
            sha256=fashion_mnist.fingerprint(*self._fingerprint_of),
        )

    def _score(self, network, split: str, precision: str) -> dict:
        images, labels = fashion_mnist.load_split(split, self.train.dataset, self.train.seed)
        own = slice(distributed.rank(), None, distributed.world_size())
        images, labels = images[own].to(self.device), labels[own].to(self.device)
        logits = evaluation.predict(network, images, self.preprocessing, precision=precision)
        return distributed.sum_scores(evaluation.score(logits, labels))

    def _epoch_order(self, epoch: int) -> Tensor:
        if epoch != self._order_epoch:
            generator = torch.Generator().manual_seed(self.train.seed * 1_000_003 + 500_009 + epoch)
            order = torch.randperm(len(self.images), generator=generator)
            self._order_epoch, self._order = epoch, order.to(self.images.device)
        return self._order


def augment(images: Tensor, train: TrainConfig, generator: torch.Generator) -> Tensor:
    """Flip, shift and erase each image of uint8 [B, 28, 28] on its own, as configured.

    Random numbers come from the CPU generator, so that every device sees the same images.
    """
    n, side = len(images), images.shape[-1]
    device = images.device

    def randint(high: int) -> Tensor:
        return torch.randint(high, (n,), generator=generator).to(device)

    if train.flip:
        mirrored = randint(2).bool()
        images = torch.where(mirrored[:, None, None], images.flip(-1), images)
    if train.shift:
        reach = train.shift
        padded = F.pad(images, (reach,) * 4)
        span = torch.arange(side, device=device)
        rows = (randint(2 * reach + 1)[:, None] + span)[:, :, None]
        columns = (randint(2 * reach + 1)[:, None] + span)[:, None, :]
        images = padded[torch.arange(n, device=device)[:, None, None], rows, columns]
    if train.erase:
        span = torch.arange(side, device=device)
        top, left = randint(side)[:, None], randint(side)[:, None]
        height, width = randint(10)[:, None] + 5, randint(10)[:, None] + 5
        in_rows = (span >= top - height // 2) & (span < top + (height + 1) // 2)
        in_columns = (span >= left - width // 2) & (span < left + (width + 1) // 2)
        chosen = torch.rand(n, generator=generator).to(device) < train.erase
        hole = in_rows[:, :, None] & in_columns[:, None, :] & chosen[:, None, None]
        images = images.masked_fill(hole, 0)
    return images


def mixup(
    inputs: Tensor, labels: Tensor, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend each input with the next one of the batch by one weight from Beta(alpha, alpha).

    Returns inputs and soft targets float [B, 10] (Zhang et al., arXiv 1710.09412).
    """
    seed = int(torch.randint(2**31, (1,), generator=generator))
    weight = float(np.random.default_rng(seed).beta(alpha, alpha))
    targets = F.one_hot(labels, 10).to(inputs.dtype)
    mixed_inputs = inputs * weight + inputs.roll(1, 0) * (1 - weight)
    return mixed_inputs, targets * weight + targets.roll(1, 0) * (1 - weight)


def cutmix(images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Put one rectangle of each image's neighbour in the batch into it, at the same place.

    images: uint8 [B, S, S]. Returns images and soft targets float [B, 10], each label weighted
    by its share of the area (Yun et al., arXiv 1905.04899). The rectangle's own share is uniform
    in 0…1; what of it lies beyond the edge is cut off.
    """
    side = images.shape[-1]
    share, *centre = torch.rand(3, generator=generator).tolist()
    half = side * math.sqrt(share) / 2
    (top, bottom), (left, right) = (
        (round(max(0.0, side * c - half)), round(min(side, side * c + half))) for c in centre
    )
    mixed = images.clone()
    mixed[:, top:bottom, left:right] = images.roll(1, 0)[:, top:bottom, left:right]
    weight = (bottom - top) * (right - left) / side**2
    targets = F.one_hot(labels, 10).float()
    return mixed, targets * (1 - weight) + targets.roll(1, 0) * weight
