"""How garments of each class are cut: outlines and seams, drawn by chance for the `wild` preset.

Fashion-MNIST knows few hoodies, tank tops, blazers or rucksacks; here are the cuts that photos
and drawings show. Lines are arrays [N, 2] of x (right) and y (down) in a unit square. The same
generator state gives the same garment.
"""

import numpy as np
from PIL import Image, ImageDraw

from vggcore.data.classes import Label

T_SHIRT, TROUSER, PULLOVER, DRESS, COAT, SANDAL, SHIRT, SNEAKER, BAG, ANKLE_BOOT = Label
TOPS = (T_SHIRT, PULLOVER, COAT, SHIRT)
SHOES = (SANDAL, SNEAKER, ANKLE_BOOT)
SEWN_SIDE = 96  # pixels


def template(
    rng: np.random.Generator, label: int, from_above: float = 0.15
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A garment of this class: outline and inner lines; those that end where they began are closed.

    from_above: share of closed shoes seen from above, as most photos show them and few drawings.
    """
    if label == T_SHIRT and rng.random() < 0.45:
        return _sleeveless(rng)
    if label in TOPS:
        return _top(rng, label)
    if label in (SNEAKER, ANKLE_BOOT):
        if rng.random() < from_above:
            return _shoe_from_above(rng, label)
        if label == SNEAKER and rng.random() < 0.15:
            return _slip_on(rng)
        return _plain_shoe(rng, label) if rng.random() < 0.25 else _closed_shoe(rng, label)
    if label == BAG and rng.random() < 0.35:
        return _rucksack(rng)
    return {DRESS: _dress, TROUSER: _trouser, SANDAL: _sandal, BAG: _bag}[Label(label)](rng)


def sewn(rng: np.random.Generator, label: int) -> tuple[np.ndarray, np.ndarray]:
    """A template in cloth: shade uint8 [S, S], and where the garment is, bool [S, S].

    Creases, seams and trims are lighter or darker than the cloth around them; what a closed line
    goes around, such as a shoe's opening, often is as a whole.
    """
    outline, lines = template(rng, label, from_above=0.55)
    everything = np.vstack([outline, *lines])
    low, high = everything.min(axis=0), everything.max(axis=0)
    factor, side = 2, SEWN_SIDE
    scale = (side - 6) * factor / (high - low).max()
    offset = (side * factor - (low + high) * scale) / 2

    def place(line: np.ndarray) -> list[tuple]:
        return [tuple(point) for point in line * scale + offset]

    mask = Image.new("L", (side * factor, side * factor), 0)
    pen = ImageDraw.Draw(mask)
    pen.polygon(place(outline), fill=255)
    strap = 0
    if label in (SANDAL, BAG):  # straps, handles and the other shoe reach beyond the outline
        broad = label == SANDAL and rng.random() < 0.35
        strap = int(rng.integers(16, 40) if broad else rng.integers(3, 12))
        for line in lines:
            if label == SANDAL and _is_closed(line):
                pen.polygon(place(line), fill=255)
            pen.line(place(line), fill=255, width=strap, joint="curve")
    base = rng.uniform(120, 220)
    cloth = Image.new("L", mask.size, int(base))
    pen = ImageDraw.Draw(cloth)
    contrast = rng.uniform(15, 90) * rng.choice([-1, 1])
    for line in lines:
        if rng.random() < 0.85:
            tone = int(np.clip(base + contrast * rng.uniform(0.5, 1.3), 20, 255))
            if _is_closed(line):
                if label != SANDAL and rng.random() < 0.7:
                    pen.polygon(place(line), fill=tone)
                continue
            width = strap if label == SANDAL else int(rng.integers(2, 6))
            pen.line(place(line), fill=tone, width=width, joint="curve")
    shade = np.asarray(cloth.reduce(factor), np.float32)
    creased = shade + creases(rng, side) * rng.uniform(2, 28)
    return np.clip(creased, 12, 255).astype(np.uint8), np.asarray(mask.reduce(factor)) > 127


def _is_closed(line: np.ndarray) -> bool:
    return len(line) > 3 and bool(np.allclose(line[0], line[-1]))


def creases(rng: np.random.Generator, side: int) -> np.ndarray:
    """Soft folds, mostly along the garment: float32 [side, side], spread about 1."""
    cells = (int(rng.integers(3, 8)), int(rng.integers(4, 14)))
    small = rng.normal(0, 1, cells).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC))


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


def _both(line, x: float = 0.5) -> list[np.ndarray]:
    """A line given from the middle outwards, and its mirror image."""
    line = np.array(line, np.float32)
    return [line * [side, 1] + [x, 0] for side in (-1, 1)]


def _neckline(neck: float, depth: float) -> np.ndarray:
    """The arc from one side of the neck to the other."""
    arc = np.linspace(-1, 1, 9)
    return np.stack([0.5 + neck * arc, depth * (1 - arc**2)], 1)


def _sleeve(shoulder: np.ndarray, angle: float, length: float, cuff: float) -> list[np.ndarray]:
    """Both corners of its end. angle: down from level, radians."""
    end = shoulder + np.array([np.cos(angle), np.sin(angle)]) * length
    return [end, end + np.array([-np.sin(angle), np.cos(angle)]) * cuff]


def _straps(neck: float, depth: float, strap: float, armpit: tuple) -> tuple[list, list]:
    """Right half of what hangs from straps: neckline, and from there to the armpit."""
    neckline = [(0, depth), (neck * 0.7, depth * 0.8), (neck, 0), (neck + strap, 0)]
    return neckline, [(neck + strap + 0.01, armpit[1] * 0.6), armpit]


def _top(rng, label: int) -> tuple[np.ndarray, list]:
    """Outline and inner lines of a T-shirt, shirt, pullover or coat."""
    long = {T_SHIRT: 0.0, SHIRT: 0.5, PULLOVER: 0.97, COAT: 0.97}[Label(label)] > rng.random()
    hood = rng.random() < {PULLOVER: 0.45, COAT: 0.15}.get(Label(label), 0.0)
    body, neck = rng.uniform(0.17, 0.27), rng.uniform(0.06, 0.12)
    hem = rng.uniform(0.72, 1.0) if label != COAT else rng.uniform(0.7, 1.15)
    length = rng.uniform(0.36, 0.75) if long else rng.uniform(0.1, 0.28)
    angle = rng.uniform(0.25, 1.35) if long else rng.uniform(0.1, 1.1)  # down from level
    cuff = rng.uniform(0.07, 0.14)
    if rng.random() < 0.25:  # short and broad, as hands in a hurry draw all tops
        body, hem = rng.uniform(0.2, 0.34), rng.uniform(0.5, 0.8)
        length = rng.uniform(0.3, 0.55) if long else rng.uniform(0.08, 0.2)
        angle, cuff = rng.uniform(0.05, 1.1), rng.uniform(0.09, 0.2)
    shoulder = np.array([body + rng.uniform(-0.02, 0.02), rng.uniform(0.02, 0.08)])
    sleeve = end, below = _sleeve(shoulder, angle, length, cuff)
    armpit = (body, min(shoulder[1] + rng.uniform(0.17, 0.26), hem - 0.2))
    flare = body * rng.uniform(0.9, 1.15 if label != COAT else 1.5)
    collar: list[tuple[float, float]] = [(neck, 0)]
    depth = rng.uniform(0.03, 0.14)
    if hood:
        high, wide = rng.uniform(0.14, 0.26), rng.uniform(0.1, 0.17)
        collar = [(0, -high), (wide * 0.7, -high * 0.9), (wide, -high * 0.45), (neck, 0.02)]
    elif rng.random() < {T_SHIRT: 0.3, PULLOVER: 0.3}.get(Label(label), 0.0):  # the neck cut out
        collar = [(0, depth), (neck * 0.7, depth * 0.6), (neck, 0)]
    elif rng.random() < {PULLOVER: 0.15, COAT: 0.2}.get(Label(label), 0.0):  # a collar that stands
        collar = [(neck * 0.9, -rng.uniform(0.04, 0.1)), (neck, 0)]
    if label == COAT and rng.random() < 0.07:  # a body warmer
        sleeve = []
    outline = mirrored([*collar, shoulder, *sleeve, armpit, (flare, hem)])
    inner = [_neckline(neck, depth)]
    if hood:
        inner.append(_neckline(neck, -0.7 * high))
        if rng.random() < 0.6:
            inner += _both([[0.03, depth], [rng.uniform(0.02, 0.05), depth + 0.15]])
    if label in (SHIRT, COAT):
        inner += _front(rng, label, neck, depth, hem, zipped=hood)
    elif hood and rng.random() < 0.4:
        inner.append(np.array([[0.5, depth], [0.5, hem]]))
    if label == COAT:
        inner += _coat_details(rng, body, hem)
    if label == PULLOVER and hood and rng.random() < 0.7:  # the pocket for both hands
        wide, y = rng.uniform(0.09, 0.15), hem * rng.uniform(0.62, 0.72)
        pocket = [[wide * 0.6, y], [wide, y + 0.12], [wide, hem - 0.06]]
        inner += [*_both(pocket), np.array([[0.5 - wide * 0.6, y], [0.5 + wide * 0.6, y]])]
    if label == PULLOVER and rng.random() < 0.6:
        inner.append(np.array([[0.5 - flare, hem - 0.07], [0.5 + flare, hem - 0.07]]))
        back = (end - shoulder) * (0.06 / length)
        inner += _both([end - back, below - back])
    if label in (T_SHIRT, PULLOVER) and rng.random() < 0.2:
        inner.append(circle(0.5, hem * 0.5, rng.uniform(0.04, 0.1)))
    if rng.random() < 0.25:  # where the sleeves are sewn on
        inner += _both([shoulder, armpit])
    return outline, inner


def _front(rng, label: int, neck: float, depth: float, hem: float, zipped: bool) -> list:
    """What closes a shirt or coat: a line down the front, collar or lapels, buttons."""
    inner = []
    if rng.random() < 0.9:
        inner.append(np.array([[0.5, depth], [0.5, hem]]) + [rng.uniform(-0.01, 0.03), 0])
    if zipped or (label == COAT and rng.random() < 0.25):
        return inner
    blazer = label == COAT and rng.random() < 0.5
    low = rng.uniform(0.05, 0.12) if label == SHIRT else rng.uniform(0.15, 0.4)
    low = rng.uniform(0.3, 0.5) if blazer else low
    for side in (-1, 1):
        corner = (0.5 + side * rng.uniform(0.08, 0.15), low * (0.6 if blazer else 1.0))
        points = [(0.5 + side * neck, 0), corner, (0.5, low + 0.03)]
        if blazer:
            points.insert(1, (0.5 + side * (neck + 0.05), low * 0.45))
        inner.append(np.array(points))
    count = int(rng.integers(1, 4)) if blazer else int(rng.integers(2, 6))
    for y in np.linspace(low + 0.1, hem - (0.25 if blazer else 0.1), count):
        if rng.random() < 0.8:
            inner.append(circle(0.5 + rng.uniform(0.02, 0.04), y, 0.012))
    if label == SHIRT and rng.random() < 0.35:
        pocket = np.array([[0.05, 0], [0.13, 0], [0.13, 0.1], [0.05, 0.1], [0.05, 0]])
        inner.append(pocket * [rng.choice([-1, 1]), 1] + [0.5, rng.uniform(0.2, 0.3)])
    return inner


def _coat_details(rng, body: float, hem: float) -> list:
    """Pockets, quilting, a belt."""
    inner = []
    if rng.random() < 0.6:
        flap = rng.uniform(0.03, 0.1)
        pocket = np.array([[0.04, 0], [0.13, 0], [0.13, flap], [0.04, flap], [0.04, 0]])
        inner += _both(pocket + [0, hem * rng.uniform(0.55, 0.7)])
    if rng.random() < 0.2:
        for y in np.arange(rng.uniform(0.12, 0.2), hem, rng.uniform(0.06, 0.13)):
            inner.append(np.array([[0.5 - body, y], [0.5 + body, y]]))
    if rng.random() < 0.15:
        y = hem * rng.uniform(0.45, 0.6)
        inner += [np.array([[0.5 - body, y + dy], [0.5 + body, y + dy]]) for dy in (0, 0.05)]
    return inner


def _sleeveless(rng) -> tuple[np.ndarray, list]:
    """A vest, from broad straps to a camisole's thin ones."""
    body, hem = rng.uniform(0.17, 0.28), rng.uniform(0.55, 0.95)
    neck, strap = rng.uniform(0.07, 0.13), rng.uniform(0.015, 0.09)
    armpit, depth = rng.uniform(0.18, 0.3), rng.uniform(0.06, 0.22)
    flare = body * rng.uniform(0.9, 1.3)
    neckline, armhole = _straps(neck, depth, strap, (body, armpit))
    outline = mirrored([*neckline, *armhole, (flare, hem)])
    inner = []
    if rng.random() < 0.5:  # trims along neck and arms
        inner.append(
            np.array([*neckline[2::-1], *((-x, y) for x, y in neckline[:3])]) + [0.5, 0.02]
        )
        inner += _both(np.array([(neck + strap, 0), *armhole]) - [0.015, 0])
    if rng.random() < 0.3:
        inner.append(circle(0.5, hem * 0.55, rng.uniform(0.04, 0.12)))
    if rng.random() < 0.2:
        inner.append(np.array([[0.5 - flare, hem - 0.05], [0.5 + flare, hem - 0.05]]))
    return outline, inner


def _dress(rng) -> tuple[np.ndarray, list]:
    """With or without a waist, from straps to long sleeves, from above the knee to the floor."""
    neck, body = rng.uniform(0.05, 0.12), rng.uniform(0.11, 0.2)
    straight = rng.random() < 0.4
    waist_y = rng.uniform(0.24, 0.48)
    waist = body * rng.uniform(0.85, 1.1) if straight else rng.uniform(0.07, 0.14)
    hem = rng.uniform(0.8, 1.25)
    flare = body * rng.uniform(0.95, 1.5) if straight else rng.uniform(0.16, 0.45)
    depth = rng.uniform(0.03, 0.16)
    armpit = (body, rng.uniform(0.15, 0.24))
    kind = rng.random()
    top: list
    if kind < 0.1:  # without straps
        top, depth = [(0, 0.02), (body, 0)], 0.02
    elif kind < 0.45:  # without sleeves: straps or shoulders
        neckline, armhole = _straps(neck, depth, rng.uniform(0.015, 0.09), armpit)
        top = [*neckline, *armhole]
    else:
        length = rng.uniform(0.3, 0.6) if kind > 0.75 else rng.uniform(0.07, 0.24)
        angle = rng.uniform(0.5, 1.35)
        shoulder = np.array([body, 0.05])
        sleeve = _sleeve(shoulder, angle, length, rng.uniform(0.06, 0.13))
        top = [(neck, 0), shoulder, *sleeve, armpit]
    inner = []
    if kind >= 0.45:
        inner.append(_neckline(neck, depth))
    if rng.random() < (0.2 if straight else 0.7):
        inner.append(np.array([[0.5 - waist, waist_y], [0.5 + waist, waist_y]]))
        if rng.random() < 0.4:  # a belt
            inner.append(inner[-1] + [0, 0.05])
    for x in rng.uniform(-0.8, 0.8, int(rng.integers(0, 4))):
        inner.append(np.array([[0.5 + x * waist, waist_y + 0.05], [0.5 + x * flare, hem]]))
    if rng.random() < 0.2:  # tiers
        for y in np.linspace(waist_y, hem, int(rng.integers(3, 6)))[1:-1]:
            half = np.interp(y, [waist_y, hem], [waist, flare])
            inner.append(np.array([[0.5 - half, y], [0.5 + half, y]]))
    if rng.random() < 0.15:  # buttoned
        inner.append(np.array([[0.5, depth], [0.5, hem]]))
        inner += [circle(0.52, y, 0.012) for y in np.arange(depth + 0.06, hem, 0.11)]
    return mirrored([*top, (waist, waist_y), (flare, hem)]), inner


def _trouser(rng) -> tuple[np.ndarray, list]:
    waist, hip = rng.uniform(0.13, 0.24), rng.uniform(0.16, 0.27)
    hem = rng.uniform(0.45, 0.65) if rng.random() < 0.2 else rng.uniform(0.8, 1.1)
    crotch = rng.uniform(0.22, 0.4)
    spread, leg = rng.uniform(0.0, 0.15), rng.uniform(0.07, 0.16)
    outline = mirrored(
        [
            (waist, 0),
            (hip, crotch * 0.7),
            (spread + leg + 0.05, hem),
            (spread + 0.02, hem),
            (0.0, crotch),
        ]
    )
    inner = []
    if rng.random() < 0.6:
        inner.append(np.array([[0.5 - waist, 0.07], [0.5 + waist, 0.07]]))
    if rng.random() < 0.4:
        inner.append(np.array([[0.5, 0.07], [0.5, crotch]]))
    if rng.random() < 0.3:
        for side in (-1, 1):
            inner.append(np.array([[0.05, 0.08], [0.1, 0.15], [0.15, 0.14]]) * [side, 1] + [0.5, 0])
    return outline, inner


def _closed_shoe(rng, label: int) -> tuple[np.ndarray, list]:
    """Side view, the toe on the left."""
    shaft = rng.uniform(0.32, 0.45) if label == SNEAKER else rng.uniform(0.58, 1.05)
    sole, opening = rng.uniform(0.03, 0.12), rng.uniform(0.26, 0.42)
    toe = rng.uniform(0.16, 0.28)
    front = 1 - opening
    slope = [(0.02, toe * 0.5), (0.1, toe), (front * 0.6, toe * rng.uniform(1.1, 1.4))]
    instep = rng.uniform(0.3, 0.42) if label == SNEAKER else rng.uniform(0.32, 0.5)
    upper = [(0, 0), *slope, (front, min(instep, shaft)), (front + rng.uniform(-0.04, 0.06), shaft)]
    back = [(1 + rng.uniform(-0.04, 0.03), shaft * rng.uniform(0.92, 1.05)), (1, 0)]
    heel = []
    if label == ANKLE_BOOT and rng.random() < 0.55:
        height = rng.uniform(0.05, 0.25)
        heel = [(1, -height), (rng.uniform(0.72, 0.9), -height), (rng.uniform(0.68, 0.8), 0)]
    points = np.array([*upper, *back, *heel, (0, 0)], np.float32)
    outline = np.array([0, shaft], np.float32) + points * [1, -1]
    inner = []
    if rng.random() < 0.65:
        inner.append(np.array([[0.0, shaft - sole], [1.0, shaft - sole]]))
    if label == SNEAKER or rng.random() < 0.3:
        for t in np.linspace(0.15, 0.95, int(rng.integers(0, 5))):
            x, y = front * (0.55 + 0.45 * t), shaft - toe * 1.15 - t * (instep - toe * 1.15)
            inner.append(np.array([[x, y], [x + 0.1, y + 0.06]]))
    if label == ANKLE_BOOT and rng.random() < 0.3:
        inner.append(np.array([[front, shaft * 0.15], [1.0, shaft * 0.15]]))
    return outline, inner


def _slip_on(rng) -> tuple[np.ndarray, list]:
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


def _plain_shoe(rng, label: int) -> tuple[np.ndarray, list]:
    """The shape that a quick hand draws: a foot, a leg, mostly open on top; the toe on the left."""
    leg, foot = rng.uniform(0.28, 0.5), rng.uniform(0.14, 0.3)
    shaft = rng.uniform(0.28, 0.6) if label == SNEAKER else rng.uniform(0.55, 1.1)
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


def _shoe_from_above(rng, label: int) -> tuple[np.ndarray, list]:
    """A closed shoe as it stands before its owner, the toe up: opening, laces, toe cap."""
    ball, waist, heel = rng.uniform(0.15, 0.22), rng.uniform(0.11, 0.17), rng.uniform(0.11, 0.17)
    if label == ANKLE_BOOT:
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

    length = rng.uniform(0.13, 0.24) if label == SNEAKER else rng.uniform(0.1, 0.2)
    centre = 0.95 - length
    wide = heel * rng.uniform(0.55, 0.85)
    inner = [circle(0, 0, 1.0) * [wide, length] + [0.5, centre]]
    throat = centre - length  # where laces begin
    laces = int(rng.integers(2, 7)) if rng.random() < (0.8 if label == SNEAKER else 0.5) else 0
    reach = rng.uniform(0.04, 0.1)
    start = rng.uniform(0.24, 0.36)
    for at in np.linspace(start + 0.03, throat, laces):
        slant = rng.uniform(-0.02, 0.02)
        inner.append(np.array([[0.5 - reach, at - slant], [0.5 + reach, at + slant]]))
    if laces and rng.random() < 0.6:  # the edges that they draw together
        inner += _both([[reach * 0.8, start], [max(reach, wide * 0.8), throat + length * 0.5]])
    if rng.random() < 0.4:  # toe cap
        arc, low = np.linspace(-1, 1, 9), rng.uniform(0.14, 0.24)
        inner.append(np.stack([0.5 + 0.85 * ball * arc, low + 0.06 * (arc**2 - 1)], 1))
    if rng.random() < 0.4:  # the sole's rim
        inner += [np.stack([0.5 + side * 0.88 * half, y], 1)[2:-2] for side in (-1, 1)]
    return outline, inner


def _sandal_from_above(rng) -> tuple[np.ndarray, list]:
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
        straps = _both([[0, toe], [reach * 0.5 + bow, (toe + y) / 2 - bow], [reach, y]])
    if rng.random() < 0.5:  # the pair
        apart = rng.uniform(0.2, 0.3)
        lines = [_turned(line - [apart, 0], rng.normal(0, 0.15)) for line in (sole, *straps)]
        sole, *others = [line + [apart, 0] for line in (sole, *straps)]
        straps = [*others, *lines]
    angle = rng.uniform(-1.6, 1.6) if rng.random() < 0.5 else 0.0
    return _turned(sole, angle), [_turned(line, angle) for line in straps]


def _turned(line: np.ndarray, angle: float) -> np.ndarray:
    """The line turned about the middle of the unit square. angle: radians."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (line - 0.5) @ turn + 0.5


def _obliquely(rng, sole: np.ndarray, lines: list) -> tuple[np.ndarray, list]:
    """Sandals as whoever stands before them sees them: shorter, their straps above their soles.

    sole, lines: seen from above; closed lines are other soles. The near edge of a sole shows how
    thick it is.
    """
    flat, thick, rise = rng.uniform(0.55, 0.9), rng.uniform(0.01, 0.07), rng.uniform(0.04, 0.2)

    def with_edge(line: np.ndarray) -> np.ndarray:
        low, lowest = line[:, 1] > line[:, 1].mean(), [0, thick]
        return line * [1, flat] + low[:, None] * lowest

    seen = []
    for line in lines:
        if _is_closed(line):
            seen.append(with_edge(line))
            continue
        at, along = np.linspace(0, 1, 9), np.linspace(0, 1, len(line))
        strap = np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], 1)
        seen.append(strap * [1, flat] - np.outer(np.sin(np.pi * at), [0, rise]))
    return with_edge(sole), seen


def _sandal(rng) -> tuple[np.ndarray, list]:
    kind = rng.random()
    if kind < 0.22:
        return _sandal_from_above(rng)
    if kind < 0.48:
        return _obliquely(rng, *_sandal_from_above(rng))
    if kind < 0.66:
        return _sandal_with_upper(rng)
    return _flip_flop(rng) if kind < 0.76 else _strappy_sandal(rng)


def _footbed(rng, lift: float) -> tuple[np.ndarray, np.ndarray]:
    """Side view of a sole, the toe on the left: its upper edge, and its lower one backwards.

    lift: how much higher the heel lies than the toe.
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


def _flip_flop(rng) -> tuple[np.ndarray, list]:
    """Side view: a flat sole, and the strap that leads from between the toes to both sides."""
    top, bottom = _footbed(rng, rng.uniform(0.0, 0.1))
    toe, side = rng.uniform(0.12, 0.28), rng.uniform(0.48, 0.68)
    high = np.array([toe + rng.uniform(0.3, 0.6) * (side - toe), 0.6 - rng.uniform(0.1, 0.22)])
    straps = []
    for nearer in (0.0, rng.uniform(0.03, 0.12)):  # that of the far side is seen below the near one
        end = np.array([side - nearer, 0.6])
        straps.append(np.array([[toe, 0.6], high + [0, 0.4 * nearer], (high + end) / 2, end]))
    return np.vstack([top, bottom, top[:1]]), straps


def _sandal_with_upper(rng) -> tuple[np.ndarray, list]:
    """Side view: a closed toe or a broad band, the heel open or held, the ground seen between."""
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


def _bag(rng) -> tuple[np.ndarray, list]:
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
    inner = [_arc((0.5, top), reach, rise)]
    if rng.random() < 0.4:
        inner.append(_arc((0.5, top), reach * 0.8, rise * 0.75))
    if rng.random() < 0.5:
        y = top + height * rng.uniform(0.15, 0.5)
        inner.append(np.array([[0.5 - half_top, top], [0.5, y], [0.5 + half_top, top]]))
    elif rng.random() < 0.5:
        y = top + height * rng.uniform(0.1, 0.5)
        inner.append(np.array([[0.5 - half_top, y], [0.5 + half_top, y]]))
    if rng.random() < 0.4:
        inner.append(circle(0.5, top + height * rng.uniform(0.2, 0.5), rng.uniform(0.02, 0.05)))
    return mirrored(half), inner


def _rucksack(rng) -> tuple[np.ndarray, list]:
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
        inner.append(_arc((0.5, 0), rng.uniform(0.05, 0.12), rng.uniform(0.05, 0.14)))
    view = rng.random()
    if view < 0.2:  # from behind: two straps from top to bottom
        at, bow = half * rng.uniform(0.3, 0.6), rng.uniform(0.0, 0.12)
        inner += _both([[at, 0.05], [at + bow, height * 0.45], [at, height * 0.95]])
        if rng.random() < 0.5:
            inner += _both([[at * 0.4, 0.05], [at * 0.4 + bow, height * 0.45], [at * 0.5, height]])
        return outline, inner
    y = height * rng.uniform(0.4, 0.62)
    wide, low = half * rng.uniform(0.5, 0.8), height * rng.uniform(0.85, 1.0)
    if rng.random() < 0.75:  # a pocket, square or round
        curved = rng.random() < 0.4
        pocket = [[0, y], [wide * 0.8, y + 0.04], [wide, y + 0.12], [wide, low], [0, low]]
        inner += _both(pocket if curved else [[0, y], [wide, y], [wide, low], [0, low]])
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
        sides = _both(loop)
        if rng.random() < 0.5:
            sides = sides[:1]
            if rng.random() < 0.6:  # the second strap behind the first
                sides.append(sides[0] * [0.6, 0.9] + [0.2 - half * 0.4, 0.1 * height])
        inner += sides
    elif view < 0.75:  # straps like ears
        inner += [
            _arc((0.5 + side * half * 0.5, 0.03), half * 0.35, rng.uniform(0.1, 0.3))
            for side in (-1, 1)
        ]
    return outline, inner


def _arc(foot: tuple[float, float], reach: float, rise: float) -> np.ndarray:
    """A handle: half an ellipse that stands on `foot`, `reach` to either side, `rise` high."""
    t = np.linspace(0, np.pi, 13)
    return np.stack([foot[0] + reach * np.cos(t), foot[1] - rise * np.sin(t)], 1)
