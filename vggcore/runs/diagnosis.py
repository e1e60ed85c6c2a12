"""What the curves of a run tell: NaN, chance level, memorising, overfitting, a plateau."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vggcore.machine.messages import Message
from vggcore.runs.chance_level import GARMENTS, Naming
from vggcore.runs.metrics import as_number

_ALIKE = 1e-3  # standard deviation of a normalised pixel over a batch
_MOSTLY = 0.9  # share of a block's channels
_BY_HEART = 0.9  # accuracy on the training pictures
_FADED = 1e-3  # share of the largest gradient
_ENOUGH_STEPS = 150  # by then, a network that can learn has started to
_MOVES = 0.004  # nats by which a moving loss has fallen in that time


def stuck_at_chance(steps: pd.DataFrame, naming: Naming = GARMENTS) -> int | None:
    """The newest step of a run whose answers are at chance and stay there; otherwise None.

    A network that learns slowly still moves: its loss falls, if only in the third decimal.
    """
    if len(steps) < 6 or steps["step"].iloc[-1] < _ENOUGH_STEPS:
        return None
    recent = steps[steps["step"] > steps["step"].iloc[-1] - _ENOUGH_STEPS]
    losses, third = recent["train_loss"].to_numpy(), max(1, len(recent) // 3)
    falls = losses[:third].mean() - losses[-third:].mean() > _MOVES
    guesses = abs(losses.mean() - naming.loss) < 4 * _MOVES
    right = recent["train_accuracy"].mean() < naming.accuracy + 0.03
    return int(steps["step"].iloc[-1]) if guesses and right and not falls else None


def why_stuck(rows: list[dict]) -> str:
    """What the newest gradients and units say about a run stuck at chance; "" without such rows."""
    if not rows:
        return ""
    gradients, dead = rows[-1]["gradients"], rows[-1]["dead"]
    worst = int(np.argmax(dead))
    if rows[-1]["spread"] < _ALIKE:
        return Message("All pictures of a batch are nearly the same: they cannot be distinguished.")
    if dead[worst] > _MOSTLY:
        return Message(
            "In block {block}, {share:.0%} of the channels are dead: their ReLU lets nothing "
            "through for any picture.",
            block=worst + 1,
            share=dead[worst],
        )
    if gradients[0] < _FADED * max(gradients, default=0):
        return Message(
            "Vanishing gradient: in block 1 it is {ratio:.0e} of the largest.",
            ratio=gradients[0] / max(gradients),
        )
    return Message(
        "Gradients reach block 1 and units are alive: the learning rate may be far too "
        "large, or the labels may not match the pictures."
    )


@dataclass(frozen=True)
class Alert:
    """Something about a run's curves that deserves a look."""

    kind: str  # "nan", "chance", "memorised", "plateau", "overfitting"
    message: str


def _memorised(epoch: dict, naming: Naming) -> Alert | None:
    """Alert if a network has memorised its training images and guesses on all others."""
    known, others = as_number(epoch.get("train_accuracy")), as_number(epoch.get("val_accuracy"))
    chance = naming.accuracy
    pictures = sum(map(sum, epoch.get("confusion") or []))  # with few, guessing may get more right
    luck = math.sqrt(chance * (1 - chance) / pictures) if pictures else 0.0
    guessed = chance + max(0.1 * (1 - chance), luck)
    if not (known >= _BY_HEART and others <= guessed):  # false for NaN
        return None
    return Alert(
        "memorised",
        Message(
            "It is memorising the training images ({known:.0%} of them are right), and "
            "only guesses on those it has not seen ({others:.0%}). Do the labels match the "
            "pictures?",
            known=known,
            others=others,
        ),
    )


def alerts(epochs: list[dict], steps: pd.DataFrame, naming: Naming = GARMENTS) -> list[Alert]:
    """What is worth saying about the curves so far, for a run that learns these classes."""
    messages = []
    if len(steps) and not np.isfinite(steps["train_loss"]).all():
        first = int(steps["step"][~np.isfinite(steps["train_loss"])].iloc[0])
        messages.append(
            Alert(
                "nan",
                Message(
                    "The loss stopped being a finite number at step {first:,}: try a lower "
                    "learning rate.",
                    first=first,
                ),
            )
        )
    if (step := stuck_at_chance(steps, naming)) is not None:
        messages.append(
            Alert(
                "chance",
                Message(
                    "Still at chance: after {step:,} steps the loss is {loss:.3f}, no "
                    "better than guessing, and does not move. Some deep networks begin to "
                    "learn late; if it stays like this, try batch norm, a smaller learning "
                    "rate, or starting from a shallower network (init_from).",
                    step=step,
                    loss=naming.loss,
                ),
            )
        )
        return messages
    if epochs and (memorised := _memorised(epochs[-1], naming)):
        return [*messages, memorised]
    losses = np.array([as_number(row.get("val_loss")) for row in epochs])
    if not np.isfinite(losses).any():
        return messages
    best = int(np.nanargmin(losses))
    since = len(losses) - 1 - best
    train = np.array([as_number(row.get("train_loss")) for row in epochs])
    if since >= 3 and train[-1] < train[best] and losses[-1] > 1.02 * losses[best]:
        messages.append(
            Alert(
                "overfitting",
                Message(
                    "Overfitting since epoch {best}: validation loss rises while training loss "
                    "falls. More augmentation or fewer epochs would help; the best epoch is kept.",
                    best=best + 1,
                ),
            )
        )
    elif since >= max(5, len(losses) // 4):
        messages.append(
            Alert(
                "plateau",
                Message(
                    "Plateau: validation loss has not improved since epoch {best}.", best=best + 1
                ),
            )
        )
    return messages
