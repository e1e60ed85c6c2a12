"""Randomly drawn shoes: closed ones and sandals, from the side, from above and obliquely.

Each function gives an outline and inner lines, as `shapes.template` does.
"""

import numpy as np

from vggcore.data.classes import Label
from vggcore.wild.lines import both, circle, is_closed, turned


def closed_shoe(rng: np.random.Generator, label: int, above: float) -> tuple[np.ndarray, list]:
    """A sneaker or an ankle boot. above: share of those seen from above."""
    if rng.random() < above:
        return _from_above(rng, label)
    if label == Label.SNEAKER and rng.random() < 0.15:
        return slip_on(rng)
    return _as_drawn(rng, label) if rng.random() < 0.25 else _from_the_side(rng, label)


def _from_the_side(rng, label: int) -> tuple[np.ndarray, list]:
    """Side view, the toe on the left."""
    shaft = rng.uniform(0.32, 0.45) if label == Label.SNEAKER else rng.uniform(0.58, 1.05)
    sole, opening = rng.uniform(0.03, 0.12), rng.uniform(0.26, 0.42)
    toe = rng.uniform(0.16, 0.28)
    front = 1 - opening
    slope = [(0.02, toe * 0.5), (0.1, toe), (front * 0.6, toe * rng.uniform(1.1, 1.4))]
    instep = rng.uniform(0.3, 0.42) if label == Label.SNEAKER else rng.uniform(0.32, 0.5)
    upper = [(0, 0), *slope, (front, min(instep, shaft)), (front + rng.uniform(-0.04, 0.06), shaft)]
    back = [(1 + rng.uniform(-0.04, 0.03), shaft * rng.uniform(0.92, 1.05)), (1, 0)]
    heel = []
    if label == Label.ANKLE_BOOT and rng.random() < 0.55:
        height = rng.uniform(0.05, 0.25)
        heel = [(1, -height), (rng.uniform(0.72, 0.9), -height), (rng.uniform(0.68, 0.8), 0)]
    points = np.array([*upper, *back, *heel, (0, 0)], np.float32)
    outline = np.array([0, shaft], np.float32) + points * [1, -1]
    inner = []
    if rng.random() < 0.65:
        inner.append(np.array([[0.0, shaft - sole], [1.0, shaft - sole]]))
    if label == Label.SNEAKER or rng.random() < 0.3:
        for t in np.linspace(0.15, 0.95, int(rng.integers(0, 5))):
            x, y = front * (0.55 + 0.45 * t), shaft - toe * 1.15 - t * (instep - toe * 1.15)
            inner.append(np.array([[x, y], [x + 0.1, y + 0.06]]))
    if label == Label.ANKLE_BOOT and rng.random() < 0.3:
        inner.append(np.array([[front, shaft * 0.15], [1.0, shaft * 0.15]]))
    return outline, inner


def slip_on(rng) -> tuple[np.ndarray, list]:
    """Side view of a low shoe without laces, the toe on the left."""
    shaft, sole = rng.uniform(0.26, 0.36), rng.uniform(0.04, 0.11)
    opening = rng.uniform(0.38, 0.55)
    toe = rng.uniform(0.12, 0.2)
    front = 1 - opening
    tongue = min(shaft, rng.uniform(0.24, 0.34))
    low = rng.uniform(0.72, 0.95) * shaft  # beside the ankle
    upper = [(0, 0), (0.01, toe * 0.6), (0.09, toe), (front * 0.6, 0.5 * (toe + tongue))]
    upper += [(front, tongue), (front + 0.4 * opening, low), (1 + rng.uniform(-0.03, 0.02), shaft)]
    points = np.array([*upper, (1, 0), (0, 0)], np.float32)
    outline = np.array([0, shaft], np.float32) + points * [1, -1]
    inner = []
    if rng.random() < 0.85:
        inner.append(np.array([[0.0, shaft - sole], [1.0, shaft - sole]]))
    if rng.random() < 0.6:  # elastic beside the tongue
        x, wide = front + rng.uniform(0.02, 0.08), rng.uniform(0.06, 0.12)
        y = shaft - tongue + 0.02
        inner.append(np.array([[x, y], [x + 0.3 * wide, y + 0.1], [x + wide, y + 0.02], [x, y]]))
    if rng.random() < 0.4:  # the seam of the toe's part
        x = front * rng.uniform(0.6, 0.9)
        inner.append(np.array([[x, shaft - 0.5 * (toe + tongue)], [x + 0.08, shaft - sole]]))
    return outline, inner


