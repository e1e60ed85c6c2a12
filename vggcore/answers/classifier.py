"""Classify pictures of garments with a checkpoint: load once, then answer quickly and honestly."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from vggcore.answers import doubt, evaluation
from vggcore.data import fashion_mnist
from vggcore.model import checkpoints
from vggcore.model.packing import packed
from vggcore.pictures.prepare import Prepared, prepare


@dataclass(frozen=True)
class Prediction:
    """An answer, and what it rests on."""

    label: str  # the most probable class
    probability: float  # its calibrated probability
    probabilities: dict[str, float]  # all classes, in label order
    unsure: bool
    reason: str  # one sentence for people; empty when sure
    prepared: Prepared = field(repr=False)  # the way from the picture to the network's input


class Classifier:
    """A loaded checkpoint that classifies pictures. Safe to share between threads."""

    def __init__(self, checkpoint: checkpoints.Checkpoint):
        self.checkpoint = checkpoint
        self.network = checkpoint.network
        self._answering = packed(checkpoint.network)  # sooner, within its tolerance
        self.preprocessing = checkpoint.card.preprocessing
        self.classes = checkpoint.card.classes
        self.temperature = checkpoint.card.temperature

    @property
    def mirrors(self) -> bool:
        """Whether an answer is the mean over the picture and its mirror image."""
        return self.preprocessing.mirror

    def prepare(self, picture, **overrides: str) -> Prepared:
        """`pictures.prepare` in the style this network was trained on. Raises ValueError."""
        style = self.preprocessing.style
        # Networks for Fashion-MNIST see its 28 pixels, brought to their size as in training.
        size = 28 if style == "fashion-mnist" else self.preprocessing.image_size
        return prepare(picture, size, style, **overrides)

    def classify(self, picture, **overrides: str) -> Prediction:
        """What garment is on `picture`: PIL image, or uint8 array [H, W] or [H, W, 3].

        `overrides` are those of `pictures.prepare`: invert, crop, background. Raises ValueError.
        """
        return self.classify_prepared(self.prepare(picture, **overrides))

    def classify_prepared(self, prepared: Prepared) -> Prediction:
        """What garment a prepared picture shows."""
        logits = self.logits(prepared.network_input)
        chances = (logits / self.temperature).softmax(0).tolist()
        best = max(range(len(chances)), key=chances.__getitem__)
        reason = self._doubt(prepared, logits, chances)
        return Prediction(
            label=self.classes[best],
            probability=chances[best],
            probabilities=dict(zip(self.classes, chances, strict=True)),
            unsure=bool(reason),
            reason=reason,
            prepared=prepared,
        )

    def network_input(self, image: np.ndarray) -> torch.Tensor:
        """Float32 [1, C, S, S] from a prepared picture's input, uint8 [S, S] or [S, S, C]."""
        return fashion_mnist.to_network_input(torch.tensor(image)[None], self.preprocessing)

    @torch.inference_mode()
    def logits(self, image: np.ndarray) -> torch.Tensor:
        """Logits float32 [classes] of a prepared picture's input; see `mirrors`."""
        inputs = self.network_input(image)
        return evaluation.answer(self._answering, inputs, self.preprocessing)[0]

    def _doubt(self, prepared: Prepared, logits: torch.Tensor, chances: list[float]) -> str:
        """Why the answer is unsure; empty when it is not."""
        if prepared.blank:
            return "The picture is blank: nothing stands out from its background."
        limits = self.checkpoint.card.unsure
        no_garment, unclear = doubt.doubts(logits, self.temperature, limits, prepared.drawn)
        if no_garment:
            return "This does not look like any of the ten kinds of garment."
        if unclear:
            first, second = sorted(zip(chances, self.classes, strict=True), reverse=True)[:2]
            return f"It could be {first[1]} or {second[1]}: neither is clear enough."
        return ""


@lru_cache(maxsize=8)
def _load(path: str, version: str) -> Classifier:
    return Classifier(checkpoints.load(path))


def load_classifier(name: str | Path = checkpoints.DEFAULT) -> Classifier:
    """The classifier of a checkpoint, loaded once per process, weights and card.

    Raises CheckpointError.
    """
    return _load(str(checkpoints.find(name)), checkpoints.version(name))
