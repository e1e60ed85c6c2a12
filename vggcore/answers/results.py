"""A checkpoint's answers to every test image, read from where they were kept. No PyTorch.

`making_results` computes them. They are kept beside the checkpoint (PATH.results.npz, which
comes with shipped networks) or in the cache folder, as plain arrays in half precision (no
pickles), with the SHA-256 of the weights and of the test images, so that they cannot be taken for
another's. A file with anything wrong is ignored.
"""

import hashlib
import json
import re
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np

from vggcore.answers import test_data
from vggcore.answers.scores import Bin, expected_calibration_error, reliability, score, softmax
from vggcore.data.raw_files import DataMissing
from vggcore.machine import hardware, paths
from vggcore.machine.files import FileError, parse_json, write_atomically
from vggcore.machine.messages import Message
from vggcore.model import checkpoints
from vggcore.model.card import Card

VERSION = 3  # of the files: raise it when their content changes
_NEIGHBOURS = 8  # of a visitor's picture on the map
_MAX_BYTES = 20_000_000  # of a file: results of 10,000 images have 0.3 million


@dataclass(frozen=True)
class FeatureMap:
    """The first test images on a plane, close together if the network's last features are alike."""

    places: np.ndarray  # float32 [M, 2]
    mean: np.ndarray  # float32 [units]
    axes: np.ndarray  # float32 [units, A]: features → coordinates
    coordinates: np.ndarray  # float32 [M, A]

    def place(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a picture with these features [units] belongs [2], and its neighbours there [k].

        The place is the mean of its nearest test images, weighted by nearness.
        """
        own = (features - self.mean) @ self.axes
        distances = np.linalg.norm(self.coordinates - own, axis=1)
        nearest = np.argsort(distances, kind="stable")[:_NEIGHBOURS]
        weights = 1 / np.maximum(distances[nearest] ** 2, 1e-9)
        return (weights / weights.sum()) @ self.places[nearest], nearest


@dataclass(frozen=True)
class Results:
    """The test set as one checkpoint sees it. Arrays are in the test set's order."""

    name: str
    card: Card
    logits: np.ndarray = field(repr=False)  # float32 [N, classes], exact to half precision
    labels: np.ndarray = field(repr=False)  # int64 [N]
    map: FeatureMap = field(repr=False)
    images_sha256: str = ""  # of the test images used

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Calibrated by the card's temperature: float32 [N, classes]."""
        return softmax(self.logits / self.card.temperature)

    @cached_property
    def right(self) -> np.ndarray:
        """Which images are named correctly: bool [N]."""
        return self.logits.argmax(1) == self.labels

    @cached_property
    def scores(self) -> dict:
        """See `scores.score`."""
        return score(self.logits, self.labels)

    @cached_property
    def reliability(self) -> list[Bin]:
        """How often answers of each probability are right."""
        return reliability(self.probabilities.max(1), self.right)

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1."""
        return expected_calibration_error(self.probabilities.max(1), self.right)

    @cached_property
    def images(self) -> np.ndarray:
        """The test images themselves: uint8 [N, 28, 28], or one's own, [N, S, S] or [N, S, S, C].

        Raises DataMissing, also if they are not the same images.
        """
        images, _ = test_data.test_pictures(self.card)
        if image_hash(images) != self.images_sha256:
            raise DataMissing(
                Message(
                    "the test images here are not those that {name} was judged on: compute its "
                    "results anew (vggcore results build {name})",
                    name=self.name,
                )
            )
        return images


def image_hash(images: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()


def cached(name: str | Path) -> Results | None:
    """Results that came with the checkpoint or from earlier, or None. Raises CheckpointError."""
    card = checkpoints.read_card(name)
    for file in (beside(name), cache_file(card)):
        with suppress(OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, EOFError):
            if file.stat().st_size <= _MAX_BYTES:
                return from_bytes(name, card, file.read_bytes())
    return None


def beside(name: str | Path) -> Path:
    """The results file that belongs to a checkpoint. Raises CheckpointError."""
    path = checkpoints.find(name)
    return path.with_name(path.name + ".results.npz")


def cache_file(card: Card) -> Path:
    """Where to keep results that cannot or should not be beside the checkpoint."""
    return paths.cache_dir() / "results" / f"{_sha256(card)}-{_short_hash(_way(card))}.npz"


def to_bytes(card: Card, arrays: dict[str, np.ndarray], images_sha256: str) -> bytes:
    """A file's content. arrays: logits [N, classes], labels [N], and `FeatureMap`'s arrays."""
    logits = arrays["logits"]
    halved = {key: value.astype(np.float16) for key, value in arrays.items() if key != "labels"}
    halved["logits"] = _same_answers(logits.astype(np.float16), logits.argmax(1))
    identity = _identity(card) | {"images": images_sha256}
    stream = BytesIO()
    np.savez_compressed(
        stream,
        allow_pickle=False,
        identity=np.array(json.dumps(identity)),
        labels=arrays["labels"].astype(np.uint16),
        **halved,
    )
    return stream.getvalue()


def _same_answers(half: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Half-precision logits that still name the same classes, raised by a bit if necessary."""
    rows = np.arange(len(half))
    while len(off := np.flatnonzero(half.argmax(1) != named)):
        half[off, named[off]] = np.nextafter(half[off, named[off]], np.float16(np.inf))
    return half[rows]


def from_bytes(name: str | Path, card: Card, content: bytes) -> Results:
    """The results in a file. Raises KeyError or ValueError if they do not fit the card."""
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        identity = parse_json(str(arrays["identity"]))
        columns = {key: arrays[key] for key in arrays.files if key != "identity"}
    images = identity.pop("images")
    if identity != _identity(card):
        raise ValueError(Message("these are the results of other weights"))
    labels = columns["labels"].astype(np.int64)
    numbers = {key: value.astype(np.float32) for key, value in columns.items()}
    made = Results(
        name=str(name),
        card=card,
        logits=numbers["logits"],
        labels=labels,
        map=FeatureMap(**{key: numbers[key] for key in ("places", "mean", "axes", "coordinates")}),
        images_sha256=images,
    )
    if made.logits.shape != (len(labels), len(card.classes)) or not len(labels):
        raise ValueError(Message("logits and labels do not fit each other"))
    return made


def _identity(card: Card) -> dict:
    return {"version": VERSION, "weights": _sha256(card), "way": _way(card)}


def _way(card: Card) -> str:
    """What results depend on besides the weights."""
    return json.dumps([test_data.dataset_of(card), card.preprocessing.to_dict()], sort_keys=True)


def _sha256(card: Card) -> str:
    """The card's hash, for a file's name. Raises CheckpointError if it is not a valid hash."""
    sha256 = card.sha256
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise checkpoints.CheckpointError(
            Message("the card's sha256 is not a SHA-256 in hexadecimal")
        )
    return sha256


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def latency(name: str | Path) -> float | None:
    """Seconds that one answer takes on this machine, if measured before; else None.

    Raises CheckpointError.
    """
    file = latency_file(checkpoints.read_card(name))
    try:
        return float(parse_json(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def latency_file(card: Card) -> Path:
    # An answer that also looks at the mirror image takes twice as long.
    on = json.dumps([hardware.processor(), card.preprocessing.to_dict()], sort_keys=True)
    return paths.cache_dir() / "latency" / f"{_sha256(card)}-{_short_hash(on)}.json"


def keep(file: Path, content: bytes) -> None:
    """Write a cache file. If that fails, it only costs time later."""
    with suppress(OSError, FileError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)
