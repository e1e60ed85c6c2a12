"""Finding a checkpoint's temperature and thresholds anew, on its validation pictures."""

from dataclasses import replace
from pathlib import Path

import torch.nn.functional as F

from vggcore.answers import calibration, making_results, test_data
from vggcore.data.classes import CLASSES
from vggcore.machine.files import write_json
from vggcore.machine.messages import Message
from vggcore.model import checkpoints
from vggcore.model.card import Card
from vggcore.model.checkpoints import CheckpointError
from vggcore.model.network import VGG
from vggcore.wild.validation import Validation


def calibrate(name: str | Path) -> tuple[Card, Card]:
    """Calibrate a checkpoint anew and write its card; returns the card before and after.

    Raises CheckpointError, DataMissing, FileError.
    """
    checkpoint = checkpoints.load(name)
    before, path = checkpoint.card, checkpoint.path
    after = replace(before, **calibration_of(checkpoint.network, before))
    if checkpoints.read_card(path).sha256 != before.sha256:  # by a run, which is still training
        raise CheckpointError(Message("{name} is being replaced: try again", name=path))
    write_json(path.with_name(path.name + ".json"), after.to_dict())
    return before, after


def calibration_of(network: VGG, card: Card) -> dict:
    """Entries of the card: temperature and thresholds. Raises CheckpointError, DataMissing."""
    way = card.preprocessing
    if card.data.name == "wild":
        seed, style = card.data.split_seed, way.style
        held = Validation.load(way.image_size, seed, style=style, middle=way.middle)
        return held.calibration(network, way)
    if not test_data.is_own(card) and card.classes != CLASSES:
        raise CheckpointError(
            Message("the card does not say which pictures the network was trained on")
        )
    logits, labels = making_results.answers_on(network, card, "validation")
    if test_data.is_own(card):
        return calibration.calibrate_classes(logits, labels)
    right = F.one_hot(labels, logits.shape[1])
    return {"temperature": round(calibration.fit_temperature(logits, right), 4)}
