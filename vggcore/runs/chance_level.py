"""The classes a run's network learns, and how well guessing would do: from its folder, cheaply."""

import math
from dataclasses import dataclass
from pathlib import Path

from vggcore.data.classes import CLASSES
from vggcore.machine.files import read_json
from vggcore.runs.names import PICTURES


@dataclass(frozen=True)
class Naming:
    """Classes, and what always guessing by their frequency would reach."""

    classes: tuple[str, ...] = CLASSES
    loss: float = math.log(len(CLASSES))  # nats
    accuracy: float = 1 / len(CLASSES)

    @classmethod
    def of(cls, classes: tuple[str, ...], counts: list[int]) -> "Naming":
        """counts: training pictures of each class."""
        shares = [count / sum(counts) for count in counts]
        entropy = -sum(share * math.log(share) for share in shares if share)
        return cls(classes, entropy, max(shares))


GARMENTS = Naming()


def naming_of(path: Path) -> Naming:
    """Of the run in this folder: the ten garments, unless it learns a user's own pictures."""
    facts = read_json(path / PICTURES)
    if facts is None:
        return GARMENTS
    try:
        classes = tuple(map(str, facts["classes"]))
        return Naming.of(classes, [int(count) for count in facts["counts"]])
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return GARMENTS
