"""Learning from corrections without forgetting the rest.

A quarter of each batch is corrected pictures, varied anew each time. The rest are pictures that
the network learnt from, on which it is held to its earlier answers (Li & Hoiem, "Learning without
Forgetting", arXiv 1606.09282), so that a handful of pictures cannot upset everything else.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore.answers import evaluation, making_results
from vggcore.answers.samples import Samples
from vggcore.data import fashion_mnist
from vggcore.data.augment import jitter
from vggcore.data.own import corrections
from vggcore.machine import distributed
from vggcore.machine.precision import resolve
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import TrainedOn
from vggcore.model.recipe import CORRECTION_STEPS, CORRECTIONS, TrainConfig
from vggcore.pictures.prepare import prepare
from vggcore.wild.loss import none_aware_losses, with_none

_SHARE = 0.25  # of a batch: corrected pictures
_REHEARSED = 3_000  # pictures that the network learnt from; batches are drawn from them
_JUDGED = 1_000  # of the validation pictures, after each epoch
_HOLD = 1.0  # weight of the earlier answers, relative to the corrections


@dataclass(frozen=True)
class Outcome:
    """What became of the corrections; kept in the card."""

    start: str  # the network that was corrected
    names: list[str]  # of the pictures, in the set
    labels: list[str]  # their true classes
    before: list[str]  # what the network had called them
    after: list[str]
    accuracy_before: float | None  # on the test set
    accuracy_after: float


class CorrectionsData:
    """Batches of corrections and of what to keep, a pure function of seed and step."""

    def __init__(self, spec: VGGSpec, train: TrainConfig, device: torch.device):
        """Raises PicturesError, CheckpointError, DataMissing."""
        self.train, self.device = train, device
        self.start = checkpoints.load(train.init_from)
        self.card = self.start.card
        self.classes, self.preprocessing = self.card.classes, self.card.preprocessing
        self.answers = corrections.answers(self.classes, self.card.data.name)
        self.precision = resolve(train.precision, device)
        size = 28 if self.preprocessing.style == "fashion-mnist" else spec.image_size
        style = self.preprocessing.style
        self.inputs, self.names, labels = [], [], []
        for one in corrections.read(train.pictures, self.answers):
            middle = 0.0 if one.framed else self.preprocessing.middle
            self.inputs.append(prepare(one.picture, size, style, middle=middle).inputs)
            self.names.append(one.name)
            labels.append(one.label)
        self.labels = torch.tensor(labels)
        # Of a photo, the network also looks at the middle: it learns both.
        self.pictures = torch.from_numpy(np.stack([each for own in self.inputs for each in own]))
        counts = torch.tensor([len(own) for own in self.inputs])
        self.labels_of_inputs = self.labels.repeat_interleave(counts)
        self.batch_size, self.steps_per_epoch = train.batch_size, CORRECTION_STEPS
        generator = torch.Generator().manual_seed(train.seed)
        images, _ = making_results.split_of(self.card, "train")
        chosen = torch.randperm(len(images), generator=generator)[:_REHEARSED].sort().values
        self.rehearsed = making_results.as_trained(images[chosen], self.card)
        network = self.start.network.to(device)
        self.before = evaluation.predict(network, self.rehearsed.to(device), self._plain).cpu()

    def pictures_facts(self) -> dict:
        """Which corrections the run starts with."""
        digest = hashlib.sha256(self.pictures.numpy().tobytes())
        digest.update(self.labels_of_inputs.numpy().tobytes())
        return {"sha256": digest.hexdigest()}

    @cached_property
    def _plain(self):
        """The preprocessing, without the second look at the mirror image, as in training."""
        return replace(self.preprocessing, mirror=False)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs float32 [B, C, S, S]; targets float32 [B, 1 + classes]: label, or −1, and logits.

        The logits of a corrected picture, which has a label, are zeros.
        """
        generator = torch.Generator().manual_seed(self.train.seed * 1_000_003 + step)
        count = max(1, round(_SHARE * self.batch_size))
        own = torch.randint(len(self.pictures), (count,), generator=generator)
        rehearsed = torch.randint(
            len(self.rehearsed), (self.batch_size - count,), generator=generator
        )
        planes = _planes(self.pictures[own]).float().div_(255)
        first = self._input(jitter(planes, generator).mul(255).byte())
        second = self._input(_planes(self.rehearsed[rehearsed]))
        labels = torch.full((self.batch_size, 1), -1.0)
        labels[:count, 0] = self.labels_of_inputs[own].float()
        logits = torch.cat([torch.zeros(count, self.before.shape[1]), self.before[rehearsed]])
        inputs, targets = torch.cat([first, second]), torch.cat([labels, logits], 1)
        return (
            distributed.shard(inputs).to(self.device),
            distributed.shard(targets).to(self.device),
        )

    def _input(self, planes: Tensor) -> Tensor:
        images = planes[:, 0] if planes.shape[1] == 1 else planes.movedim(1, -1)
        return fashion_mnist.to_network_input(images, self.preprocessing)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of the corrections, plus how far the other answers have moved."""
        labels, before = targets[:, 0].long(), targets[:, 1:]
        own = labels >= 0
        corrected = self._losses_of_corrected(logits, labels.clamp(min=0))
        moved = (logits - before).square().mean(1)
        # Choosing rows by a mask would make a GPU wait: it has to say how many there are.
        return _mean(corrected, own) + _HOLD * _mean(moved, ~own)

    def _losses_of_corrected(self, logits: Tensor, labels: Tensor) -> Tensor:
        if len(self.answers) == logits.shape[1]:
            return F.cross_entropy(logits, labels, reduction="none")
        # This network also learns from pictures without a garment: tell it whether this is one.
        targets = F.one_hot(labels, logits.shape[1] + 1).float()
        return none_aware_losses(logits, targets)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How many get their label, or their earlier answer."""
        labels = targets[:, 0].long()
        wanted = torch.where(labels >= 0, labels, self._answers_of(targets[:, 1:]))
        return (self._answers_of(logits) == wanted).sum()

    def _answers_of(self, logits: Tensor) -> Tensor:
        """The number in `answers` of the most probable one: int64 [N]."""
        none = len(self.answers) > logits.shape[1]
        return (with_none(logits) if none else logits).argmax(1)

    def validate(self, network) -> dict:
        """Scores on the pictures that chose the earlier network; how many corrections it learnt.

        The epoch with most corrections right is best; among equals, the one that forgot least.
        """
        images, labels = self._judged
        logits = evaluation.predict(
            network, images.to(self.device), self.preprocessing, precision=self.precision
        )
        scores = evaluation.score(logits, labels)
        named = torch.tensor(self._named(network))
        share = (named == self.labels).float().mean().item()
        return scores | {"score": share + scores["accuracy"]}

    @cached_property
    def _judged(self) -> tuple[Tensor, Tensor]:
        images, labels = making_results.split_of(self.card, "validation")
        generator = torch.Generator().manual_seed(self.train.seed)
        chosen = torch.randperm(len(images), generator=generator)[:_JUDGED].sort().values
        return making_results.as_trained(images[chosen], self.card), labels[chosen]

    def _named(self, network) -> list[int]:
        """Its answer to each corrected picture."""
        answers = evaluation.predict_each(network, self.inputs, self.preprocessing)
        return self._answers_of(answers).tolist()

    def samples(self) -> Samples:
        """A validation picture of each class."""
        return Samples.first_of_each(*self._judged)

    def test(self, network) -> dict:
        """Scores on the test set, in float32: computed once, at the end of a run."""
        images, labels = making_results.split_of(self.card, "test")
        inputs = making_results.as_trained(images, self.card).to(self.device)
        self.tested = evaluation.score(
            evaluation.predict(network, inputs, self.preprocessing), labels
        )
        return self.tested

    def calibrate(self, network) -> dict:
        """The earlier network's calibration, and what became of the corrections."""
        after = self._named(network.to(self.device))
        before = self._named(self.start.network)
        outcome = Outcome(
            start=self.train.init_from,
            names=self.names,
            labels=[self.answers[label] for label in self.labels.tolist()],
            before=[self.answers[label] for label in before],
            after=[self.answers[label] for label in after],
            accuracy_before=self.card.test_accuracy,
            accuracy_after=self.tested["accuracy"],
        )
        return {
            "temperature": self.card.temperature,
            "unsure": self.card.unsure,
            "others": {CORRECTIONS: asdict(outcome)},
        }

    def describe(self) -> TrainedOn:
        """What a card says about the pictures: the earlier network's, which also judge this one."""
        return replace(self.card.data, sources=(*self.card.data.sources, CORRECTIONS))


def _mean(values: Tensor, which: Tensor) -> Tensor:
    """The mean of float [N] over those chosen by bool [N]; 0 if there are none."""
    return (values * which).sum() / which.sum().clamp(min=1)


def _planes(images: Tensor) -> Tensor:
    """Images [N, S, S] or [N, S, S, C] as uint8 [N, C, S, S]."""
    return images[:, None] if images.ndim == 3 else images.movedim(-1, 1)
