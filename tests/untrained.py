"""Checkpoints for tests in which the answer does not matter: random weights, there at once."""

from pathlib import Path

from vggcore.data.classes import CLASSES
from vggcore.data.fashion_mnist import preprocessing
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.network import build


def save_untrained(
    folder: Path, name: str = checkpoints.DEFAULT, seed: int = 0, **way: object
) -> None:
    """A small VGG-11 for 32 px under `folder`, which is made. way: added to its preprocessing."""
    spec = VGGSpec(configuration="A", width="1/16", image_size=32, head="pool")
    card = {"preprocessing": preprocessing(32, "pad") | way, "classes": list(CLASSES)}
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.save(folder / name, build(spec, seed=seed), card)
