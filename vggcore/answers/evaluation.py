"""How good a network is: predictions over a whole split, and the scores made from them."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore.data import fashion_mnist
from vggcore.machine.precision import autocast
from vggcore.model.network import VGG
from vggcore.pictures import prepare
from vggcore.pictures.preprocessing import Preprocessing

# Of a batch, at most: images, pixels. On a CPU more at once takes more memory and is slower: what a
# layer writes then leaves the processor's cache before the next one reads it. A GPU wants more.
MOST_AT_ONCE = {"cpu": (250, 256_000), "gpu": (500, 2_000_000)}


def batch_size(image_size: int, device: str = "cpu") -> int:
    """Images that are evaluated at once, so that memory stays bounded at every image size."""
    images, pixels = MOST_AT_ONCE["cpu" if device == "cpu" else "gpu"]
    return max(1, min(images, pixels // image_size**2))


def batches(images: Tensor, preprocessing: Preprocessing) -> Iterator[Tensor]:
    """Network inputs float32 [B, C, S, S], channels last, of uint8 images [N, …] (one, or C)."""
    for chunk in images.split(batch_size(preprocessing.image_size, images.device.type)):
        yield fashion_mnist.to_network_input(chunk, preprocessing).contiguous(
            memory_format=torch.channels_last
        )


def as_trained(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Data set images uint8 [N, 28, 28] as the network saw such images in training.

    Networks for photos see everything through `pictures.prepare`: uint8 [N, S, S] or [N, S, S, C].
    """
    if preprocessing.style == "fashion-mnist":
        return images
    size, style = preprocessing.image_size, preprocessing.style
    prepared = [prepare.prepare(image, size, style).network_input for image in images.numpy()]
    return torch.from_numpy(np.stack(prepared))


def answer(
    network: Callable[[Tensor], Tensor], inputs: Tensor, preprocessing: Preprocessing
) -> Tensor:
    """Logits [B, classes] of normalised inputs [B, C, S, S], as a card's preprocessing asks.

    With "mirror" they are the mean over each picture and its mirror image.
    """
    return with_mirror(network(inputs), network, inputs, preprocessing)


def with_mirror(
    logits: Tensor,
    network: Callable[[Tensor], Tensor],
    inputs: Tensor,
    preprocessing: Preprocessing,
) -> Tensor:
    """`answer`, from logits of the inputs as they are."""
    if not preprocessing.mirror:
        return logits
    return (logits + network(inputs.flip(-1))) / 2


@torch.inference_mode()
def predict(
    network: VGG, images: Tensor, preprocessing: Preprocessing, *, precision: str = "float32"
) -> Tensor:
    """Logits float32 [N, classes] of uint8 images [N, 28, 28], on the images' device.

    precision: a resolved one, of `machine.precision`.

    The network's training mode is left as it was.
    """
    was_training = network.training
    network.eval()
    with autocast(precision, images.device):
        logits = [
            answer(network, inputs, preprocessing).float()
            for inputs in batches(images, preprocessing)
        ]
    network.train(was_training)
    return torch.cat(logits)


def score(logits: Tensor, labels: Tensor) -> dict:
    """`accuracy`, `loss` (mean cross-entropy, nats), `n`, and `confusion` (rows: true class)."""
    classes = logits.shape[1]
    predicted = logits.argmax(1)
    confusion = torch.bincount(labels * classes + predicted, minlength=classes**2)
    return {
        "accuracy": (predicted == labels).sum().item() / len(labels),
        "loss": F.cross_entropy(logits, labels).item(),
        "n": len(labels),
        "confusion": confusion.reshape(classes, classes).tolist(),
    }


class ClassScores(NamedTuple):
    """How well one class is told from the others. Shares of nothing count as 0."""

    precision: float  # of what was taken for it, the share that is it
    recall: float  # of what is it, the share that was found
    f1: float  # harmonic mean of the two
    images: float  # of this class


def class_scores(confusion: list[list[int]]) -> list[ClassScores]:
    """One row per class of a confusion matrix whose rows are the true classes."""
    counts = torch.tensor(confusion, dtype=torch.float64)
    right, actual, named = counts.diagonal(), counts.sum(1), counts.sum(0)
    columns = (right / named, right / actual, 2 * right / (actual + named), actual)
    return [
        ClassScores(*row) for row in zip(*(c.nan_to_num(0).tolist() for c in columns), strict=True)
    ]


def wilson_interval(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Between what an accuracy may well lie, 95 % with the default z (Wilson, 1927)."""
    share, slack = right / n, z * z / n
    middle = (share + slack / 2) / (1 + slack)
    reach = z * math.sqrt(share * (1 - share) / n + slack / (4 * n)) / (1 + slack)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def difference_interval(a_right: Tensor, b_right: Tensor, z: float = 1.96) -> tuple[float, ...]:
    """By how much `a` is more accurate than `b` on the same images: (difference, low, high).

    a_right, b_right: bool [N]. Pairing counts only the images on which the two differ.
    """
    n = len(a_right)
    only_a = (a_right & ~b_right).sum().item()
    only_b = (b_right & ~a_right).sum().item()
    difference = (only_a - only_b) / n
    reach = z * math.sqrt(only_a + only_b - (only_a - only_b) ** 2 / n) / n
    return difference, difference - reach, difference + reach


def worst_mistakes(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Indices int64 [M] of the wrongly named images, the most confidently wrong first."""
    confidence, named = probabilities.max(1)
    wrong = (named != labels).nonzero().squeeze(1)
    return wrong[confidence[wrong].argsort(descending=True, stable=True)]


def in_cell(probabilities: Tensor, labels: Tensor, true: int, named: int) -> Tensor:
    """Indices of the images of class `true` that were named `named`, the surest first."""
    inside = ((labels == true) & (probabilities.argmax(1) == named)).nonzero().squeeze(1)
    return inside[probabilities[inside, named].argsort(descending=True, stable=True)]
