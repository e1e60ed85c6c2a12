"""Fashion-MNIST's four raw files as NumPy arrays: found, downloaded, checked. No PyTorch."""

import gzip
import hashlib
import logging
import tempfile
import zlib
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np

from vggcore.data.synthetic import synthetic_garments
from vggcore.machine import paths
from vggcore.machine.messages import Message

log = logging.getLogger(__name__)

# Of images: training and validation are our split of the 60,000 training images.
COUNTS = {"train": 55_000, "validation": 5_000, "test": 10_000}
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


def test_split(dataset: str = "fashion-mnist", seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Test images uint8 [N, 28, 28] and labels int64 [N]. Raises DataMissing."""
    if dataset == "synthetic":
        return synthetic_split("test", seed)
    return fashion_mnist(False, str(paths.data_dir()))


def synthetic_split(split: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Synthetic garments of "train", "validation" or "test"."""
    # Splits have different seeds, so that no drawing is in two of them.
    offset = ("train", "validation", "test").index(split)
    return synthetic_garments(SYNTHETIC_COUNTS[split], seed * 3 + offset)


@lru_cache(maxsize=2)
def fashion_mnist(train: bool, root: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N, 28, 28] and labels int64 [N], read once. Raises DataMissing."""
    raw = raw_folder(Path(root))
    if raw is None:
        _download(Path(root))
        raw = Path(root) / "FashionMNIST" / "raw"
    part = "train" if train else "t10k"
    images = _read_idx(raw / f"{part}-images-idx3-ubyte")
    return images, _read_idx(raw / f"{part}-labels-idx1-ubyte").astype(np.int64)


def raw_folder(root: Path) -> Path | None:
    """Where the four raw files are: torchvision's place or a level off it; None: nowhere."""
    places = (root / "FashionMNIST" / "raw", root / "FashionMNIST", root / "raw", root)
    return next((place for place in places if _is_complete(place)), None)


def _is_complete(raw: Path) -> bool:
    return all((raw / name).is_file() or (raw / f"{name}.gz").is_file() for name in BLOB_HASHES)


def _download(root: Path) -> None:
    # Imported only to download: torchvision takes a second and 170 MB of memory, which a small
    # server cannot spare.
    from torchvision.datasets import FashionMNIST

    raw = root / "FashionMNIST" / "raw"
    made = [place for place in (raw, raw.parent, root, *root.parents) if not place.exists()]
    try:
        log.info("Fashion-MNIST is not in %s: downloading it there", root)
        raw.mkdir(parents=True, exist_ok=True)
        # In a folder of its own: files that are half there must not be taken for the data set.
        with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as place:
            FashionMNIST(place, download=True)
            for file in (Path(place) / "FashionMNIST" / "raw").iterdir():
                file.replace(raw / file.name)
    except (OSError, RuntimeError) as error:
        for folder in made:  # empty ones would be misleading; others may be in use by now
            with suppress(OSError):
                folder.rmdir()
        raise DataMissing(
            Message(
                "Fashion-MNIST was not found in {root} and could not be downloaded ({error}); "
                "put its four files into {raw}, point VGGCORE_DATA at them, or use --dataset "
                "synthetic",
                root=root,
                error=error,
                raw=raw,
            )
        ) from None


def _read_idx(file: Path) -> np.ndarray:
    """The uint8 array in a file of the MNIST family, or in its .gz: its shape, then its bytes.

    Raises DataMissing unless it is the data set's own file.
    """
    packed = file.with_name(f"{file.name}.gz")
    try:
        content = file.read_bytes() if file.is_file() else _unpacked(packed, BYTES[file.name])
    except (OSError, EOFError, zlib.error) as error:
        raise DataMissing(
            Message("{packed} cannot be unpacked: {error}", packed=packed, error=error)
        ) from None
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if digest != BLOB_HASHES[file.name]:
        raise DataMissing(
            Message(
                "{file} is damaged or another data set: its hash is {digest}",
                file=file,
                digest=digest,
            )
        )
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4).astype(int)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    return values.reshape(shape).copy()


def _unpacked(packed: Path, size: int) -> bytes:
    with gzip.open(packed) as stream:
        return stream.read(size + 1)  # never more than the data set's file holds
