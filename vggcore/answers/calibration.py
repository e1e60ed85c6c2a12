"""Calibration: the temperature, and the thresholds below which to answer "unsure".

The results are kept in a network's card: `temperature`, by which its logits are divided, and
`unsure`, the thresholds. `evidence` is the largest of the ten logits: networks trained with the
`wild` preset learn to keep them all low if there is no garment. `probability` is the best class's
calibrated one. Drawings show less of a garment than photos do, so they have a threshold of
their own.
"""

from dataclasses import replace

import torch
from torch import Tensor

from vggcore.answers.scores import expected_calibration_error
from vggcore.model.card import Thresholds

# Share of correctly named validation garments, of any kind, that may be called unsure. A class's
# own threshold is often lower, so that of all photos about 6% are.
ALLOWED_UNSURE = 0.11
# The same share within any one class named: its threshold is lowered if necessary.
ALLOWED_OF_A_CLASS = 0.1
ALLOWED_OF_OWN = 0.09  # the same share, of a user's own classes
_FEW = 5  # good garments: nothing is known of a class with fewer
DRAWN = ("fashion-mnist", "sketches")  # kinds of pictures that `pictures.prepare` calls drawn
# Largest calibration errors allowed, by kind of picture.
ECE_LIMITS = {"fashion-mnist": 0.03, "photos": 0.08}
_CLEAR = 0.35  # calibrated probability below which no single class is named with confidence
NO_THRESHOLDS = Thresholds()  # for cards without `unsure`
_MANY, _ROOM = 20, 2.0  # good pictures that make a share; with fewer: spreads below the lowest
_ENOUGH, _TRUSTED = 200, (0.5, 5.0)  # validation pictures; limits of the temperature with fewer
_NEIGHBOURS = 5  # temperatures on either side of one whose errors count with its own


def fit_temperature(logits: Tensor, right: Tensor) -> float:
    """The temperature that makes the logits' probabilities most likely.

    logits: float [N, C]; right: bool [N, C], the classes that count as right for each picture
    (several, if its true class is only known to be one of them). Deterministic search.
    """
    right = right.to(torch.bool)
    logits = logits.double()

    def loss(log_temperature: float) -> float:
        scaled = (logits / torch.tensor(log_temperature).exp()).log_softmax(1)
        return -torch.logsumexp(scaled.masked_fill(~right, -torch.inf), 1).mean().item()

    low, high = -2.3, 2.3  # temperatures 0.1 to 10
    golden = 0.6180339887
    for _ in range(40):
        left, middle = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, middle) if loss(left) < loss(middle) else (left, high)
    return float(torch.tensor((low + high) / 2).exp())


def evidence(logits: Tensor) -> Tensor:
    """How much evidence there is for a garment of any class: [..., C] to [...]."""
    return logits.amax(-1)


def thresholds(garments: Tensor, temperature: float, allowed: float) -> Thresholds:
    """Thresholds at which at most a share `allowed` of these garments is called unsure.

    garments: logits float [N, C] of good garments that were not trained on.
    """
    confident = (garments / temperature).softmax(-1).amax(-1) >= _CLEAR
    spare = allowed - (~confident).float().mean().item()
    judged = garments[confident] if confident.any() else garments
    limit = evidence(judged).quantile(max(spare, 0.0)).item()
    return Thresholds(evidence=round(limit, 4), probability=_CLEAR, allowed=allowed)


def calibrate_classes(logits: Tensor, labels: Tensor) -> dict:
    """Card entries `temperature` and `unsure` for classes about which little may be known.

    logits: float [N, C] on validation pictures; labels: int64 [N]. A class with many good
    pictures gets the threshold below which a share `ALLOWED_OF_OWN` of them lies. With few
    pictures that share cannot be measured: the threshold is then some way below the lowest, by
    the spread of good pictures within all classes. A network that names none correctly gets none.
    """
    right = torch.nn.functional.one_hot(labels, logits.shape[1])
    good = logits.argmax(1) == labels
    strengths, named = evidence(logits[good]), labels[good]
    temperature = fit_temperature(logits, right)
    if len(labels) < _ENOUGH:  # few pictures, all of them right, would allow any certainty
        temperature = min(max(temperature, _TRUSTED[0]), _TRUSTED[1])
    temperature = round(temperature, 4)
    if not len(strengths):
        return {"temperature": temperature}
    # Both limits together may call this many unsure: with many classes few answers are clear.
    sure = (logits[good] / temperature).softmax(1).amax(1)
    clear = min(_CLEAR, sure.quantile(ALLOWED_OF_OWN / 2).item())
    spare = ALLOWED_OF_OWN - (sure < clear).float().mean().item()
    own = {int(label): strengths[named == label] for label in named.unique()}
    within = torch.cat([each - each.mean() for each in own.values()])
    degrees = max(1, len(within) - len(own))
    spread = (within.square().sum() / degrees).sqrt().item() if len(within) > len(own) else 1.0

    def needed(each: Tensor) -> float:
        if len(each) >= _MANY:
            return each.quantile(max(spare, 0.0)).item()
        return each.min().item() - _ROOM * spread

    limits = {label: needed(each) for label, each in own.items()}
    lowest = min(limits.values())
    by_class = tuple(round(limits.get(c, lowest), 4) for c in range(logits.shape[1]))
    unsure = Thresholds(
        evidence=round(lowest, 4),
        by_class=by_class,
        probability=round(clear, 4),
        allowed=ALLOWED_OF_OWN,
    )
    return {"temperature": temperature, "unsure": unsure}


