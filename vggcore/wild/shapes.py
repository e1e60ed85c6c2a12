"""How garments of each class are cut: random outlines and seams for the `wild` preset.

Fashion-MNIST has few hoodies, tank tops, blazers or rucksacks; here are the cuts that photos
and drawings show. Lines are arrays [N, 2] of x (right) and y (down) in a unit square. The same
generator state gives the same garment.
"""

import numpy as np
from PIL import Image, ImageDraw

from vggcore.data.classes import Label
from vggcore.wild.bags import handbag, rucksack
from vggcore.wild.lines import both, circle, is_closed, mirrored
from vggcore.wild.shoes import closed_shoe, sandal

T_SHIRT, TROUSER, PULLOVER, DRESS, COAT, SANDAL, SHIRT, SNEAKER, BAG, ANKLE_BOOT = Label
TOPS = (T_SHIRT, PULLOVER, COAT, SHIRT)
SHOES = (SANDAL, SNEAKER, ANKLE_BOOT)
SEWN_SIDE = 96  # pixels


def template(
    rng: np.random.Generator, label: int, from_above: float = 0.15
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A garment of this class: outline and inner lines; those that end where they start are closed.

    from_above: share of closed shoes seen from above, as in most photos but few drawings.
    """
    if label == T_SHIRT and rng.random() < 0.45:
        return _sleeveless(rng)
    if label in TOPS:
        return _top(rng, label)
    if label in (SNEAKER, ANKLE_BOOT):
        return closed_shoe(rng, label, from_above)
    if label == BAG and rng.random() < 0.35:
        return rucksack(rng)
    return {DRESS: _dress, TROUSER: _trouser, SANDAL: sandal, BAG: handbag}[Label(label)](rng)


def sewn(rng: np.random.Generator, label: int) -> tuple[np.ndarray, np.ndarray]:
    """A template in cloth: shade uint8 [S, S], and where the garment is, bool [S, S].

    Creases, seams and trims are lighter or darker than the cloth around them; so, often, is the
    whole inside of a closed line, such as a shoe's opening.
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
            if label == SANDAL and is_closed(line):
                pen.polygon(place(line), fill=255)
            pen.line(place(line), fill=255, width=strap, joint="curve")
    base = rng.uniform(120, 220)
    cloth = Image.new("L", mask.size, int(base))
    pen = ImageDraw.Draw(cloth)
    contrast = rng.uniform(15, 90) * rng.choice([-1, 1])
    for line in lines:
        if rng.random() < 0.85:
            tone = int(np.clip(base + contrast * rng.uniform(0.5, 1.3), 20, 255))
            if is_closed(line):
                if label != SANDAL and rng.random() < 0.7:
                    pen.polygon(place(line), fill=tone)
                continue
            width = strap if label == SANDAL else int(rng.integers(2, 6))
            pen.line(place(line), fill=tone, width=width, joint="curve")
    shade = np.asarray(cloth.reduce(factor), np.float32)
    creased = shade + creases(rng, side) * rng.uniform(2, 28)
    return np.clip(creased, 12, 255).astype(np.uint8), np.asarray(mask.reduce(factor)) > 127


def creases(rng: np.random.Generator, side: int) -> np.ndarray:
    """Soft folds, mostly along the garment: float32 [side, side], spread about 1."""
    cells = (int(rng.integers(3, 8)), int(rng.integers(4, 14)))
    small = rng.normal(0, 1, cells).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC))


def _neckline(neck: float, depth: float) -> np.ndarray:
    """The arc from one side of the neck to the other."""
    arc = np.linspace(-1, 1, 9)
    return np.stack([0.5 + neck * arc, depth * (1 - arc**2)], 1)


def _sleeve(shoulder: np.ndarray, angle: float, length: float, cuff: float) -> list[np.ndarray]:
    """Both corners of the sleeve's end. angle: down from horizontal, radians."""
    end = shoulder + np.array([np.cos(angle), np.sin(angle)]) * length
    return [end, end + np.array([-np.sin(angle), np.cos(angle)]) * cuff]


def _straps(neck: float, depth: float, strap: float, armpit: tuple) -> tuple[list, list]:
    """Right half of a top on straps: neckline, and from there to the armpit."""
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
    if rng.random() < 0.25:  # short and broad, as all tops are drawn in a hurry
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
            inner += both([[0.03, depth], [rng.uniform(0.02, 0.05), depth + 0.15]])
    if label in (SHIRT, COAT):
        inner += _front(rng, label, neck, depth, hem, zipped=hood)
    elif hood and rng.random() < 0.4:
        inner.append(np.array([[0.5, depth], [0.5, hem]]))
    if label == COAT:
        inner += _coat_details(rng, body, hem)
    if label == PULLOVER and hood and rng.random() < 0.7:  # the pocket for both hands
        wide, y = rng.uniform(0.09, 0.15), hem * rng.uniform(0.62, 0.72)
        pocket = [[wide * 0.6, y], [wide, y + 0.12], [wide, hem - 0.06]]
        inner += [*both(pocket), np.array([[0.5 - wide * 0.6, y], [0.5 + wide * 0.6, y]])]
    if label == PULLOVER and rng.random() < 0.6:
        inner.append(np.array([[0.5 - flare, hem - 0.07], [0.5 + flare, hem - 0.07]]))
        back = (end - shoulder) * (0.06 / length)
        inner += both([end - back, below - back])
    if label in (T_SHIRT, PULLOVER) and rng.random() < 0.2:
        inner.append(circle(0.5, hem * 0.5, rng.uniform(0.04, 0.1)))
    if rng.random() < 0.25:  # where the sleeves are sewn on
        inner += both([shoulder, armpit])
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
        inner += both(pocket + [0, hem * rng.uniform(0.55, 0.7)])
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
        inner += both(np.array([(neck + strap, 0), *armhole]) - [0.015, 0])
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
