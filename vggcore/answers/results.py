"""What a checkpoint makes of every test image, computed once and kept on disk.

The cache's file is named after the SHA-256 of the weights, so that it can never belong to other
ones, and holds plain arrays (no pickles). Whatever is wrong with such a file, it is computed anew.
"""

import hashlib
import json
import re
import statistics
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vggcore.answers import doubt, evaluation
from vggcore.answers.classifier import load_classifier
from vggcore.answers.tsne import principal_axes, tsne
from vggcore.data import fashion_mnist
from vggcore.machine import devices, paths
from vggcore.machine.files import FileError, write_atomically
from vggcore.model import checkpoints
from vggcore.model.card import Card
from vggcore.model.network import VGG

VERSION = 2  # of the cache's files: raise it when what they hold changes
MAP_IMAGES = 1200  # of the test set, on the map: as many as a screen can keep apart
_MAP_AXES = 32  # principal components of the features that the map is made from
_NEIGHBOURS = 8  # of a visitor's picture on the map
_BATCH = 250  # images between two reports of progress
_TIMED, _WARM_UP = 15, 3  # answers of which the latency is the median, after some to warm up

# One computation at a time: two would only slow each other down, and double the memory.
_computing = threading.Lock()


@dataclass(frozen=True)
class FeatureMap:
    """The first test images on a plane, near where the network's last features are alike."""

    places: Tensor  # float32 [M, 2]
    mean: Tensor  # float32 [units]
    axes: Tensor  # float32 [units, A]: features → coordinates
    coordinates: Tensor  # float32 [M, A]

    def place(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Where a picture with these features [units] belongs [2], and its neighbours there [k].

        The middle of its nearest test images, weighted by their nearness.
        """
        own = (features - self.mean) @ self.axes
        distances = (self.coordinates - own).norm(dim=1)
        nearest = distances.topk(min(_NEIGHBOURS, len(distances)), largest=False).indices
        weights = 1 / distances[nearest].square().clamp(min=1e-9)
        return (weights / weights.sum()) @ self.places[nearest], nearest


@dataclass(frozen=True)
class Results:
    """The test set through the eyes of one checkpoint. Arrays are in the test set's order."""

    name: str
    card: Card
    logits: Tensor = field(repr=False)  # float32 [N, classes]
    labels: Tensor = field(repr=False)  # int64 [N]
    map: FeatureMap = field(repr=False)

    @cached_property
    def probabilities(self) -> Tensor:
        """Calibrated by the card's temperature: float32 [N, classes]."""
        return (self.logits / self.card.temperature).softmax(1)

    @cached_property
    def right(self) -> Tensor:
        """Which images are named correctly: bool [N]."""
        return self.logits.argmax(1) == self.labels

    @cached_property
    def scores(self) -> dict:
        """See `evaluation.score`."""
        return evaluation.score(self.logits, self.labels)

    @cached_property
    def reliability(self) -> list[doubt.Bin]:
        """How often answers of each probability are right."""
        return doubt.reliability(self.probabilities.amax(1), self.right)

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1."""
        return doubt.expected_calibration_error(self.probabilities.amax(1), self.right)


def dataset_of(card: Card) -> str:
    """On which test set a checkpoint is judged: the synthetic one if it learnt on that."""
    return "synthetic" if card.data.name == "synthetic" else "fashion-mnist"


def split_of(card: Card, split: str = "test") -> tuple[Tensor, Tensor]:
    """Images uint8 [N, 28, 28] and labels int64 [N] on which a checkpoint is judged.

    Raises DataMissing.
    """
    return fashion_mnist.load_split(split, dataset_of(card), card.data.split_seed)


def cached(name: str | Path) -> Results | None:
    """What an earlier `compute` has kept, or None. Raises CheckpointError."""
    card = checkpoints.read_card(name)
    file = _cache_file(card)
    try:
        with np.load(BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
            found = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
        return _results(name, card, found)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def compute(
    name: str | Path = checkpoints.DEFAULT,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Results:
    """Results of a checkpoint, from the cache where they are there.

    `on_progress` receives the share done, 0 to 1. What it raises ends the computation.
    Raises CheckpointError, DataMissing.
    """
    with _computing:
        return cached(name) or _compute(name, on_progress)


def _compute(name: str | Path, on_progress: Callable[[float], None]) -> Results:
    checkpoint = checkpoints.load(name)
    images, labels = split_of(checkpoint.card)
    way = checkpoint.card.preprocessing
    logits, features = [], []
    for number, chunk in enumerate(images.split(_BATCH), start=1):
        seen = evaluation.as_trained(chunk, way)
        inputs = fashion_mnist.to_network_input(seen, way)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        last, answers = last_features(checkpoint.network, inputs)
        with torch.no_grad():
            logits.append(evaluation.with_mirror(answers, checkpoint.network, inputs, way))
        if (number - 1) * _BATCH < MAP_IMAGES:
            features.append(last)
        on_progress(0.8 * min(1.0, number * _BATCH / len(images)))
    mapped = torch.cat(features)[:MAP_IMAGES]
    mean, axes = principal_axes(mapped, _MAP_AXES)
    coordinates = (mapped - mean) @ axes
    places = tsne(coordinates, on_progress=lambda share: on_progress(0.8 + 0.2 * share))
    found = {
        "logits": torch.cat(logits),
        "labels": labels,
        "places": places,
        "mean": mean,
        "axes": axes,
        "coordinates": coordinates,
    }
    buffer = BytesIO()
    arrays = {key: value.contiguous().numpy() for key, value in found.items()}
    np.savez(buffer, allow_pickle=False, **arrays)
    _keep(_cache_file(checkpoint.card), buffer.getvalue())
    return _results(name, checkpoint.card, found)


@torch.inference_mode()
def last_features(network: VGG, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """What the last linear layer looks at [N, units], and its logits [N, classes]."""
    features = network.classifier[:-1](network.features(inputs))
    # Clones: tensors made in inference mode could not be used outside of it.
    return features.clone(), network.classifier[-1](features).clone()


def _results(name: str | Path, card: Card, found: dict[str, Tensor]) -> Results:
    """Raises KeyError or ValueError where arrays are missing or do not fit each other."""
    made = Results(
        name=str(name),
        card=card,
        logits=found["logits"],
        labels=found["labels"],
        map=FeatureMap(**{key: found[key] for key in ("places", "mean", "axes", "coordinates")}),
    )
    if made.logits.shape != (len(made.labels), len(card.classes)):
        raise ValueError("logits and labels do not fit each other")
    return made


def latency(name: str | Path) -> float | None:
    """Seconds that one answer takes on this machine, as once measured; None if it was not.

    Raises CheckpointError.
    """
    file = _latency_file(checkpoints.read_card(name))
    try:
        return float(json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def measure_latency(name: str | Path) -> float:
    """Seconds for one picture through the network: the median of some, which is then kept.

    Raises CheckpointError.
    """
    classifier = load_classifier(name)
    network, spec = classifier.network, classifier.network.spec
    picture = torch.zeros(1, spec.in_channels, spec.image_size, spec.image_size)
    times = []
    with torch.inference_mode(), _computing:
        for _ in range(_WARM_UP + _TIMED):
            started = time.perf_counter()
            evaluation.answer(network, picture, classifier.preprocessing)
            times.append(time.perf_counter() - started)
    seconds = statistics.median(times[_WARM_UP:])
    _keep(_latency_file(checkpoints.read_card(name)), json.dumps(seconds).encode())
    return seconds


def _latency_file(card: Card) -> Path:
    # An answer that looks at the mirror image too takes twice as long.
    on = json.dumps(
        [devices.describe(torch.device("cpu")), card.preprocessing.to_dict()], sort_keys=True
    )
    return paths.cache_dir() / "latency" / f"{_sha256(card)}-{_short_hash(on)}.json"


def _cache_file(card: Card) -> Path:
    # The weights, and what else the results depend on.
    way = json.dumps([dataset_of(card), card.preprocessing.to_dict()], sort_keys=True)
    file = f"{_sha256(card)}-{_short_hash(way)}-v{VERSION}.npz"
    return paths.cache_dir() / "results" / file


def _sha256(card: Card) -> str:
    """Raises CheckpointError where the card's hash is none: it becomes part of a file's name."""
    sha256 = card.sha256
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise checkpoints.CheckpointError("the card's sha256 is not a SHA-256 in hexadecimal")
    return sha256


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _keep(file: Path, content: bytes) -> None:
    # A cache that cannot be written costs time, and nothing else.
    with suppress(OSError, FileError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)