def _as_drawn(rng, label: int) -> tuple[np.ndarray, list]:
    """The shape of a quick sketch: a foot, a leg, mostly open on top; the toe on the left."""
    leg, foot = rng.uniform(0.28, 0.5), rng.uniform(0.14, 0.3)
    shaft = rng.uniform(0.28, 0.6) if label == Label.SNEAKER else rng.uniform(0.55, 1.1)
    bend = np.linspace(-np.pi / 2, np.pi / 2, 7)
    toe = np.stack([foot * 0.5 * (1 - np.cos(bend)), shaft - foot * 0.5 * (1 - np.sin(bend))], 1)
    ankle = [1 - leg + rng.uniform(-0.06, 0.06), shaft - foot * rng.uniform(1.0, 1.3)]
    front = [[1 - leg + rng.uniform(-0.08, 0.03), 0], ankle]
    back = [[1, shaft], [1 + rng.uniform(-0.05, 0.05), 0]]
    outline = np.array([*front, *toe, *back], np.float32)
    if rng.random() < 0.5:
        outline = np.vstack([outline, outline[:1]])
    inner = []
    if rng.random() < 0.35:
        y = shaft - rng.uniform(0.03, 0.08)
        inner.append(np.array([[0.02, y], [1.0, y]]))
    if rng.random() < 0.35:
        for t in np.linspace(0.2, 1, int(rng.integers(2, 5))):
            x, y = ankle[0] * t, shaft - foot + (ankle[1] - shaft + foot) * t
            inner.append(np.array([[x - 0.03, y - 0.04], [x + 0.06, y + 0.06]]))
    return outline, inner


def _from_above(rng, label: int) -> tuple[np.ndarray, list]:
    """A closed shoe as its owner sees it, the toe up: opening, laces, toe cap."""
    ball, waist, heel = rng.uniform(0.15, 0.22), rng.uniform(0.11, 0.17), rng.uniform(0.11, 0.17)
    if label == Label.ANKLE_BOOT:
        heel *= rng.uniform(1.0, 1.35)
    y = np.linspace(0, 1, 21)
    half = np.interp(
        y,
        [0, 0.04, 0.14, 0.32, 0.6, 0.84, 0.96, 1],
        [0.3 * ball, 0.6 * ball, 0.88 * ball, ball, waist, heel, 0.8 * heel, 0.3 * heel],
    )
    middle = 0.5 + rng.uniform(-0.05, 0.05) * np.sin(np.pi * y)
    right, left = np.stack([middle + half, y], 1), np.stack([middle - half, y], 1)[::-1]
    outline = np.vstack([right, left, right[:1]])

    length = rng.uniform(0.13, 0.24) if label == Label.SNEAKER else rng.uniform(0.1, 0.2)
    centre = 0.95 - length
    wide = heel * rng.uniform(0.55, 0.85)
    inner = [circle(0, 0, 1.0) * [wide, length] + [0.5, centre]]
    throat = centre - length  # where laces begin
    laces = (
        int(rng.integers(2, 7)) if rng.random() < (0.8 if label == Label.SNEAKER else 0.5) else 0
    )
    reach = rng.uniform(0.04, 0.1)
    start = rng.uniform(0.24, 0.36)
    for at in np.linspace(start + 0.03, throat, laces):
        slant = rng.uniform(-0.02, 0.02)
        inner.append(np.array([[0.5 - reach, at - slant], [0.5 + reach, at + slant]]))
    if laces and rng.random() < 0.6:  # the edges that the laces pull together
        inner += both([[reach * 0.8, start], [max(reach, wide * 0.8), throat + length * 0.5]])
    if rng.random() < 0.4:  # toe cap
        arc, low = np.linspace(-1, 1, 9), rng.uniform(0.14, 0.24)
        inner.append(np.stack([0.5 + 0.85 * ball * arc, low + 0.06 * (arc**2 - 1)], 1))
    if rng.random() < 0.4:  # the sole's rim
        inner += [np.stack([0.5 + side * 0.88 * half, y], 1)[2:-2] for side in (-1, 1)]
    return outline, inner


