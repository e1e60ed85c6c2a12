"""Lines that made-up garments are drawn with.

Arrays [N, 2] of x (right) and y (down) in a unit square.
"""

import numpy as np


def mirrored(right: list) -> np.ndarray:
    """A closed outline from its right half: points (distance from the middle, y), top to bottom."""
    half = np.array(right, np.float32)
    left = half[::-1] * [-1, 1]
    line = np.vstack([half, left, half[:1]])
    return line + [0.5, 0.0]


def circle(x: float, y: float, radius: float) -> np.ndarray:
    """A small round thing: closed line [9, 2]."""
    t = np.linspace(0, 2 * np.pi, 9)
    return np.stack([x + radius * np.cos(t), y + radius * np.sin(t)], 1)


def both(line, x: float = 0.5) -> list[np.ndarray]:
    """A line given from the middle outwards, and its mirror image."""
    line = np.array(line, np.float32)
    return [line * [side, 1] + [x, 0] for side in (-1, 1)]


def is_closed(line: np.ndarray) -> bool:
    return len(line) > 3 and bool(np.allclose(line[0], line[-1]))


def turned(line: np.ndarray, angle: float) -> np.ndarray:
    """The line turned about the middle of the unit square. angle: radians."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (line - 0.5) @ turn + 0.5


def arc(foot: tuple[float, float], reach: float, rise: float) -> np.ndarray:
    """A handle: half an ellipse that stands on `foot`, `reach` to either side, `rise` high."""
    t = np.linspace(0, np.pi, 13)
    return np.stack([foot[0] + reach * np.cos(t), foot[1] - rise * np.sin(t)], 1)
