"""Why the network answers as it does: Grad-CAM, feature maps, nearest training images.

All functions take a network in evaluation mode and one normalised picture [1, C, S, S], and
leave both unchanged.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore.answers import evaluation, test_data
from vggcore.answers.classifier import Classifier
from vggcore.data import fashion_mnist
from vggcore.model import anatomy
from vggcore.model.architectures import VGGSpec
from vggcore.model.network import VGG

BANK_SECONDS = 1.5  # that training images may take, once for each network
_PREPARE_SECONDS, _MACS_PER_SECOND = 0.0022, 28e9  # of one image, on one core; measured
_MIN_CAM_SIDE = 7  # cells; a coarser map says nothing about where


class Bank(NamedTuple):
    """Training images and the network's last features of them."""

    images: np.ndarray  # uint8 [N, 28, 28], or a user's own, [N, S, S] or [N, S, S, C]
    labels: np.ndarray  # int64 [N]
    features: Tensor  # float32 [N, units], each of length 1


class Neighbours(NamedTuple):
    """The training images most like a picture, nearest first."""

    indices: np.ndarray  # int64 [k], into the images of the bank
    similarity: np.ndarray  # float32 [k], cosine of the angle between features, at most 1


def grad_cam(network: VGG, picture: Tensor, label: int) -> np.ndarray:
    """Which regions support class `label`: float32 [S, S], 0 to 1.

    Grad-CAM (Selvaraju et al., arXiv 1610.02391) before the pool of the deepest block whose map
    has at least 7×7 cells. All zeros if nothing speaks for the class.
    """
    with torch.inference_mode(False), torch.enable_grad():
        maps, after = _split(network, picture.clone())  # a copy made outside inference mode
        maps = maps.detach().requires_grad_()
        score = after(maps)[0, label]
        (gradient,) = torch.autograd.grad(score, maps)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    cam = F.relu((weights * maps.detach()).sum(dim=1, keepdim=True))
    cam = F.interpolate(cam, size=picture.shape[2:], mode="bilinear", align_corners=False)[0, 0]
    return (cam / cam.max().clamp(min=1e-8)).numpy()


def _split(network: VGG, picture: Tensor):
    """The maps that Grad-CAM looks at, and the function from them to the logits."""
    blocks = network.feature_blocks()
    sides = [picture.shape[-1] >> index for index in range(len(blocks))]  # before each pool
    chosen = max((i for i, side in enumerate(sides) if side >= _MIN_CAM_SIDE), default=0)
    maps = picture
    *layers, pool = blocks[chosen]  # one by one: a slice of a block computes something else
    with torch.no_grad():
        for layer in (*blocks[:chosen], *layers):
            maps = layer(maps)

    def after(values: Tensor) -> Tensor:
        values = pool(values)
        for block in blocks[chosen + 1 :]:
            values = block(values)
        return network.classifier(values)

    return maps, after


@torch.no_grad()
def feature_maps(network: VGG, picture: Tensor) -> list[np.ndarray]:
    """Output of each of the five blocks: float32 [channels, side, side]."""
    maps = []
    for block in network.feature_blocks():
        picture = block(picture)
        maps.append(picture[0].numpy())
    return maps


def mosaic(maps: np.ndarray, count: int = 16) -> np.ndarray:
    """The `count` most active maps as one square picture: uint8 [side, side].

    Each map is stretched to its own full range; those of equal activity keep their order.
    """
    order = np.argsort(-maps.mean(axis=(1, 2)), kind="stable")[:count]
    columns = int(np.ceil(np.sqrt(len(order))))
    side = maps.shape[1]
    canvas = np.zeros((columns * (side + 1), columns * (side + 1)), np.uint8)
    for place, index in enumerate(order):
        low, high = maps[index].min(), maps[index].max()
        row, column = np.array(divmod(place, columns)) * (side + 1)
        scaled = (maps[index] - low) / max(high - low, 1e-8) * 255
        canvas[row : row + side, column : column + side] = scaled.astype(np.uint8)
    return canvas[:-1, :-1]


