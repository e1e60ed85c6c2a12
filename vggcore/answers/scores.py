"""How often answers are right, and how sure they are, from logits and labels. No PyTorch."""

import math
from typing import NamedTuple

import numpy as np

BINS = 15
TOP5_ABOVE = 20  # classes: with more, the five most probable ones count, too


class Bin(NamedTuple):
    """One bar of a reliability diagram."""

    low: float
    high: float
    images: int
    confidence: float  # mean probability of the answers in this bin
    accuracy: float  # share of them that are right


class ClassScores(NamedTuple):
    """How well one class is told from the others. Shares of nothing count as 0."""

    precision: float  # share that is right, of what was named so
    recall: float  # share that was found, of this class
    f1: float  # harmonic mean of the two
    images: float  # of this class


def softmax(logits) -> np.ndarray:
    """Probabilities of logits [N, C], in the logits' precision."""
    logits = np.asarray(logits)
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def score(logits, labels) -> dict:
    """`accuracy`, `loss` (mean cross-entropy, nats), `n`, and `confusion` (rows: true class).

    With more than `TOP5_ABOVE` classes also `top5`: how often it is among the five likeliest.
    logits: float [N, C]; labels: int [N]. Arrays, or tensors on the CPU.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    classes = logits.shape[1]
    predicted = logits.argmax(1)
    confusion = np.bincount(labels * classes + predicted, minlength=classes**2)
    largest = logits.max(1)
    summed = largest + np.log(np.exp(logits - largest[:, None]).sum(1))
    own = logits[np.arange(len(labels)), labels]
    top5 = {}
    if classes > TOP5_ABOVE:
        top5 = {"top5": float(((logits > own[:, None]).sum(1) < 5).mean())}
    return top5 | {
        "accuracy": float((predicted == labels).sum() / len(labels)),
        "loss": float((summed - own).mean()),
        "n": len(labels),
        "confusion": confusion.reshape(classes, classes).tolist(),
    }


def class_scores(confusion: list[list[int]]) -> list[ClassScores]:
    """One row per class of a confusion matrix whose rows are the true classes."""
    counts = np.asarray(confusion, np.float64)
    right, actual, named = counts.diagonal(), counts.sum(1), counts.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = (right / named, right / actual, 2 * right / (actual + named), actual)
    rows = zip(*(np.nan_to_num(column).tolist() for column in columns), strict=True)
    return [ClassScores(*row) for row in rows]


def wilson_interval(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The interval in which an accuracy probably lies, 95 % with the default z (Wilson, 1927)."""
    share, slack = right / n, z * z / n
    middle = (share + slack / 2) / (1 + slack)
    reach = z * math.sqrt(share * (1 - share) / n + slack / (4 * n)) / (1 + slack)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def difference_interval(a_right, b_right, z: float = 1.96) -> tuple[float, float, float]:
    """How much more accurate `a` is than `b` on the same images: (difference, low, high).

    a_right, b_right: bool [N]. Pairing counts only the images on which the two differ.
    """
    a_right, b_right = np.asarray(a_right), np.asarray(b_right)
    n = len(a_right)
    only_a = int((a_right & ~b_right).sum())
    only_b = int((b_right & ~a_right).sum())
    difference = (only_a - only_b) / n
    reach = z * math.sqrt(only_a + only_b - (only_a - only_b) ** 2 / n) / n
    return difference, difference - reach, difference + reach


def worst_mistakes(probabilities, labels) -> np.ndarray:
    """Indices int64 [M] of the wrongly named images, most confidently wrong first."""
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")]


def in_cell(probabilities, labels, true: int, named: int) -> np.ndarray:
    """Indices of the images of class `true` that were named `named`, most confident first."""
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    inside = np.flatnonzero((labels == true) & (probabilities.argmax(1) == named))
    return inside[np.argsort(-probabilities[inside, named], kind="stable")]


def reliability(probabilities, correct, bins: int = BINS) -> list[Bin]:
    """Answers sorted into bins of equal width by probability; empty bins are left out.

    probabilities: float [N], of the class that was named; correct: bool [N].
    """
    probabilities, correct = np.asarray(probabilities, np.float64), np.asarray(correct)
    index = (probabilities * bins).astype(int).clip(0, bins - 1)
    result = []
    for k in np.unique(index).tolist():
        inside = index == k
        result.append(
            Bin(
                low=k / bins,
                high=(k + 1) / bins,
                images=int(inside.sum()),
                confidence=float(probabilities[inside].mean()),
                accuracy=float(correct[inside].astype(np.float64).mean()),
            )
        )
    return result


def expected_calibration_error(probabilities, correct, bins: int = BINS) -> float:
    """Mean distance between probability and accuracy over the bins, weighted by their counts."""
    total = len(probabilities)
    return sum(
        bar.images / total * abs(bar.confidence - bar.accuracy)
        for bar in reliability(probabilities, correct, bins)
    )
