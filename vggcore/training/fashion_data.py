"""Training on 28×28 images: batches, their augmentation, and the scores of validation and test.

The whole data set stays on the training device; resizing, augmentation and normalisation happen
there, batch by batch. There are no loader workers.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore.answers import calibration, evaluation
from vggcore.answers.samples import Samples
from vggcore.data import fashion_mnist
from vggcore.data.augment import augment, cutmix, mixup
from vggcore.data.classes import CLASSES
from vggcore.machine import distributed
from vggcore.machine.precision import resolve
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import TrainedOn
from vggcore.model.recipe import TrainConfig
from vggcore.training.labelled import Labelled


class FashionData(Labelled):
    """Training batches of 28×28 images that live on the device, and their validation.

    `batch(step)` is a pure function of the seed and the step: order, augmentation and mixup are
    drawn from generators seeded with them. So a resumed run needs no loader state to continue with
    exactly the batches it would have seen. With several processes, each takes its share of a batch.
    """

    classes: tuple[str, ...] = CLASSES

    def __init__(self, spec: VGGSpec, train: TrainConfig, device: torch.device):
        images, labels = fashion_mnist.load_split("train", train.dataset, train.seed)
        if train.train_limit and train.train_limit < len(images):
            generator = torch.Generator().manual_seed(train.seed)
            chosen = torch.randperm(len(images), generator=generator)[: train.train_limit]
            images, labels = images[chosen], labels[chosen]
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
        images = augment(
            images, generator, flip=self.train.flip, shift=self.train.shift, erase=self.train.erase
        )
        # Drawn only if wanted: runs without it keep the random numbers they always had.
        cutmixed = self.train.cutmix and torch.rand(1, generator=generator) < self.train.cutmix
        if cutmixed:
            images, targets = cutmix(images, targets, generator)
        elif self.train.mixup:
            inputs = fashion_mnist.to_network_input(images, self.preprocessing)
            inputs, targets = mixup(inputs, targets, self.train.mixup, generator)
            return distributed.shard(inputs), distributed.shard(targets)
        inputs = fashion_mnist.to_network_input(distributed.shard(images), self.preprocessing)
        return inputs, distributed.shard(targets)

    def validate(self, network) -> dict:
        """Scores on the validation split, in the precision of training; processes share it."""
        return self._score(network, "validation", self.precision)

    def samples(self) -> Samples:
        """The first validation image of each class."""
        images, labels = fashion_mnist.load_split("validation", self.train.dataset, self.train.seed)
        return Samples.first_of_each(images, labels)

    def test(self, network) -> dict:
        """Scores on the test set, in float32: computed once, at the end of a run."""
        return self._score(network, "test", "float32")

    def calibrate(self, network) -> dict:
        """Card entries that make answers honest: the temperature, found on validation."""
        images, labels = fashion_mnist.load_split("validation", self.train.dataset, self.train.seed)
        logits = evaluation.predict(network, images.to(self.device), self.preprocessing).cpu()
        right = F.one_hot(labels, logits.shape[1])
        return {"temperature": round(calibration.fit_temperature(logits, right), 4)}

    def pictures_facts(self) -> None:
        """None: the data set is always the same."""

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
