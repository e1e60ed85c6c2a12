"""The build and posture of made-up people, and outlines around parts of them.

A figure has its own coordinates: the crown at y = 0, the soles at y = 1, the middle at x = 0,
all lengths as shares of its height. Outlines are arrays [N, 2] of x and y there.
"""

from typing import NamedTuple

import numpy as np

from vggcore.wild.lines import mirrored

NECK, SHOULDER, ARMPIT, WAIST, HIP, CROTCH, KNEE, ANKLE = (
    *(0.155, 0.185, 0.27, 0.39),
    *(0.49, 0.53, 0.73, 0.945),
)
_UPPER_ARM, _FOREARM = 0.165, 0.15  # lengths
SKIN = ((255, 224, 196), (241, 194, 160), (224, 172, 125), (160, 110, 75), (92, 60, 42))
_HAIR = ((28, 22, 20), (60, 42, 30), (105, 70, 42), (185, 150, 100), (150, 150, 150))


class Figure(NamedTuple):
    """Somebody's build and posture."""

    broad: float  # half the width at the shoulders
    waist: float  # half the width there
    hip: float
    arms: tuple[np.ndarray, np.ndarray]  # left and right: shoulder, elbow, wrist, [3, 2]
    legs: tuple[np.ndarray, np.ndarray]  # left and right: hip, knee, ankle, [3, 2]
    skin: np.ndarray  # colour [3], 0…255
    hair: np.ndarray


def figure(rng: np.random.Generator) -> Figure:
    """Somebody standing or walking, with arms that hang, rest on the hip or hold something."""
    broad = rng.uniform(0.1, 0.14)
    hip = broad * rng.uniform(0.72, 0.98)
    waist = min(broad, hip) * rng.uniform(0.78, 1.0)
    posture = rng.random()
    stride = rng.uniform(0.03, 0.1) if rng.random() < 0.4 else 0.0
    arms, legs = [], []
    for side in (-1, 1):
        shoulder = np.array([side * (broad - 0.02), SHOULDER + 0.015])
        arms.append(_arm(rng, side, shoulder, posture))
        legs.append(_leg(rng, side, hip, stride))
    skin = np.array(SKIN[rng.integers(len(SKIN))]) * rng.uniform(0.85, 1.05)
    hair = np.array(_HAIR[rng.integers(len(_HAIR))]) * rng.uniform(0.7, 1.2)
    return Figure(
        broad, waist, hip, (arms[0], arms[1]), (legs[0], legs[1]), skin.clip(0, 255), hair
    )


def _arm(rng: np.random.Generator, side: int, shoulder: np.ndarray, posture: float) -> np.ndarray:
    upper, fore = rng.uniform(0.05, 0.35), rng.uniform(-0.2, 0.3)  # radians outwards from down
    right = side > 0
    if posture < 0.2 or (posture < 0.35 and right):  # a hand on the hip or in a pocket
        upper, fore = rng.uniform(0.4, 0.9), -rng.uniform(0.4, 0.9)
    elif posture < 0.5 or (posture < 0.65 and right):  # holding something in front
        upper, fore = rng.uniform(0.05, 0.4), -rng.uniform(1.0, 2.2)
    elbow = shoulder + _UPPER_ARM * np.array([side * np.sin(upper), np.cos(upper)])
    wrist = elbow + _FOREARM * np.array([side * np.sin(fore), np.cos(fore)])
    return np.stack([shoulder, elbow, wrist])


def _leg(rng: np.random.Generator, side: int, hip: float, stride: float) -> np.ndarray:
    apart = rng.uniform(0.0, 0.03)
    back = stride if side > 0 else -0.3 * stride  # a leg behind looks shorter
    shorter = max(back, 0)
    return np.array(
        [
            (side * 0.5 * hip, HIP),
            (side * (0.5 * hip + 0.5 * apart), KNEE - 0.2 * shorter),
            (side * (0.4 * hip + apart) + back, ANKLE - 0.6 * shorter),
        ]
    )


def both_sides(right: list) -> np.ndarray:
    """An outline from its right half, top to bottom, around the figure's own middle."""
    return mirrored(right)[:-1] - [0.5, 0.0]


def limb(points: np.ndarray, widths) -> np.ndarray:
    """Outline of something that follows these points, with the given width at each."""
    points = np.asarray(points, np.float32)
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], 1) * np.asarray(widths)[:, None] / 2
    return np.vstack([points + across, (points - across)[::-1]])


def shortened(points: np.ndarray, widths: np.ndarray, share: float) -> tuple:
    """The first `share` of a path through three points, and the widths along it."""
    kept = np.unique(np.minimum([0.0, 0.5, 1.0], share))
    places = [0.0, 0.5, 1.0]
    line = np.stack([np.interp(kept, places, points[:, axis]) for axis in (0, 1)], 1)
    return line, np.interp(kept, places, widths)


def disc(x: float, y: float, across: float, down: float | None = None) -> np.ndarray:
    """A round or oval thing with these half axes."""
    turn = np.linspace(0, 2 * np.pi, 17)[:-1]
    return np.stack([x + across * np.cos(turn), y + (down or across) * np.sin(turn)], 1)
