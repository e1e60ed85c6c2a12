"""The pictures that a checkpoint is tested on: Fashion-MNIST's test set, or a user's own."""

from functools import lru_cache

import numpy as np

from vggcore.data import raw_files
from vggcore.data.raw_files import DataMissing
from vggcore.machine.messages import Message
from vggcore.model.card import Card
from vggcore.model.recipe import OWN


def is_own(card: Card) -> bool:
    """Whether a checkpoint was trained on a user's own pictures and classes."""
    return card.data.name == OWN


def dataset_of(card: Card) -> str:
    """Which test set a checkpoint is judged on: the synthetic one if it was trained on that."""
    return card.data.name if card.data.name in ("synthetic", OWN) else "fashion-mnist"


def test_pictures(card: Card) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [N, S, S] or [N, S, S, C], labels int64 [N]. Raises DataMissing."""
    if is_own(card):
        return own_pictures(card, "test")
    return raw_files.test_split(dataset_of(card), card.data.split_seed)


def own_pictures(card: Card, split: str, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The same for any split, as the network gets them; at most `most`, from across the split.

    Raises DataMissing.
    """
    way = card.preprocessing
    source = str(card.train.get("pictures") or "")
    seed = card.data.split_seed
    return _own(card.data.sha256, source, way.image_size, way.style, split, seed, most)


@lru_cache(maxsize=4)
def _own(
    sha256: str, source: str, size: int, style: str, split: str, seed: int, most: int | None
) -> tuple[np.ndarray, np.ndarray]:
    from vggcore.data.own import prepared

    form = prepared.Form(size, style)
    pictures = prepared.of_content(sha256, form)
    try:
        if pictures is None and source:
            pictures = prepared.prepared(source, form)
        if pictures is not None and pictures.sha256 == sha256:
            chosen = pictures.part(split, seed)
            if most is not None and most < len(chosen):
                chosen = chosen[np.linspace(0, len(chosen) - 1, most).astype(int)]
            return pictures.images[chosen], pictures.labels[chosen]
    except ValueError as error:
        raise DataMissing(
            Message("the network's own pictures are not here: {error}", error=error)
        ) from None
    raise DataMissing(
        Message(
            "the pictures in {source} are not those that this network has learnt: they have "
            "changed since",
            source=source,
        )
    )
