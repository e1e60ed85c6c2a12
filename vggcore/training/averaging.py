"""Averaging the weights of two checkpoints of one network (WiSE-FT, arXiv 2109.01903).

A network that was trained further on new pictures knows them better, and often the old ones less
well. Between the two lie networks that are better on both taken together, provided that one was
trained from the other.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch.optim.swa_utils import update_bn

import vggcore
from vggcore.answers import evaluation, making_results
from vggcore.machine.messages import Message
from vggcore.model import checkpoints
from vggcore.model.card import Card
from vggcore.model.checkpoints import Checkpoint, CheckpointError
from vggcore.model.network import VGG
from vggcore.model.recipe import TrainConfig
from vggcore.training.calibrating import calibration_of
from vggcore.training.data import make_training_data

_BATCHES = 60  # of training pictures, for batch norm's means and variances


def average(first: str | Path, second: str | Path, share: float, path: Path) -> Card:
    """Save the mean of two checkpoints' weights at PATH; returns its card.

    share: of the second, between 0 and 1. Batch norm's means and variances are estimated anew: the
    averaged weights give other activations than either network's. The card is the second's, with a
    new test accuracy and calibration, and names both. Raises CheckpointError if they do not fit
    each other, DataMissing, FileError.
    """
    one, other = checkpoints.load(first), checkpoints.load(second)
    _check_alike(one, other)
    state = other.network.state_dict()
    for name, weights in one.network.state_dict().items():
        if weights.is_floating_point():
            state[name] = torch.lerp(weights, state[name], share)
    other.network.load_state_dict(state)
    if other.card.spec.batch_norm:
        _estimate_batch_norm(other.network, other.card)
    logits, labels = making_results.answers_on(other.network, other.card)
    parts = [
        {"name": checkpoints.stem(name), "sha256": each.card.sha256, "share": round(part, 4)}
        for name, each, part in ((first, one, 1 - share), (second, other, share))
    ]
    card = replace(
        other.card,
        name=path.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code_version=vggcore.__version__,
        val_accuracy=None,
        best_epoch=None,
        others=other.card.others | {"averaged": parts},
        test_accuracy=round(evaluation.score(logits, labels)["accuracy"], 4),
        **calibration_of(other.network, other.card),
    )
    return checkpoints.save(path, other.network, card)


def _check_alike(one: Checkpoint, other: Checkpoint) -> None:
    for what in ("spec", "preprocessing", "classes"):
        if getattr(one.card, what) != getattr(other.card, what):
            raise CheckpointError(
                Message(
                    "{first} and {second} cannot be averaged: their cards differ in {what}",
                    first=one.name,
                    second=other.name,
                    what=what,
                )
            )


def _estimate_batch_norm(network: VGG, card: Card) -> None:
    """Take the means and variances of batch norm from the first batches of the card's recipe."""
    data = make_training_data(card.spec, TrainConfig.from_dict(card.train), torch.device("cpu"))
    update_bn((data.batch(step)[0] for step in range(_BATCHES)), network)
    network.eval()