def calibrate(answers: dict[str, tuple[Tensor, Tensor]]) -> dict:
    """Card entries `temperature` and `unsure` from answers on validation pictures.

    answers: by kind of picture, logits float [N, C] and which classes count as right, bool [N, C].
    No kind of garment is called unsure more often than allowed. A network that names none
    correctly gets no thresholds; one that was also judged on photos gets one for drawings.
    """
    temperature = balanced_temperature(answers)
    good = {kind: x[is_right(x, right).bool()] for kind, (x, right) in answers.items()}
    choices = {
        kind: thresholds(logits, temperature, ALLOWED_UNSURE)
        for kind, logits in good.items()
        if len(logits)
    }
    drawn = [kind for kind in choices if kind in DRAWN]
    others = [kind for kind in choices if kind not in DRAWN]
    kinds = others or drawn
    lowest = min((choices[kind] for kind in kinds), key=lambda one: one.evidence, default=None)
    if lowest and others and drawn:
        lowest = replace(
            lowest,
            by_class=_lowest_by_class(good, choices, others),
            drawings=_lowest_by_class(good, choices, drawn),
        )
    return {"temperature": temperature, "unsure": lowest}


def _lowest_by_class(
    good: dict[str, Tensor], choices: dict[str, Thresholds], kinds: list[str]
) -> tuple[float, ...]:
    """For each class, the lowest evidence that any of these kinds of pictures requires."""

    def needed(kind: str, label: int) -> float:
        own = evidence(good[kind][good[kind].argmax(1) == label])
        usual = choices[kind].evidence
        return usual if len(own) < _FEW else min(usual, own.quantile(ALLOWED_OF_A_CLASS).item())

    classes = next(iter(good.values())).shape[1]
    return tuple(round(min(needed(kind, c) for kind in kinds), 4) for c in range(classes))


def balanced_temperature(answers: dict[str, tuple[Tensor, Tensor]]) -> float:
    """The temperature at which the worst calibration error, as a share of its limit, is smallest.

    One temperature serves all. Because of broad labels, a network that is just right on
    Fashion-MNIST, whose likelihood alone would decide otherwise, is too modest on photos. With a
    few hundred photos the error jumps between temperatures, so neighbours are judged together.
    """

    def worst(temperature: float) -> float:
        errors = {
            kind: expected_calibration_error(
                (logits / temperature).softmax(1).amax(1), is_right(logits, right)
            )
            for kind, (logits, right) in answers.items()
            if kind in ECE_LIMITS
        }
        return max(error / ECE_LIMITS[kind] for kind, error in errors.items())

    tried = [hundredths / 100 for hundredths in range(50, 200, 2)]
    errors = [worst(temperature) for temperature in tried]

    def around(place: int) -> float:
        near = errors[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1]
        return sum(near) / len(near)

    return tried[min(range(len(tried)), key=around)]


def is_right(logits: Tensor, right: Tensor) -> Tensor:
    """Which answers name one of the classes that count as right: float [N], 1 or 0."""
    return right.gather(1, logits.argmax(1, keepdim=True)).squeeze(1).float()


def doubts(
    logits: Tensor, temperature: float, unsure: Thresholds | None, drawn: bool | Tensor = False
) -> tuple[Tensor, Tensor]:
    """Which of these answers [..., C] show no garment, and which no single class, bool [...].

    unsure: thresholds of the network's card; None if it has none. drawn: whether the pictures
    are drawings, one value for all or bool [...].
    """
    limits = unsure or NO_THRESHOLDS
    chances = (logits / temperature).softmax(-1).amax(-1)
    best, labels = logits.max(-1)
    drawings, others = (
        torch.tensor(limits.evidence_for(kind, logits.shape[-1]))[labels] for kind in (True, False)
    )
    needed = torch.where(torch.as_tensor(drawn), drawings, others)
    return best < needed, chances < limits.probability


def is_unsure(
    logits: Tensor, temperature: float, unsure: Thresholds | None, drawn: bool | Tensor = False
) -> Tensor:
    """Which of these answers [N, C] fall below one of a card's thresholds: bool [N]."""
    no_garment, unclear = doubts(logits, temperature, unsure, drawn)
    return no_garment | unclear
