"""Computing what `results` reads: answers for all test images, the map, and the latency."""

import json
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from vggcore.answers import evaluation, results, test_data
from vggcore.answers.classifier import load_classifier
from vggcore.answers.results import Results
from vggcore.answers.tsne import principal_axes, tsne
from vggcore.data import fashion_mnist
from vggcore.machine.files import write_atomically
from vggcore.model import checkpoints
from vggcore.model.card import Card
from vggcore.model.network import VGG

MAP_IMAGES = 1200  # of the test set, on the map: as many as a screen can show apart
_MAP_AXES = 32  # principal components of the features that the map is made from
_BATCH = 250  # images between two reports of progress
_TIMED, _WARM_UP = 15, 3  # answers whose median is the latency, after some to warm up

# One computation at a time: two would only slow each other down, and double the memory.
_computing = threading.Lock()


def split_of(card: Card, split: str = "test") -> tuple[Tensor, Tensor]:
    """Images uint8 [N, …] and labels int64 [N] on which a checkpoint is judged.

    Raises DataMissing.
    """
    if test_data.is_own(card):
        images, labels = test_data.own_pictures(card, split)
        return torch.from_numpy(images), torch.from_numpy(labels)
    return fashion_mnist.load_split(split, test_data.dataset_of(card), card.data.split_seed)


def as_trained(images: Tensor, card: Card) -> Tensor:
    """Images of `split_of` as the network gets them; one's own are already in that form."""
    return images if test_data.is_own(card) else evaluation.as_trained(images, card.preprocessing)


def answers_on(network: VGG, card: Card, split: str = "test") -> tuple[Tensor, Tensor]:
    """Logits float32 [N, classes] for all images of a split, and their labels int64 [N].

    Raises DataMissing.
    """
    images, labels = split_of(card, split)
    return evaluation.predict(network, as_trained(images, card), card.preprocessing), labels


def compute(
    name: str | Path = checkpoints.DEFAULT,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Results:
    """A checkpoint's results, as kept; if there are none, computed and kept in the cache.

    `on_progress` receives the share done, 0 to 1. If it raises, the computation ends.
    Raises CheckpointError, DataMissing.
    """
    with _computing:
        if stored := results.cached(name):
            return stored
        card, content = _made(name, on_progress)
    results.keep(results.cache_file(card), content)
    return results.from_bytes(name, card, content)


def build(name: str | Path, on_progress: Callable[[float], None] = lambda share: None) -> Path:
    """Compute the results anew and write them beside the checkpoint; returns the file.

    Raises CheckpointError, DataMissing, FileError.
    """
    with _computing:
        _, content = _made(name, on_progress)
    file = results.beside(name)
    write_atomically(file, content)
    return file


def _made(name: str | Path, on_progress: Callable[[float], None]) -> tuple[Card, bytes]:
    """The card, and the content of a results file."""
    checkpoint = checkpoints.load(name)
    images, labels = split_of(checkpoint.card)
    way = checkpoint.card.preprocessing
    logits, features = [], []
    for number, chunk in enumerate(images.split(_BATCH), start=1):
        seen = as_trained(chunk, checkpoint.card)
        for inputs in evaluation.batches(seen, way):
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
    arrays = {key: value.contiguous().numpy() for key, value in found.items()}
    return checkpoint.card, results.to_bytes(
        checkpoint.card, arrays, results.image_hash(images.numpy())
    )


@torch.inference_mode()
def last_features(network: VGG, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """What the last linear layer looks at [N, units], and its logits [N, classes]."""
    features = network.classifier[:-1](network.features(inputs))
    # Clones: tensors made in inference mode could not be used outside it.
    return features.clone(), network.classifier[-1](features).clone()


def measure_latency(name: str | Path) -> float:
    """Seconds that the network takes for one picture: the median of several, which is kept.

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
    results.keep(results.latency_file(checkpoints.read_card(name)), json.dumps(seconds).encode())
    return seconds
