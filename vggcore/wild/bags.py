"""Randomly drawn bags: handbags and rucksacks, as an outline and inner lines."""

import numpy as np

from vggcore.wild.lines import arc, both, circle, mirrored


def handbag(rng) -> tuple[np.ndarray, list]:
    half_top, half_bottom = rng.uniform(0.25, 0.5), rng.uniform(0.3, 0.5)
    height, top = rng.uniform(0.35, 0.8), rng.uniform(0.15, 0.4)
    half = [(half_top, top), (half_bottom, top + height)]
    if rng.random() < 0.3:  # rounded corners
        half = [
            (half_top * 0.85, top),
            (half_top, top + 0.1 * height),
            (half_bottom, top + 0.85 * height),
            (half_bottom * 0.8, top + height),
        ]
    reach, rise = half_top * rng.uniform(0.35, 1.0), top * rng.uniform(0.5, 1.4)
    inner = [arc((0.5, top), reach, rise)]
    if rng.random() < 0.4:
        inner.append(arc((0.5, top), reach * 0.8, rise * 0.75))
    if rng.random() < 0.5:
        y = top + height * rng.uniform(0.15, 0.5)
        inner.append(np.array([[0.5 - half_top, top], [0.5, y], [0.5 + half_top, top]]))
    elif rng.random() < 0.5:
        y = top + height * rng.uniform(0.1, 0.5)
        inner.append(np.array([[0.5 - half_top, y], [0.5 + half_top, y]]))
    if rng.random() < 0.4:
        inner.append(circle(0.5, top + height * rng.uniform(0.2, 0.5), rng.uniform(0.02, 0.05)))
    return mirrored(half), inner


def rucksack(rng) -> tuple[np.ndarray, list]:
    """A rounded sack with a loop on top and straps: from the front, from behind, from the side."""
    half, height = rng.uniform(0.22, 0.4), rng.uniform(0.65, 1.0)
    round_top = rng.uniform(0.4, 0.9)
    outline = mirrored(
        [
            (0, 0),
            (half * round_top, 0.03),
            (half * 0.95, 0.15),
            (half, height * 0.8),
            (half * rng.uniform(0.7, 1.0), height),
        ]
    )
    inner = []
    if rng.random() < 0.7:
        inner.append(arc((0.5, 0), rng.uniform(0.05, 0.12), rng.uniform(0.05, 0.14)))
    view = rng.random()
    if view < 0.2:  # from behind: two straps from top to bottom
        at, bow = half * rng.uniform(0.3, 0.6), rng.uniform(0.0, 0.12)
        inner += both([[at, 0.05], [at + bow, height * 0.45], [at, height * 0.95]])
        if rng.random() < 0.5:
            inner += both([[at * 0.4, 0.05], [at * 0.4 + bow, height * 0.45], [at * 0.5, height]])
        return outline, inner
    y = height * rng.uniform(0.4, 0.62)
    wide, low = half * rng.uniform(0.5, 0.8), height * rng.uniform(0.85, 1.0)
    if rng.random() < 0.75:  # a pocket, square or round
        curved = rng.random() < 0.4
        pocket = [[0, y], [wide * 0.8, y + 0.04], [wide, y + 0.12], [wide, low], [0, low]]
        inner += both(pocket if curved else [[0, y], [wide, y], [wide, low], [0, low]])
    if rng.random() < 0.5:  # the flap
        down = rng.uniform(0.2, 0.35)
        inner.append(
            np.array([[0.5 - half * 0.9, 0.25], [0.5, 0.05 + down], [0.5 + half * 0.9, 0.25]])
        )
    if rng.random() < 0.3:
        inner.append(circle(0.5, height * rng.uniform(0.25, 0.5), rng.uniform(0.02, 0.05)))
    if view < 0.65:  # straps that stand out: at both sides, or at one when seen from the side
        out, top = rng.uniform(0.08, 0.25), height * rng.uniform(0.05, 0.3)
        bottom = height * rng.uniform(0.7, 1.0)
        loop = [
            [half * 0.9, top],
            [half + out, top + 0.15 * height],
            [half + out * rng.uniform(0.5, 1.0), bottom - 0.15 * height],
            [half * 0.95, bottom],
        ]
        sides = both(loop)
        if rng.random() < 0.5:
            sides = sides[:1]
            if rng.random() < 0.6:  # the second strap behind the first
                sides.append(sides[0] * [0.6, 0.9] + [0.2 - half * 0.4, 0.1 * height])
        inner += sides
    elif view < 0.75:  # straps like ears
        inner += [
            arc((0.5 + side * half * 0.5, 0.03), half * 0.35, rng.uniform(0.1, 0.3))
            for side in (-1, 1)
        ]
    return outline, inner
