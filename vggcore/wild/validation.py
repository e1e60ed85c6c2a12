"""Pictures never used in training on photos and drawings, and the scores on them."""

import logging
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore.answers import calibration, evaluation
from vggcore.data import fashion_mnist
from vggcore.pictures import prepare
from vggcore.pictures.preprocessing import Preprocessing
from vggcore.wild.items import NONE, SOURCES, Item, development_items

log = logging.getLogger(__name__)


def prepared_images(images, size: int, style: str = "outline") -> Tensor:
    """`pictures.prepare` over pictures or uint8 arrays: uint8 [N, size, size], or [N, …, C]."""
    return torch.from_numpy(
        np.stack([prepare.prepare(image, size, style).network_input for image in images])
    )


class Validation(NamedTuple):
    """Prepared pictures never trained on: of Fashion-MNIST and of each development source."""

    fashion: Tensor  # uint8 [5000, S, S], in colour [5000, S, S, C]; so is `real`
    fashion_labels: Tensor  # int64 [5000]
    items: list[Item]
    real: Tensor  # uint8 [len(items), S, S]
    middle: Tensor | None = None  # the middles of photos, and `real` of drawings

    @classmethod
    def load(
        cls, size: int, seed: int, sources=SOURCES, style: str = "outline", middle: float = 0.0
    ) -> "Validation":
        """middle: the share of a photo that is looked at once more, as in `Preprocessing`."""
        images, labels = fashion_mnist.load_split("validation", seed=seed)
        items = [item for item in development_items(sources) if item.held_out]
        pictures = [prepare.prepare(item.picture(), size, style, middle=middle) for item in items]
        whole, inner = (
            torch.from_numpy(np.stack([one.inputs[place] for one in pictures])) for place in (0, -1)
        )
        fashion = prepared_images(images.numpy(), size, style)
        return cls(fashion, labels, items, whole, inner if middle else None)

    def answers(
        self, network, preprocessing: Preprocessing, precision: str = "float32"
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """By kind ("fashion-mnist", "photos", "sketches"): logits [N, 10], and bool [N, 10].

        The second says which classes count as right: for real pictures, all accepted ones.
        """

        def logits_of(images: Tensor) -> Tensor:
            return evaluation.predict(network, images, preprocessing, precision=precision)

        right = F.one_hot(self.fashion_labels, NONE).bool()
        by_kind = {"fashion-mnist": (logits_of(self.fashion), right)}
        logits = logits_of(self.real)
        if self.middle is not None and preprocessing.middle:
            logits = (logits + logits_of(self.middle)) / 2
        right = torch.zeros(len(self.items), NONE, dtype=torch.bool)
        for row, item in zip(right, self.items, strict=True):
            row[list(item.accepted)] = True
        for kind in ("photos", "sketches"):
            chosen = torch.tensor([item.kind == kind for item in self.items], dtype=torch.bool)
            if chosen.any():
                by_kind[kind] = (logits[chosen], right[chosen])
        return by_kind

    def calibration(self, network, preprocessing: Preprocessing) -> dict:
        """Card entries: `calibration.calibrate`'s, and the accuracy by kind."""
        answers_by_kind = self.answers(network, preprocessing)
        by_kind = {
            kind: round(calibration.is_right(*answers).mean().item(), 4)
            for kind, answers in answers_by_kind.items()
        }
        return calibration.calibrate(answers_by_kind) | {"by_kind": by_kind}

    def scores(self, network, preprocessing: Preprocessing, precision: str = "float32") -> dict:
        """Fashion-MNIST's scores; `accuracy`, which picks the best epoch, also counts the others.

        Half of it is that of Fashion-MNIST, half that of real photos and drawings, which are
        judged by their accepted classes.
        """
        by_kind = self.answers(network, preprocessing, precision)
        right = {kind: calibration.is_right(*answers) for kind, answers in by_kind.items()}
        parts = {kind: answers.mean().item() for kind, answers in right.items()}
        log.info("validation: %s", ", ".join(f"{k} {v:.3f}" for k, v in parts.items()))
        scores = evaluation.score(by_kind["fashion-mnist"][0], self.fashion_labels)
        fashion = right.pop("fashion-mnist")
        halves = [fashion, torch.cat([*right.values()])] if right else [fashion]
        accuracy = sum(half.mean().item() for half in halves) / len(halves)
        return scores | {"accuracy": accuracy, "parts": parts}