def sandal(rng) -> tuple[np.ndarray, list]:
    kind = rng.random()
    if kind < 0.22:
        return sandal_from_above(rng)
    if kind < 0.48:
        return _obliquely(rng, *sandal_from_above(rng))
    if kind < 0.66:
        return sandal_with_upper(rng)
    return flip_flop(rng) if kind < 0.76 else _strappy_sandal(rng)


def sandal_from_above(rng) -> tuple[np.ndarray, list]:
    """A sole and a V of straps, or bands across it; alone or a pair, pointing anywhere."""
    t = np.linspace(0, 2 * np.pi, 25)
    width = rng.uniform(0.15, 0.26) * (1 + rng.uniform(0.0, 0.25) * np.cos(t + 0.3))
    sole = np.stack([0.5 + width * np.sin(t), 0.5 - 0.5 * np.cos(t)], 1)
    toe, y = rng.uniform(0.06, 0.28), rng.uniform(0.3, 0.6)
    reach = width.mean() * rng.uniform(0.85, 1.1)
    if rng.random() < 0.35:  # bands
        first = rng.uniform(0.15, 0.3)
        bands = [first, first + rng.uniform(0.08, 0.2)][: int(rng.integers(1, 3))]
        straps = [np.array([[0.5 - reach, at], [0.5 + reach, at + 0.05]]) for at in bands]
    else:  # straight, or bent outwards
        bow = rng.uniform(0, 0.06) if rng.random() < 0.5 else 0.0
        straps = both([[0, toe], [reach * 0.5 + bow, (toe + y) / 2 - bow], [reach, y]])
    if rng.random() < 0.5:  # the pair
        apart = rng.uniform(0.2, 0.3)
        lines = [turned(line - [apart, 0], rng.normal(0, 0.15)) for line in (sole, *straps)]
        sole, *others = [line + [apart, 0] for line in (sole, *straps)]
        straps = [*others, *lines]
    angle = rng.uniform(-1.6, 1.6) if rng.random() < 0.5 else 0.0
    return turned(sole, angle), [turned(line, angle) for line in straps]


def _obliquely(rng, sole: np.ndarray, lines: list) -> tuple[np.ndarray, list]:
    """Sandals as seen by a person standing before them: shorter, the straps above the soles.

    sole, lines: seen from above; closed lines are other soles. The near edge of a sole shows how
    thick it is.
    """
    flat, thick, rise = rng.uniform(0.55, 0.9), rng.uniform(0.01, 0.07), rng.uniform(0.04, 0.2)

    def with_edge(line: np.ndarray) -> np.ndarray:
        low, lowest = line[:, 1] > line[:, 1].mean(), [0, thick]
        return line * [1, flat] + low[:, None] * lowest

    drawn_lines = []
    for line in lines:
        if is_closed(line):
            drawn_lines.append(with_edge(line))
            continue
        at, along = np.linspace(0, 1, 9), np.linspace(0, 1, len(line))
        strap = np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], 1)
        drawn_lines.append(strap * [1, flat] - np.outer(np.sin(np.pi * at), [0, rise]))
    return with_edge(sole), drawn_lines


def _footbed(rng, lift: float) -> tuple[np.ndarray, np.ndarray]:
    """Side view of a sole, the toe on the left: its upper edge, and its lower one backwards.

    lift: how much higher the heel is than the toe.
    """
    thick = rng.uniform(0.03, 0.09)
    x = np.linspace(0, 1, 9)
    bed = 0.6 - lift * np.clip((x - 0.3) / 0.6, 0, 1) ** 1.5
    bottom = np.stack([x, bed + thick], 1)[::-1]
    if lift > 0.12:  # a heel
        bottom = np.vstack([[(1.0, 0.66), (0.93, 0.66), (0.88, bed[-2] + thick)], bottom[2:]])
    return np.stack([x, bed], 1), bottom


