"""Images as uint8 tensors: Fashion-MNIST, synthetic garments, splits, and a network's inputs."""

import gzip
import hashlib
import logging
import shutil
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore.data.synthetic import synthetic_garments as _draw_garments
from vggcore.machine import paths
from vggcore.pictures.preprocessing import Preprocessing

log = logging.getLogger(__name__)

VALIDATION_PER_CLASS = 500
SYNTHETIC_COUNTS = {"train": 4000, "validation": 500, "test": 500}

# git blob hashes of the raw files: SHA-1 of "blob <size>\0" + bytes.
BLOB_HASHES = {
    "train-images-idx3-ubyte": "ff2f5a96367a3c1656f09c93649f07143ff8b11e",
    "train-labels-idx1-ubyte": "30424ca2ea876655f5bba14f9f07132769687975",
    "t10k-images-idx3-ubyte": "37bac79bc6f002d965f363e0b20514904504a4d9",
    "t10k-labels-idx1-ubyte": "2195a4d0957e013db98d03e51697e2315816cce2",
}

BYTES = {
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}


class DataMissing(ValueError):
    """The data set is not there, or is not the one it claims to be; the message says what to do."""


def load_split(split: str, dataset: str = "fashion-mnist", seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images uint8 [N, 28, 28] and labels int64 [N] of "train", "validation" or "test".

    Training and validation (5,000 images, 500 a class) are a seeded, stratified split of the
    training images; test is the data set's own. Raises DataMissing.
    """
    if split not in ("train", "validation", "test"):
        raise ValueError(f"unknown split {split!r}: choose one of train, validation, test")
    if dataset == "synthetic":
        # Splits differ in their seeds, so that no drawing is in two of them.
        offset = ("train", "validation", "test").index(split)
        return synthetic_garments(SYNTHETIC_COUNTS[split], seed * 3 + offset)
    images, labels = _fashion_mnist(split != "test", str(paths.data_dir()))
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


@lru_cache(maxsize=2)
def _fashion_mnist(train: bool, root: str) -> tuple[Tensor, Tensor]:
    raw = raw_folder(Path(root))
    if raw is None:
        _download(Path(root))
        raw = Path(root) / "FashionMNIST" / "raw"
    part = "train" if train else "t10k"
    images = _read_idx(raw / f"{part}-images-idx3-ubyte")
    return images, _read_idx(raw / f"{part}-labels-idx1-ubyte").long()


def raw_folder(root: Path) -> Path | None:
    """Where the four raw files are: in torchvision's place, or a level off; None: nowhere."""
    places = (root / "FashionMNIST" / "raw", root / "FashionMNIST", root / "raw", root)
    return next((place for place in places if _is_complete(place)), None)


def _is_complete(raw: Path) -> bool:
    return all((raw / name).is_file() or (raw / f"{name}.gz").is_file() for name in BLOB_HASHES)


def _download(root: Path) -> None:
    # Only to download: importing torchvision takes a second and 170 MB of memory, which a small
    # server does not have to spare.
    from torchvision.datasets import FashionMNIST

    raw = root / "FashionMNIST" / "raw"
    new = next(
        (place for place in (*reversed(root.parents), root, raw.parent, raw) if not place.exists()),
        None,
    )
    try:
        log.info("Fashion-MNIST is not in %s: downloading it there", root)
        FashionMNIST(str(root), download=True)
    except (OSError, RuntimeError) as error:
        if new is not None:
            shutil.rmtree(new, ignore_errors=True)  # an empty folder would only mislead
        raise DataMissing(
            f"Fashion-MNIST was not found in {root} and could not be downloaded ({error}); put its "
            f"four files into {raw}, point VGGCORE_DATA at them, or use --dataset synthetic"
        ) from None


def _read_idx(file: Path) -> Tensor:
    """The uint8 array in a file of the MNIST family, or in its .gz: its shape, then its bytes.

    Raises DataMissing for anything but the file of the data set.
    """
    packed = file.with_name(f"{file.name}.gz")
    try:
        content = file.read_bytes() if file.is_file() else _unpacked(packed, BYTES[file.name])
    except (OSError, EOFError, zlib.error) as error:
        raise DataMissing(f"{packed} cannot be unpacked: {error}") from None
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if digest != BLOB_HASHES[file.name]:
        raise DataMissing(f"{file} is damaged or another data set: its hash is {digest}")
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4).astype(int)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    return torch.from_numpy(values.reshape(shape).copy())


def _unpacked(packed: Path, size: int) -> bytes:
    with gzip.open(packed) as stream:
        return stream.read(size + 1)  # never more than the data set's file holds


def fingerprint(images: Tensor, labels: Tensor) -> str:
    """SHA-256 of images and labels: says in a card exactly what was trained on."""
    digest = hashlib.sha256(images.numpy().tobytes())
    digest.update(labels.numpy().tobytes())
    return digest.hexdigest()


def preprocessing(image_size: int, fit: str) -> Preprocessing:
    """What a card says about the way from 28×28 pixels to the network."""
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
    """Float32 [N, C, S, S] in 0…1, changed in place to the mean and spread of each channel."""
    mean, std = (
        torch.tensor(numbers, device=pictures.device)[:, None, None]
        for numbers in (preprocessing.mean, preprocessing.std)
    )
    return pictures.sub_(mean).div_(std)