@torch.no_grad()
def features(network: VGG, batches: Iterable[Tensor]) -> Tensor:
    """What the last linear layer looks at, scaled to length 1: float32 [N, units].

    batches: normalised pictures [B, C, S, S], N in all.
    """
    head = network.classifier[:-1]
    return F.normalize(torch.cat([head(network.features(batch)) for batch in batches]), dim=1)


def bank_size(spec: VGGSpec) -> int:
    """How many training images `training_bank` looks at in about `BANK_SECONDS`; 50 at least."""
    return max(50, min(1_000, round(BANK_SECONDS / _bank_seconds(spec))))


def bank_seconds(spec: VGGSpec) -> float:
    """How long `training_bank` takes, approximately."""
    return bank_size(spec) * _bank_seconds(spec)


def _bank_seconds(spec: VGGSpec) -> float:
    return _PREPARE_SECONDS + anatomy.totals(spec).macs / _MACS_PER_SECOND


def training_bank(classifier: Classifier) -> Bank:
    """The first `bank_size` training images, prepared as visitors' pictures are.

    Of a user's own, as many from across the set. Takes seconds: keep it. Raises DataMissing.
    """
    card = classifier.checkpoint.card
    count = bank_size(card.spec)
    if test_data.is_own(card):
        own, labels = test_data.own_pictures(card, "train", count)
        return Bank(own, labels, _features_of(classifier, own))
    images, labels = (tensor[:count].numpy() for tensor in fashion_mnist.load_split("train"))
    inputs = np.stack([classifier.prepare(image).network_input for image in images])
    return Bank(images, labels, _features_of(classifier, inputs))


def _features_of(classifier: Classifier, prepared: np.ndarray) -> Tensor:
    batches = evaluation.batches(torch.from_numpy(prepared), classifier.preprocessing)
    return features(classifier.network, batches)


def nearest(network: VGG, picture: Tensor, bank: Tensor, count: int = 8) -> Neighbours:
    """The rows of `bank` (from `features`) that lie closest to the picture in the same space."""
    similarity, indices = (bank @ features(network, [picture])[0]).topk(min(count, len(bank)))
    return Neighbours(indices.numpy(), similarity.numpy())


def overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heat map laid over a picture in grey: uint8 [S, S] and float [S, S] to uint8 [S, S, 3].

    Cold areas show the picture itself, hot ones run through orange to yellow. Colour pictures
    [S, S, 3] are shown in grey, so that the heat stands out.
    """
    if picture.ndim == 3:
        picture = picture.mean(axis=2)
    grey = np.repeat(picture[:, :, None].astype(np.float32), 3, axis=2)
    heat = np.clip(heat, 0, 1)[:, :, None]
    colour = np.concatenate(
        [np.full_like(heat, 255), 80 + 160 * heat, np.full_like(heat, 20)], axis=2
    )
    return (grey * (1 - 0.7 * heat) + colour * 0.7 * heat).astype(np.uint8)


def cam_overlay(classifier: Classifier, image: np.ndarray, label: str) -> np.ndarray:
    """Grad-CAM for a class name over what the network sees: uint8 [S, S, 3].

    image: the last step of a prepared picture, uint8 [S, S] or [S, S, C].
    """
    picture = classifier.network_input(image)
    heat = grad_cam(classifier.network, picture, classifier.classes.index(label))
    way = classifier.preprocessing
    scale, offset = (torch.tensor(numbers)[:, None, None] for numbers in (way.std, way.mean))
    pixels = (picture[0] * scale + offset).clamp(0, 1).mul(255).byte()[:3]
    return overlay(
        (pixels[0] if len(pixels) == 1 else pixels.movedim(0, -1)).numpy(),
        heat,
    )
