"""What the loop needs from the pictures it trains on, and which kind a recipe asks for."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from vggcore.answers.samples import Samples
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import TrainedOn
from vggcore.model.network import VGG
from vggcore.model.recipe import CORRECTIONS, OWN, TrainConfig
from vggcore.pictures.preprocessing import Preprocessing


class TrainingData(Protocol):
    """Batches, and how answers on them are judged."""

    batch_size: int
    steps_per_epoch: int
    classes: tuple[str, ...]  # in order of their labels
    preprocessing: Preprocessing

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs float32 [B, C, S, S] and targets of a step: a pure function of its number."""

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss that training minimises: a mean over the batch."""

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How many of the batch are right."""

    def validate(self, network: VGG) -> dict:
        """Scores on pictures that are not trained on: accuracy, loss, confusion and more.

        The best epoch is chosen by `score`, if there, instead of the accuracy.
        """

    def samples(self) -> Samples:
        """A picture of each class that is not trained on, for people to watch during training."""

    def test(self, network: VGG) -> dict:
        """Scores on the test set: computed once, at the end of a run."""

    def calibrate(self, network: VGG) -> dict:
        """Fields of the card that make answers honest, found on validation."""

    def pictures_facts(self) -> dict | None:
        """What decides which pictures a run sees, as `sha256`, if that could change.

        None if it cannot. `classes` and `counts`, if there, tell how well guessing would do.
        """

    def describe(self) -> TrainedOn:
        """What the card says about the pictures."""


def make_training_data(
    spec: VGGSpec,
    train: TrainConfig,
    device: torch.device,
    on_progress: Callable[[float], None] = lambda share: None,
) -> TrainingData:
    """The run's batches and validation. Raises DataMissing, PicturesError.

    `on_progress` receives the share of pictures that are ready, if that takes a while.
    """
    if train.dataset == OWN:
        from vggcore.training.own_data import OwnData

        return OwnData(spec, train, device, on_progress)
    if train.dataset == CORRECTIONS:
        from vggcore.training.corrections_data import CorrectionsData

        return CorrectionsData(spec, train, device)
    if train.dataset == "wild":
        from vggcore.wild.training_data import WildData

        return WildData(spec, train, device)
    from vggcore.training.fashion_data import FashionData

    return FashionData(spec, train, device)
