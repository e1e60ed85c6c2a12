"""Training on one's own pictures: batches, their augmentation, and validation and test scores.

Pictures that fit are kept in memory, on the training device; others stay in a file, from which
two workers read the next batches ahead.
"""

import logging
import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vggcore.answers import calibration, evaluation
from vggcore.answers.samples import Samples
from vggcore.data import fashion_mnist
from vggcore.data.augment import augment, cutmix, mixup
from vggcore.data.own import prepared as own
from vggcore.data.own.listing import PicturesError
from vggcore.machine import distributed
from vggcore.machine.memory import evaluated_at_once
from vggcore.machine.messages import Message
from vggcore.machine.precision import resolve
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import TrainedOn
from vggcore.model.recipe import FEWEST_STEPS, OWN, TrainConfig
from vggcore.pictures.preprocessing import Preprocessing
from vggcore.training.labelled import Labelled

log = logging.getLogger(__name__)

_TIE = 1e-7  # of a loss in nats, added to an accuracy
_READ_AHEAD = 2  # batches
_MOMENTS_OF, _AT_ONCE = 2_000, 64  # pictures that give mean and spread; read at once
_DESIGNED_FOR = 28  # pixels: the image size that `shift` is meant for


class OwnData(Labelled):
    """Batches of a user's pictures, a pure function of seed and step, and their validation."""

    def __init__(
        self,
        spec: VGGSpec,
        train: TrainConfig,
        device: torch.device,
        on_progress: Callable[[float], None] = lambda share: None,
    ):
        """Raises PicturesError."""
        form = own.form_of(train.framing, spec.in_channels, spec.image_size)
        self.pictures = own.prepared(
            train.pictures, form, lambda done, total: on_progress(done / total)
        )
        self.classes = self.pictures.classes
        if len(self.classes) != spec.num_classes:
            raise PicturesError(
                Message(
                    "{pictures} has {count} classes, and the network {num_classes}: start a new "
                    "run, which takes the number from the pictures",
                    pictures=train.pictures,
                    count=len(self.classes),
                    num_classes=spec.num_classes,
                )
            )
        self.train, self.device, self.form = train, device, form
        self.precision = resolve(train.precision, device)
        chosen = self.pictures.part("train", train.seed)
        if train.train_limit and train.train_limit < len(chosen):
            generator = np.random.default_rng(train.seed)
            chosen = np.sort(generator.permutation(chosen)[: train.train_limit])
        self.labels = torch.from_numpy(self.pictures.labels[chosen]).to(device)
        self.preprocessing = _preprocessing(form, self.pictures.images, chosen)
        self.batch_size = min(train.batch_size, len(chosen))
        self.steps_per_epoch = max(FEWEST_STEPS, len(chosen) // self.batch_size)
        self._order_epoch = -1
        self._order = self._order_there = torch.empty(0, dtype=torch.int64)
        self._chosen = chosen
        self._images: Tensor | None = None
        self._ahead: dict[int, Future[Tensor]] = {}
        if own.fits_memory(self.pictures.images):
            self._images = torch.from_numpy(self.pictures.images[chosen]).to(device)
        else:
            log.info("the pictures are more than memory should hold: read from disk")
            self._workers = ThreadPoolExecutor(_READ_AHEAD)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Normalised float32 [B, C, S, S], and targets: int64 [B], or float [B, classes]."""
        train, count = self.train, len(self.classes)
        generator = torch.Generator().manual_seed(train.seed * 1_000_003 + step)
        images, targets = self._pictures_of_step(step), self.labels[self._indices(step)]
        images = images[:, None] if images.ndim == 3 else images.movedim(-1, 1)
        shift = round(train.shift * self.form.size / _DESIGNED_FOR)
        images = augment(images, generator, flip=train.flip, shift=shift, erase=train.erase)
        mixes = train.cutmix and torch.rand(1, generator=generator) < train.cutmix
        if mixes:
            images, targets = cutmix(images, targets, generator, count)
        inputs = fashion_mnist.normalised(images.float().div_(255), self.preprocessing)
        if train.mixup and not mixes:
            inputs, targets = mixup(inputs, targets, train.mixup, generator, count)
        return distributed.shard(inputs), distributed.shard(targets)

    def validate(self, network) -> dict:
        """Scores on the validation pictures, in the precision of training.

        With few pictures, several epochs get equally many right: the lowest loss then decides.
        """
        scores = self._score(network, "validation", self.precision)
        return scores | {"score": scores["accuracy"] - _TIE * min(scores["loss"], 1_000.0)}

    def test(self, network) -> dict:
        """Scores on the test pictures, in float32: computed once, at the end of a run."""
        return self._score(network, "test", "float32")

    def samples(self) -> Samples:
        """The first validation picture of each class, for the first ten classes."""
        held = self.pictures.part("validation", self.train.seed)
        labels = self.pictures.labels[held]
        held, labels = held[labels < 10], labels[labels < 10]
        firsts = np.unique(labels, return_index=True)[1]
        images = torch.from_numpy(self.pictures.images[held[firsts]])
        return Samples.first_of_each(images, torch.from_numpy(labels[firsts]))

    def calibrate(self, network) -> dict:
        """The temperature, and when to be unsure, found on the validation pictures."""
        logits, labels = self._answers(network, "validation", "float32")
        return calibration.calibrate_classes(logits, labels)

    def pictures_facts(self) -> dict:
        """What the run starts with."""
        counts = self.labels.bincount(minlength=len(self.classes)).tolist()
        return {"sha256": self.pictures.sha256, "classes": list(self.classes), "counts": counts}

    def describe(self) -> TrainedOn:
        """What a card says about the pictures."""
        return TrainedOn(
            name=OWN,
            sources=(Path(self.train.pictures).name,),
            train_images=len(self.labels),
            split_seed=self.train.seed,
            sha256=self.pictures.sha256,
        )

    def _indices(self, step: int, device: str = "") -> Tensor:
        """Indices of a step's pictures among the training pictures.

        On the training device, or on the CPU, where copying them costs no waiting.
        """
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._order_epoch:
            generator = torch.Generator().manual_seed(self.train.seed * 1_000_003 + 500_009 + epoch)
            passes = math.ceil(self.steps_per_epoch * self.batch_size / len(self.labels))
            order = torch.cat(
                [torch.randperm(len(self.labels), generator=generator) for _ in range(passes)]
            )
            self._order_epoch, self._order, self._order_there = epoch, order, order.to(self.device)
        order = self._order if device == "cpu" else self._order_there
        return order[position * self.batch_size :][: self.batch_size]

    def _pictures_of_step(self, step: int) -> Tensor:
        """A step's pictures, uint8 [B, S, S] or [B, S, S, C], on the training device."""
        if self._images is not None:
            return self._images[self._indices(step)]
        for later in range(step, step + 1 + _READ_AHEAD):
            # The order of the next epoch is drawn when that epoch begins.
            if later // self.steps_per_epoch == step // self.steps_per_epoch:
                if later not in self._ahead:
                    places = np.sort(self._chosen[self._indices(later, "cpu").numpy()])
                    self._ahead[later] = self._workers.submit(self._from_disk, places)
        read = self._ahead.pop(step).result()
        self._ahead = {later: read for later, read in self._ahead.items() if later > step}
        # Read in file order, returned in the order drawn.
        drawn = self._chosen[self._indices(step, "cpu").numpy()]
        return read[torch.from_numpy(drawn.argsort().argsort())].to(self.device)

    def _from_disk(self, places: np.ndarray) -> Tensor:
        return torch.from_numpy(self.pictures.images[places])

    def _score(self, network, split: str, precision: str) -> dict:
        logits, labels = self._answers(network, split, precision)
        return distributed.sum_scores(evaluation.score(logits, labels))

    def _answers(self, network, split: str, precision: str) -> tuple[Tensor, Tensor]:
        """Logits [M, classes] and labels [M], on the CPU; each process has its own share."""
        own_share = slice(distributed.rank(), None, distributed.world_size())
        held = self.pictures.part(split, self.train.seed)[own_share]
        most = 16 * evaluated_at_once(self.form.size, self.device.type)
        logits = [
            evaluation.predict(
                network,
                torch.from_numpy(self.pictures.images[held[start : start + most]]).to(self.device),
                self.preprocessing,
                precision=precision,
            ).cpu()
            for start in range(0, len(held), most)
        ]
        return torch.cat(logits), torch.from_numpy(self.pictures.labels[held])


def _preprocessing(form: own.Form, images: np.ndarray, chosen: np.ndarray) -> Preprocessing:
    """The preprocessing that a card describes: mean and spread by channel."""
    some = chosen[np.linspace(0, len(chosen) - 1, min(_MOMENTS_OF, len(chosen))).astype(int)]
    counted, total, squares = 0, np.zeros(1), np.zeros(1)
    for start in range(0, len(some), _AT_ONCE):
        part = images[some[start : start + _AT_ONCE]]
        planes = part.reshape(-1, 1 if part.ndim == 3 else part.shape[-1]) / 255.0
        counted += len(planes)
        # In float64: millions of pixels are too many for a float32 sum.
        total, squares = total + planes.sum(0), squares + (planes**2).sum(0)
    mean = total / counted
    std = np.sqrt(np.maximum(squares / counted - mean**2, 0.0001))
    return Preprocessing(
        style=form.style,
        image_size=form.size,
        mean=tuple(round(float(number), 4) for number in mean),
        std=tuple(round(float(number), 4) for number in std),
    )