def _strappy_sandal(rng) -> tuple[np.ndarray, list]:
    """Side view: straps over the foot, and often one around the ankle."""
    top, bottom = _footbed(rng, rng.uniform(0.0, 0.45))
    straps = []
    for x0 in rng.uniform(0.1, 0.85, int(rng.integers(2, 5))):
        span, rise = rng.uniform(0.08, 0.22), rng.uniform(0.1, 0.3)
        t = np.linspace(0, 1, 7)
        y0 = np.interp(x0, *top.T)
        straps.append(np.stack([x0 + span * t, y0 - rise * np.sin(np.pi * t)], 1))
    if rng.random() < 0.5:
        heel = top[-1, 1]
        straps.append(np.array([[1.0, heel], [0.98, heel - 0.3], [0.7, top[-3, 1] - 0.25]]))
    return np.vstack([top, bottom, top[:1]]), straps


def flip_flop(rng) -> tuple[np.ndarray, list]:
    """Side view: a flat sole, and the strap from between the toes to both sides."""
    top, bottom = _footbed(rng, rng.uniform(0.0, 0.1))
    toe, side = rng.uniform(0.12, 0.28), rng.uniform(0.48, 0.68)
    high = np.array([toe + rng.uniform(0.3, 0.6) * (side - toe), 0.6 - rng.uniform(0.1, 0.22)])
    straps = []
    for nearer in (0.0, rng.uniform(0.03, 0.12)):  # that of the far side is seen below the near one
        end = np.array([side - nearer, 0.6])
        straps.append(np.array([[toe, 0.6], high + [0, 0.4 * nearer], (high + end) / 2, end]))
    return np.vstack([top, bottom, top[:1]]), straps


def sandal_with_upper(rng) -> tuple[np.ndarray, list]:
    """Side view: a closed toe or broad band, the heel open or held, background seen between."""
    lift = rng.uniform(0.0, 0.3)
    top, bottom = _footbed(rng, lift)
    closed_toe = rng.random() < 0.6
    first = -0.01 if closed_toe else rng.uniform(0.08, 0.2)
    last = rng.uniform(0.36, 0.5) if closed_toe else first + rng.uniform(0.25, 0.42)
    rise = rng.uniform(0.14, 0.26)

    def bed(x: float) -> float:
        return float(np.interp(x, *top.T))

    t = np.linspace(0, 1, 9)
    if closed_toe:  # steep at the toe, highest where the opening begins
        arch = np.sin(0.5 * np.pi * t) ** rng.uniform(0.6, 1.1)
    else:
        arch = np.sin(np.pi * (0.12 + 0.76 * t)) ** 0.7
    x = first + (last - first) * t
    upper = np.stack([x, np.interp(x, *top.T) - rise * arch], 1)
    front = [] if closed_toe else [tuple(point) for point in top[top[:, 0] < first]]
    back, straps = [], []
    if rng.random() < (0.75 if closed_toe else 0.3):  # what holds the heel
        start, high = rng.uniform(0.72, 0.86), rng.uniform(0.16, 0.32)
        back = [(start, bed(start)), (start + 0.05, bed(start) - 0.8 * high)]
        back += [(1.0, bed(1.0) - high), (1.01, bed(1.0))]
        if rng.random() < 0.7:  # a strap from it over the instep
            way = [back[1], ((last + start) / 2, bed(last) - rise - 0.06), tuple(upper[-1])]
            straps.append(np.array(way))
    else:
        back = [(1.0, bed(1.0))]
    between = [(last + 0.01, bed(last)), *(tuple(p) for p in top if last < p[0] < back[0][0])]
    edge = [*front, *upper, *between, *back]
    outline = np.vstack([edge, bottom, edge[:1]])
    if rng.random() < 0.4:  # a second band over the first
        middle = first + (last - first) * rng.uniform(0.4, 0.75)
        straps.append(np.array([[middle, bed(middle) - 0.85 * rise], [middle + 0.05, bed(middle)]]))
    return outline, straps
