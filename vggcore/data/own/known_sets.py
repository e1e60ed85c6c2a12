"""Small public data sets by name, through torchvision: digits, letters, and CIFAR-10."""

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
from PIL import Image

from vggcore.data.own.listing import Listing, ListingBuilder, PicturesError
from vggcore.machine import paths
from vggcore.machine.messages import Message

# By our name: number of pictures, over all splits, and of classes, known before reading anything.
NAMES = {
    "mnist": (70_000, 10),
    "kmnist": (70_000, 10),
    "qmnist": (120_000, 10),
    "emnist-letters": (145_600, 26),
    "cifar-10": (60_000, 10),
}
_CLASSES = {"mnist": "MNIST", "kmnist": "KMNIST", "qmnist": "QMNIST", "cifar-10": "CIFAR10"}


def listing(name: str) -> Listing:
    """The set's pictures with its own test split. Raises PicturesError."""
    builder = ListingBuilder(name)
    for split, training in (("", True), ("test", False)):
        images, labels, classes = _arrays(name, training, str(paths.data_dir()))
        for number, label in enumerate(labels):
            place = f"{'train' if training else 'test'}/{number:05}"
            builder.add(place, classes[label], name, _reader(images, number), split=split)
    return builder.listing()


def _reader(images: np.ndarray, number: int) -> Callable[[], Image.Image]:
    return lambda: Image.fromarray(images[number]).convert("RGB")


@lru_cache(maxsize=2)
def _arrays(name: str, training: bool, root: str) -> tuple[np.ndarray, list[int], list[str]]:
    """Images uint8 [N, S, S] or [N, S, S, 3], labels, and names of the classes."""
    from torchvision import datasets

    if name == "emnist-letters":
        make: Callable = partial(datasets.EMNIST, split="letters")
    else:
        make = getattr(datasets, _CLASSES[name])
    try:
        made = make(root, train=training, download=True)
    except (OSError, RuntimeError) as error:
        raise PicturesError(
            Message(
                "{name} is not in {root} and could not be downloaded ({error}): put its files "
                "there as torchvision keeps them, or point VGGCORE_DATA at them",
                name=name,
                root=root,
                error=str(error)[:200],
            )
        ) from None
    images = np.asarray(made.data)
    targets = np.asarray(made.targets)
    labels = (targets[:, 0] if targets.ndim > 1 else targets).tolist()  # QMNIST has eight columns
    classes = list(map(str, made.classes))
    if name == "emnist-letters":
        # Its files store columns before rows, and count the letters from 1; 0 is "N/A".
        images = images.transpose(0, 2, 1)
        classes = [letter.upper() for letter in classes]
    return images, labels, classes
