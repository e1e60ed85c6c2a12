"""Checkpoints for tests in which the answer does not matter: random weights, made at once."""

import json
from dataclasses import replace
from pathlib import Path

from vggcore.data.classes import CLASSES
from vggcore.data.fashion_mnist import preprocessing
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card, TrainedOn
from vggcore.model.network import build
from vggcore.model.recipe import OWN


def bare_card(spec: VGGSpec) -> Card:
    """A card that says no more than it must."""
    classes = CLASSES if spec.num_classes == 10 else tuple(map(str, range(spec.num_classes)))
    return Card(spec=spec, preprocessing=preprocessing(spec.image_size, "pad"), classes=classes)


def scored_card(spec: VGGSpec, **scores: object) -> str:
    """The card of a network that is only its scores, as it is written."""
    return json.dumps(replace(bare_card(spec), sha256="0" * 64, **scores).to_dict())


def save_untrained(
    folder: Path,
    name: str = checkpoints.DEFAULT,
    seed: int = 0,
    classes: tuple[str, ...] = CLASSES,
    **way: object,
) -> None:
    """A small VGG-11 for 32 px in `folder`, made if missing. way: added to its preprocessing."""
    spec = VGGSpec(
        configuration="A", width="1/16", image_size=32, head="pool", num_classes=len(classes)
    )
    data = TrainedOn() if classes == CLASSES else TrainedOn(name=OWN)
    way_of_32 = replace(preprocessing(32, "pad"), **way)
    card = Card(spec=spec, preprocessing=way_of_32, classes=classes, data=data)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.save(folder / name, build(spec, seed=seed), card)
