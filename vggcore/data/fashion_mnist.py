"""Images as uint8 tensors: Fashion-MNIST, synthetic garments, splits, and a network's inputs."""

import hashlib

import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore.data import raw_files
from vggcore.data.classes import CLASSES
from vggcore.data.synthetic import synthetic_garments as _draw_garments
from vggcore.machine import paths
from vggcore.machine.messages import Message
from vggcore.pictures.preprocessing import Preprocessing

VALIDATION_PER_CLASS = raw_files.COUNTS["validation"] // len(CLASSES)


def load_split(split: str, dataset: str = "fashion-mnist", seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images uint8 [N, 28, 28] and labels int64 [N] of "train", "validation" or "test".

    Training and validation (5,000 images, 500 per class) are a seeded, stratified split of the
    training images; test is the data set's own. Raises DataMissing.
    """
    if split not in ("train", "validation", "test"):
        raise ValueError(
            Message("unknown split {split!r}: choose one of train, validation, test", split=split)
        )
    if dataset == "synthetic":
        pair = raw_files.synthetic_split(split, seed)
    else:
        pair = raw_files.fashion_mnist(split != "test", str(paths.data_dir()))
    images, labels = map(torch.from_numpy, pair)
    if dataset == "synthetic":
        return images, labels
    if split == "test":
        return images, labels
    train, validation = _stratified_split(labels, seed)
    chosen = train if split == "train" else validation
    return images[chosen], labels[chosen]


def synthetic_garments(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """`n` drawn garments: uint8 [n, 28, 28] and labels int64 [n], the same for the same seed."""
    images, labels = _draw_garments(n, seed)
    return torch.from_numpy(images), torch.from_numpy(labels)


def _stratified_split(labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    validation = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        indices = (labels == label).nonzero().squeeze(1)
        order = torch.randperm(len(indices), generator=generator)
        validation[indices[order[:VALIDATION_PER_CLASS]]] = True
    return (~validation).nonzero().squeeze(1), validation.nonzero().squeeze(1)


def fingerprint(images: Tensor, labels: Tensor) -> str:
    """SHA-256 of images and labels: it tells in a card exactly what was trained on."""
    digest = hashlib.sha256(images.numpy().tobytes())
    digest.update(labels.numpy().tobytes())
    return digest.hexdigest()


def preprocessing(image_size: int, fit: str) -> Preprocessing:
    """What a card says about how 28×28 pixels reach the network."""
    return Preprocessing(style="fashion-mnist", image_size=image_size, fit=fit)


def to_network_input(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Uint8 [N, S, S] or [N, S, S, C] on any device to normalised float32 [N, C, size, size].

    "pad" centres the image on black; "resize" interpolates bilinearly.
    """
    planes = images.unsqueeze(1) if images.ndim == 3 else images.movedim(-1, 1)
    floats = planes.to(torch.float32).div_(255)
    size, side = preprocessing.image_size, planes.shape[-1]
    if size != side and preprocessing.fit == "resize":
        floats = F.interpolate(floats, size=(size, size), mode="bilinear", align_corners=False)
    elif size != side:
        before = (size - side) // 2
        floats = F.pad(floats, (before, size - side - before) * 2)
    return normalised(floats, preprocessing)


def normalised(pictures: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Float32 [N, C, S, S] in 0…1, normalised in place by each channel's mean and spread."""
    mean, std = (
        torch.tensor(numbers, device=pictures.device)[:, None, None]
        for numbers in (preprocessing.mean, preprocessing.std)
    )
    return pictures.sub_(mean).div_(std)
