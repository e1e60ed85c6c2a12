"""What a checkpoint makes of every test image, computed once and kept on disk.

The cache's file is named after the SHA-256 of the weights, so that it can never belong to other
ones, and holds plain arrays (no pickles). Whatever is wrong with such a file, it is computed anew.
"""

import json
import re
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vggcore import checkpoints, data, evaluation, paths

VERSION = 1  # of the cache's files: raise it when what they hold changes
_BATCH = 250  # images between two reports of progress

# One computation at a time: two would only slow each other down, and double the memory.
_computing = threading.Lock()


@dataclass(frozen=True)
class Results:
    """The test set through the eyes of one checkpoint. Arrays are in the test set's order."""

    name: str
    card: dict
    dataset: str  # "fashion-mnist" or "synthetic"
    logits: Tensor = field(repr=False)  # float32 [N, classes]
    labels: Tensor = field(repr=False)  # int64 [N]

    @cached_property
    def probabilities(self) -> Tensor:
        """Calibrated by the card's temperature: float32 [N, classes]."""
        return (self.logits / (self.card.get("temperature") or 1.0)).softmax(1)

    @cached_property
    def predicted(self) -> Tensor:
        """The most probable class of each image: int64 [N]."""
        return self.logits.argmax(1)

    @cached_property
    def scores(self) -> dict:
        """See `evaluation.score`."""
        return evaluation.score(self.logits, self.labels)


def dataset_of(card: dict) -> str:
    """On which test set a checkpoint is judged: the synthetic one if it learnt on that."""
    return "synthetic" if card.get("data", {}).get("name") == "synthetic" else "fashion-mnist"


def test_images(card: dict) -> tuple[Tensor, Tensor]:
    """Images uint8 [N, 28, 28] and labels int64 [N] on which a checkpoint is judged.

    Raises DataMissing.
    """
    return data.load_split("test", dataset_of(card), card.get("data", {}).get("split_seed", 0))


def cached(name: str | Path) -> Results | None:
    """What an earlier `compute` has kept, or None. Raises CheckpointError."""
    card = checkpoints.read_card(name)
    try:
        with np.load(_cache_file(card), allow_pickle=False) as arrays:
            found = {key: torch.from_numpy(arrays[key]) for key in ("logits", "labels")}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return Results(name=str(name), card=card, dataset=dataset_of(card), **found)


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
    card = checkpoint.card
    images, labels = test_images(card)
    logits = []
    for chunk in images.split(_BATCH):
        seen = evaluation.as_trained(chunk, card["preprocessing"])
        logits.append(evaluation.predict(checkpoint.network, seen, card["preprocessing"]))
        on_progress(len(logits) * _BATCH / len(images))
    logits = torch.cat(logits)
    buffer = BytesIO()
    np.savez(buffer, logits=logits.numpy(), labels=labels.numpy())
    _keep(_cache_file(card), buffer.getvalue())
    return Results(
        name=str(name), card=card, dataset=dataset_of(card), logits=logits, labels=labels
    )


def _cache_file(card: dict) -> Path:
    """Raises CheckpointError where the card's hash is none: it becomes a file's name."""
    sha256 = str(card["sha256"])
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise checkpoints.CheckpointError("the card's sha256 is not a SHA-256 in hexadecimal")
    # What is judged depends on these as well.
    way = json.dumps([dataset_of(card), card["preprocessing"]], sort_keys=True)
    return paths.cache_dir() / "results" / f"{sha256}-{_short_hash(way)}-v{VERSION}.npz"


def _short_hash(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _keep(file: Path, content: bytes) -> None:
    """A cache that cannot be written costs time, and nothing else."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        checkpoints.write_atomically(file, content)
    except (OSError, checkpoints.CheckpointError):
        pass
