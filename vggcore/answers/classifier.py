"""Classify pictures of garments with a checkpoint: load once, then answer quickly and honestly."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vggcore.answers import calibration, evaluation, test_data
from vggcore.data import fashion_mnist
from vggcore.machine.messages import Message
from vggcore.model import checkpoints
from vggcore.model.folding import folded
from vggcore.pictures import objects
from vggcore.pictures.crops import Box
from vggcore.pictures.prepare import Prepared, as_picture, prepare, takes_whole

# A picture is also tried turned unless its answer is at least this probable. On the development
# pictures this misses no turned one, and saves the time for half of the upright ones.
_PLAINLY_UPRIGHT = 0.999
# How much more evidence a picture must have when turned, at first look and in the full answer.
# `benchmarks/strange_pictures.py` prints how many good upright pictures then count as turned.
_SUSPECT, _CONFIRMED = 1.0, 1.5
TURNS = {90: "a quarter turn to the left", 180: "a half turn", 270: "a quarter turn to the right"}


@dataclass(frozen=True)
class Prediction:
    """An answer, and what it is based on."""

    label: str  # the most probable class
    probability: float  # its calibrated probability
    probabilities: dict[str, float]  # all classes, in label order
    unsure: bool
    reason: str  # one sentence for people; empty when sure
    prepared: Prepared = field(repr=False)  # the way from the picture to the network's input
    looked_at: Box | None = None  # the part of the picture that this is about; None: all of it
    none_of_these: bool = False  # unsure because it seems to show none of the classes
    turn: int = 0  # degrees to the left by which the picture apparently needs turning
    several: tuple["Thing", ...] = ()  # if a picture shows several: each with its own answer


@dataclass(frozen=True)
class Thing:
    """One of several things in a picture."""

    box: Box
    answer: Prediction


class Classifier:
    """A loaded checkpoint that classifies pictures. Safe to share between threads."""

    def __init__(self, checkpoint: checkpoints.Checkpoint):
        self.checkpoint = checkpoint
        self.network = checkpoint.network
        self._answering = folded(checkpoint.network)  # the same logits, faster
        self.preprocessing = checkpoint.card.preprocessing
        self.classes = checkpoint.card.classes
        self.temperature = checkpoint.card.temperature

    @property
    def mirrors(self) -> bool:
        """Whether an answer is the mean over the picture and its mirror image."""
        return self.preprocessing.mirror

    def prepare(self, picture, *, framed: bool = False, **overrides: str) -> Prepared:
        """`pictures.prepare` in the style this network was trained on. Raises ValueError.

        framed: the user has cropped the picture, so its middle adds nothing.
        """
        style = self.preprocessing.style
        # Networks for Fashion-MNIST see 28 pixels, scaled to their input size as in training.
        size = 28 if style == "fashion-mnist" else self.preprocessing.image_size
        middle = 0.0 if framed else self.preprocessing.middle
        return prepare(picture, size, style, middle=middle, **overrides)

    def classify(self, picture, *, framed: bool = False, **overrides: str) -> Prediction:
        """Which garment `picture` shows: PIL image, or uint8 array [H, W] or [H, W, 3].

        If one thing is large and there is more around it, such as the texts of a shop's page, the
        answer is for that one. If several are large and get different names, the answer is
        unsure and says what they are. `overrides` are those of `pictures.prepare`: invert, crop
        ("off" keeps the whole picture), background. framed: as in `prepare`. Raises ValueError.
        """
        picture = as_picture(picture)
        alone = overrides.get("crop") == "off" or takes_whole(self.preprocessing.style)
        things = objects.Things() if alone else objects.find(picture)
        if things.main:
            return self._of_part(picture, things.main, overrides)
        answer = self.classify_prepared(self.prepare(picture, framed=framed, **overrides))
        if not things.several:
            return answer
        parts = [self._of_part(picture, box, overrides) for box in things.several]
        sure = [part for part in parts if not part.unsure]
        named = list(dict.fromkeys(part.label for part in sure))
        several = tuple(map(Thing, things.several, parts))
        if len(named) > 1:
            listed = Message(named[0])
            for place, label in enumerate(named[1:], start=2):
                pattern = "{some} and {more}" if place == len(named) else "{some}, {more}"
                listed = Message(pattern, some=listed, more=Message(label))
            reason = Message(
                "There are several things here: {listed}. Choose the one you mean.", listed=listed
            )
            answer = replace(answer, unsure=True, reason=reason, none_of_these=False)
            return replace(answer, several=several)
        if sure and (answer.unsure or answer.label != named[0]):
            answer = max(sure, key=lambda part: part.probability)
        return replace(answer, several=several)

    def _of_part(self, picture: Image.Image, box: Box, overrides: dict) -> Prediction:
        prepared = self.prepare(box.of(picture), framed=True, **overrides)
        answer = self.classify_prepared(prepared)
        return replace(answer, looked_at=box)

    def classify_prepared(self, prepared: Prepared) -> Prediction:
        """Which garment a prepared picture shows."""
        logits = self._mean_logits(prepared.inputs)
        chances = (logits / self.temperature).softmax(0).tolist()
        best = max(range(len(chances)), key=chances.__getitem__)
        reason, none_of_these = self._doubt(prepared, logits, chances)
        turn = 0
        if not prepared.blank and (reason or chances[best] < _PLAINLY_UPRIGHT):
            turn, upright = self._needed_turn(prepared, logits)
            if turn:
                reason = Message(
                    "The picture may need turning: after {turn} it looks like {upright}.",
                    turn=Message(TURNS[turn]),
                    upright=Message(upright),
                )
        return Prediction(
            label=self.classes[best],
            probability=chances[best],
            probabilities=dict(zip(self.classes, chances, strict=True)),
            unsure=bool(reason),
            reason=reason,
            prepared=prepared,
            none_of_these=none_of_these and not turn,
            turn=turn,
        )

    def network_input(self, image: np.ndarray) -> torch.Tensor:
        """Float32 [1, C, S, S] from a prepared picture's input, uint8 [S, S] or [S, S, C]."""
        return fashion_mnist.to_network_input(torch.tensor(image)[None], self.preprocessing)

    def logits(self, image: np.ndarray) -> torch.Tensor:
        """Logits float32 [classes] of one of a prepared picture's inputs; see `mirrors`."""
        return self._mean_logits([image])

    @torch.inference_mode()
    def _mean_logits(self, images: list[np.ndarray]) -> torch.Tensor:
        """The mean of `logits` over the inputs of one picture."""
        inputs = torch.cat([self.network_input(image) for image in images])
        return evaluation.answer(self._answering, inputs, self.preprocessing).mean(0)

    def _needed_turn(self, prepared: Prepared, logits: torch.Tensor) -> tuple[int, str]:
        """How many degrees to the left to turn a picture, and what it then looks like; or 0.

        logits: those of the picture as it is.

        Networks that have learnt what is not a garment find more evidence for one in an upright
        picture. A first look at each turn finds suspects, and a full answer confirms one.
        """
        if self.checkpoint.card.unsure is None or test_data.is_own(self.checkpoint.card):
            return 0, ""
        limits = self.checkpoint.card.unsure
        turned = [
            [np.ascontiguousarray(np.rot90(image, quarters)) for image in prepared.inputs]
            for quarters in (1, 2, 3)
        ]
        with torch.inference_mode():
            each = [self.network_input(image) for images in turned for image in images]
            turned_logits = self._answering(torch.cat(each)).unflatten(0, (3, -1)).mean(1)
        strengths = calibration.evidence(turned_logits)
        best = int(strengths.argmax())
        if strengths[best] - calibration.evidence(logits) < _SUSPECT:
            return 0, ""
        upright = self._mean_logits(turned[best])
        if calibration.evidence(upright) - calibration.evidence(logits) < _CONFIRMED:
            return 0, ""
        if any(calibration.doubts(upright, self.temperature, limits, prepared.drawn)):
            return 0, ""
        return 90 * (best + 1), self.classes[int(upright.argmax())]

    def _doubt(
        self, prepared: Prepared, logits: torch.Tensor, chances: list[float]
    ) -> tuple[str, bool]:
        """Why the answer is unsure, or ""; and whether because it seems to be no class at all."""
        if prepared.blank:
            blank = Message("The picture is blank: nothing stands out from its background.")
            return blank, True
        limits = self.checkpoint.card.unsure
        no_garment, unclear = calibration.doubts(logits, self.temperature, limits, prepared.drawn)
        if no_garment:
            if not test_data.is_own(self.checkpoint.card):
                return Message("This does not look like any of the ten kinds of garment."), True
            none = Message(
                "This does not look like any of the {count} classes that it knows.",
                count=len(self.classes),
            )
            return none, True
        if unclear:
            first, second = sorted(zip(chances, self.classes, strict=True), reverse=True)[:2]
            either = Message(
                "It could be {first} or {second}: neither is clear enough.",
                first=Message(first[1]),
                second=Message(second[1]),
            )
            return either, False
        return "", False


@lru_cache(maxsize=8)
def _load(path: str, version: str) -> Classifier:
    return Classifier(checkpoints.load(path))


def load_classifier(name: str | Path = checkpoints.DEFAULT) -> Classifier:
    """The classifier of a checkpoint, loaded once per process for each version of weights and card.

    Raises CheckpointError.
    """
    return _load(str(checkpoints.find(name)), checkpoints.version(name))
