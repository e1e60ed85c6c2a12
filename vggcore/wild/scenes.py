"""Pictures for the `wild` preset: photo-like scenes, drawings, and things that are no garment.

Fashion-MNIST shows single garments on white. Here its silhouettes are put on the floor, on
people and on paper, so that a network meets what visitors bring. Everything is drawn with numpy
and Pillow from a numpy Generator: the same generator state gives the same picture.

Lines are arrays [N, 2] of x (right) and y (down) in a unit square; pictures are RGB, about
`SIDE` pixels.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from vggcore.pictures import prepare
from vggcore.wild import shapes as garment_shapes
from vggcore.wild.shapes import BAG, DRESS, SANDAL, SHOES, TOPS, TROUSER, circle

SIDE = 112

_CLEAN_GROUND = 14.0  # grey levels of spread at a photo's border up to which it is cut out
_SKIN = ((255, 224, 196), (241, 194, 160), (224, 172, 125), (160, 110, 75), (92, 60, 42))


# --- silhouettes ------------------------------------------------------------------------------


class Garment(NamedTuple):
    """A garment lifted off its ground."""

    shade: np.ndarray  # uint8 [S, S]
    mask: np.ndarray  # bool [S, S]: where it is
    label: int


def of_fashion_mnist(image: np.ndarray, label: int) -> Garment:
    """From an image uint8 [28, 28] of the data set."""
    return Garment(image, silhouette(image, label), label)


def of_template(rng: np.random.Generator, label: int) -> Garment:
    """Made up, of any cut that its class is known in."""
    return Garment(*garment_shapes.sewn(rng, label), label)


def of_photo(picture: Image.Image, label: int) -> Garment | None:
    """Cut out of a photo; None where that would not be clean."""
    picture = picture.copy()
    picture.thumbnail((96, 96))
    mask, spread = prepare.foreground(picture)
    ring = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if spread > _CLEAN_GROUND or ring.mean() > 0.15 or not 0.1 < mask.mean() < 0.8:
        return None
    if label not in (BAG, SANDAL):
        mask = _filled(mask)
    return Garment(np.asarray(picture.convert("L")), mask, label)


def silhouette(garment: np.ndarray, label: int) -> np.ndarray:
    """Where the garment is: bool [28, 28].

    White cloth is black in Fashion-MNIST, so holes belong to the garment, except in bags and
    sandals, whose handles and straps enclose ground.
    """
    mask = garment >= 10
    return mask if label in (BAG, SANDAL) else _filled(mask)


def _filled(mask: np.ndarray) -> np.ndarray:
    """The mask with its holes: all that cannot be reached from the edges."""
    free = np.pad(~mask, 1, constant_values=True)
    outside = np.zeros_like(free)
    outside[0] = outside[-1] = outside[:, 0] = outside[:, -1] = True
    count = 0
    while count != (count := int(outside.sum())):
        for _ in range(6):
            grown = outside.copy()
            grown[1:] |= outside[:-1]
            grown[:-1] |= outside[1:]
            grown[:, 1:] |= outside[:, :-1]
            grown[:, :-1] |= outside[:, 1:]
            outside = grown & free
    return ~outside[1:-1, 1:-1]


_TURN = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def contours(mask: np.ndarray) -> list[np.ndarray]:
    """Closed outline of the mask's largest part, by walking around it; in the unit square."""
    field = np.pad(mask, 1)
    rows, columns = field.nonzero()
    if len(rows) < 12:
        return []
    start = (int(rows[0]), int(columns[0]))
    points, here, heading = [start], start, 0
    for _ in range(400):
        for turn in range(8):
            direction = (heading + 6 + turn) % 8
            step = _TURN[direction]
            nxt = (here[0] + step[0], here[1] + step[1])
            if field[nxt]:
                here, heading = nxt, direction
                break
        if here == start:
            break
        points.append(here)
    line = (np.array(points, np.float32)[:, ::-1] - 0.5) / mask.shape[0]
    return [np.vstack([line, line[:1]])] if len(points) > 12 else []


def simplified(line: np.ndarray, tolerance: float) -> np.ndarray:
    """Fewer points, none of the left-out ones further than `tolerance` off (Douglas-Peucker)."""
    kept = np.zeros(len(line), bool)
    kept[[0, len(line) // 2, -1]] = True
    todo = [(0, len(line) // 2), (len(line) // 2, len(line) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        a, b = line[first], line[last]
        chord = b - a
        offset = line[first + 1 : last] - a
        length = max(float(np.hypot(*chord)), 1e-6)
        distance = np.abs(offset[:, 0] * chord[1] - offset[:, 1] * chord[0]) / length
        furthest = int(distance.argmax())
        if distance[furthest] > tolerance:
            middle = first + 1 + furthest
            kept[middle] = True
            todo += [(first, middle), (middle, last)]
    return line[kept]


# --- grounds ----------------------------------------------------------------------------------


def colour(rng: np.random.Generator) -> np.ndarray:
    """A random colour, grey as often as not: float [3], 0…255."""
    grey = rng.uniform(10, 250)
    if rng.random() < 0.5:
        return np.clip(grey + rng.normal(0, 8, 3), 0, 255)
    return np.clip(rng.uniform(10, 250, 3), 0, 255)


def smooth_noise(rng: np.random.Generator, height: int, width: int, cells: int) -> np.ndarray:
    """Soft blobs of about 1/cells of the side, float32 [height, width], spread 1."""
    small = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Stripes, checks, tiles, blobs or grain: float32 [height, width], about -1…1."""
    kind = rng.integers(5)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 40)
    along = (x * np.cos(angle) + y * np.sin(angle)) / period
    across = (y * np.cos(angle) - x * np.sin(angle)) / period
    if kind == 0:
        return np.sin(2 * np.pi * along)
    if kind == 1:
        return np.sign(np.sin(2 * np.pi * along) * np.sin(2 * np.pi * across))
    if kind == 2:  # tiles or boards: thin dark joints
        joint = np.minimum(np.abs(along - np.round(along)), np.abs(across - np.round(across)))
        return np.where(joint < 0.04, -1.0, 0.2).astype(np.float32)
    if kind == 3:
        return smooth_noise(rng, height, width, int(rng.integers(4, 28)))
    return rng.normal(0, 0.7, (height, width)).astype(np.float32)


def ground(rng: np.random.Generator, patches: np.ndarray | None, height: int, width: int):
    """What lies behind: plain, lit from a side, patterned, in two parts, or a photo's own.

    patches: uint8 [N, P, P, 3] cut from photos, or None. Returns float32 [height, width, 3].
    """
    if patches is not None and rng.random() < 0.35:
        patch = Image.fromarray(patches[rng.integers(len(patches))])
        patch = patch.rotate(90 * int(rng.integers(4)))
        return np.asarray(patch.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    picture = np.empty((height, width, 3), np.float32)
    # Catalogues and paper: white, or nearly.
    picture[:] = rng.uniform(225, 255) if rng.random() < 0.35 else colour(rng)
    if rng.random() < 0.2:  # floor and wall
        edge = int(rng.uniform(0.3, 0.9) * height)
        picture[edge:] = np.clip(picture[0, 0] * rng.uniform(0.5, 1.2), 0, 255)
    if rng.random() < 0.45:
        strength = rng.uniform(2, 45)
        picture += (strength * texture(rng, height, width))[..., None]
    return picture


def light(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Uneven light and a soft shadow over a float32 picture."""
    height, width = picture.shape[:2]
    if rng.random() < 0.5:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.35)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        picture = picture * (1 + strength * (x * np.cos(angle) + y * np.sin(angle)))[..., None]
    if rng.random() < 0.25:
        shade = smooth_noise(rng, height, width, 3)
        picture = picture * (1 - 0.12 * np.clip(shade, -1, 2))[..., None]
    return picture


def camera(rng: np.random.Generator, picture: np.ndarray) -> Image.Image:
    """Light, blur, noise and JPEG: a float32 picture as a camera or a web site leaves it."""
    picture = light(rng, picture)
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(1, 10), picture.shape).astype(np.float32)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 1.6))))
    if rng.random() < 0.3:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=int(rng.integers(20, 90)))
        image = Image.open(stream).convert("RGB")
    return image


# --- scenes -----------------------------------------------------------------------------------


def _extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is True; of everything where nothing is."""
    rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
    if len(rows) == 0:
        return 0, 0, mask.shape[1], mask.shape[0]
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _laid(garment: Garment, size: tuple[int, int], flip: bool, angle: float) -> list[Image.Image]:
    """Mask and shade of the garment alone, of this size, then turned by `angle` degrees."""
    laid = []
    for layer in (garment.mask.astype(np.uint8) * 255, garment.shade):
        image = Image.fromarray(layer).crop(_extent(garment.mask))
        image = image.resize(size, Image.Resampling.BICUBIC)
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image
        laid.append(image.rotate(angle, Image.Resampling.BILINEAR, expand=True))
    return laid


class Cutout:
    """A garment ready to paste: sharp outline, random cloth."""

    def __init__(self, rng, garment: Garment, width: int, height: int, flip: bool):
        angle = float(np.clip(rng.normal(0, 9), -30, 30)) if rng.random() < 0.6 else 0.0
        shape, cloth = _laid(garment, (max(width, 4), max(height, 4)), flip, angle)
        sharpness = rng.uniform(1.0, 5.0)
        self.alpha = np.clip((np.asarray(shape, np.float32) / 255 - 0.5) * sharpness + 0.5, 0, 1)
        self.cloth = _cloth(rng, np.asarray(cloth, np.float32) / 255)

    def paste(self, picture: np.ndarray, left: int, top: int) -> None:
        """Blend into a float32 picture [H, W, 3], in place; parts outside are cut off."""
        height, width = picture.shape[:2]
        y0, x0 = max(top, 0), max(left, 0)
        y1 = min(top + self.alpha.shape[0], height)
        x1 = min(left + self.alpha.shape[1], width)
        if y1 <= y0 or x1 <= x0:
            return
        own = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        alpha = self.alpha[own][..., None]
        area = picture[y0:y1, x0:x1]
        area += alpha * (self.cloth[own] - area)


def _cloth(rng: np.random.Generator, shade: np.ndarray) -> np.ndarray:
    """Coloured cloth float32 [H, W, 3] from a garment's Fashion-MNIST shading, 0…1."""
    base, contrast = colour(rng), rng.uniform(0.2, 1.0)
    kind = rng.random()
    if kind < 0.45:  # as it was before its makers negated it
        brightness = 1 - contrast * shade
    elif kind < 0.75:
        brightness = 1 - contrast + contrast * shade
    else:  # creases only
        brightness = 0.8 + 0.5 * contrast * (shade - shade.mean())
    cloth = brightness[..., None] * base
    if rng.random() < 0.35:
        pattern = texture(rng, *shade.shape) * rng.uniform(10, 70)
        cloth = cloth + pattern[..., None] * rng.uniform(0.5, 1.0, 3)
    if rng.random() < 0.15 and min(shade.shape) > 24:  # a print on the chest, a label
        height, width = shade.shape
        y, x = int(height * rng.uniform(0.2, 0.5)), int(width * rng.uniform(0.25, 0.5))
        cloth[y : y + height // 4, x : x + width // 4] = colour(rng)
    return np.clip(cloth, 0, 255).astype(np.float32)


def scene(
    rng: np.random.Generator, garment: Garment, patches=None, other: Garment | None = None
) -> Image.Image:
    """A photo-like picture of a garment, on some ground or worn by a person.

    other: a trouser (below tops) or a top (above trousers) for worn garments.
    """
    label = garment.label
    height, width = SIDE, int(SIDE * rng.uniform(0.72, 1.1))
    picture = ground(rng, patches, height, width)
    worn = rng.random() < 0.4
    share = rng.uniform(0.4, 0.75) if worn else rng.uniform(0.5, 1.0)
    rows, columns = np.ptp(np.nonzero(garment.mask), axis=1) + 1
    # A shoe that is longer than wide is seen from above, and seldom alone.
    beside = label in SHOES and not worn and rows > 1.4 * columns and rng.random() < 0.85
    scale = share * min(height / rows, width / columns / (2.2 if beside else 1))
    stretch = rng.uniform(0.85, 1.18)
    w, h = int(columns * scale * stretch), int(rows * scale / stretch)
    left = int((width - w) / 2 + rng.normal(0, 0.1) * max(width - w, 4))
    top = int((height - h) / 2 + rng.normal(0, 0.1) * max(height - h, 4))
    flip = bool(rng.random() < 0.5)
    cloth = rng.bit_generator.state
    cut = Cutout(rng, garment, w, h, flip)
    if worn:
        picture = _person(rng, picture, label, (left, top, w, h), flip, other)
    elif rng.random() < 0.35:
        _shadow(rng, picture, cut, left, top)
    if beside:
        left -= int(0.55 * w)
    if beside or (label in SHOES and not worn and rng.random() < 0.45):
        _second_shoe(rng, cloth, picture, garment, (left, top, w, h), flip, beside)
    cut.paste(picture, left, top)
    if not worn and label in TOPS + (DRESS,) and rng.random() < 0.15:
        picture = _hanger(rng, picture, (left, top, w, h))
    return camera(rng, turned(rng, picture, label))


def turned(rng: np.random.Generator, picture: np.ndarray, label: int) -> np.ndarray:
    """Lying as the photographer stood: [H, W, 3] by quarters, shoes often, clothes seldom."""
    if rng.random() >= (0.4 if label in SHOES else 0.06):
        return picture
    return np.ascontiguousarray(np.rot90(picture, int(rng.integers(1, 4))))


def _shadow(rng, picture: np.ndarray, cut: Cutout, left: int, top: int) -> None:
    shadow = Cutout.__new__(Cutout)
    soft = Image.fromarray((cut.alpha * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
    shadow.alpha = np.asarray(soft, np.float32) / 255 * rng.uniform(0.2, 0.6)
    shadow.cloth = np.zeros((*cut.alpha.shape, 3), np.float32)
    shadow.paste(picture, left + int(rng.integers(-6, 7)), top + int(rng.integers(-2, 7)))


def _second_shoe(rng, cloth, picture, garment: Garment, box, flip, beside: bool) -> None:
    """Put the other one behind or beside it. cloth: the generator's state of the first one."""
    left, top, w, h = box
    mirrored = flip != bool(rng.random() < (0.9 if beside else 0.5))
    dx, dy = int(rng.uniform(-0.5, 0.5) * w), int(rng.uniform(0.2, 0.9) * h)
    if beside:
        dx, dy = int(rng.uniform(0.9, 1.25) * w), int(rng.uniform(-0.1, 0.1) * h)
    state, rng.bit_generator.state = rng.bit_generator.state, cloth
    Cutout(rng, garment, w, h, mirrored).paste(picture, left + dx, top - dy)
    rng.bit_generator.state = state


def _hanger(rng, picture, box) -> np.ndarray:
    left, top, w, _ = box
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    ink = tuple(int(c) for c in colour(rng))
    x = left + w // 2
    draw.line([(x, top + 3), (x, top - 8), (x + 4, top - 11), (x + 1, top - 14)], ink, 2)
    return np.asarray(image, np.float32).copy()


def _person(rng, picture, label, box, flip, other) -> np.ndarray:
    """Head, arms, legs and other clothes around the place where the garment will be pasted."""
    left, top, w, h = box
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    skin = tuple(int(c * rng.uniform(0.9, 1.05)) for c in _SKIN[rng.integers(len(_SKIN))])
    other_clothes = tuple(int(c) for c in colour(rng))
    x = left + w / 2

    def limb(start, end, thick, fill):
        draw.line([start, end], fill=fill, width=max(1, int(thick)))
        for cx, cy in (start, end):
            draw.ellipse([cx - thick / 2, cy - thick / 2, cx + thick / 2, cy + thick / 2], fill)

    if label in TOPS or label == DRESS:
        shoulder = w * (0.5 if label != DRESS else 0.9)
        radius = shoulder * rng.uniform(0.24, 0.34)
        if rng.random() < 0.85:
            _head(rng, draw, x, top - 0.9 * radius, radius, skin)
        for side in (-1, 1):
            out = x + side * w * rng.uniform(0.38, 0.6)
            limb((x + side * 0.42 * w, top + 0.22 * h), (out, top + h * rng.uniform(0.6, 1.05)),
                 0.2 * shoulder, skin)  # fmt: skip
            leg = skin if label == DRESS else other_clothes
            limb((x + side * 0.16 * shoulder * 1.2, top + 0.9 * h),
                 (x + side * 0.2 * shoulder * 1.4, top + h * rng.uniform(1.5, 2.2)),
                 0.38 * shoulder, leg)  # fmt: skip
    elif label == TROUSER:
        limb((x, top - 0.32 * h), (x, top + 0.04 * h), 0.85 * w, other_clothes)
        for side in (-1, 1):
            limb((x + side * 0.5 * w, top - 0.35 * h), (x + side * w * 0.65, top + 0.12 * h),
                 0.2 * w, skin if rng.random() < 0.5 else other_clothes)  # fmt: skip
            limb((x + side * 0.25 * w, top + h), (x + side * 0.34 * w, top + 1.05 * h),
                 0.22 * w, other_clothes)  # fmt: skip
    elif label in SHOES:
        heel = x + (-0.24 if flip else 0.24) * w
        fill = skin if rng.random() < 0.5 else other_clothes
        limb((heel, top + 0.3 * h), (heel + rng.normal(0, 0.15) * w, -10), 0.3 * w, fill)
    else:
        limb((x + w * rng.uniform(-0.4, 0.4), -5), (x, top + 0.3 * h), rng.uniform(0.05, 0.9) * w,
             other_clothes if rng.random() < 0.6 else skin)  # fmt: skip
    picture = np.asarray(image, np.float32).copy()
    if other is not None and label in (*TOPS, TROUSER):
        above = label == TROUSER
        ow, oh = int(w * (1.5 if above else 0.62)), int(h * (0.75 if above else 1.3))
        garment = Cutout(rng, other, ow, oh, False)
        y = top - oh + int(0.1 * h) if above else top + int(0.85 * h)
        garment.paste(picture, int(x - garment.alpha.shape[1] / 2), y)
    return picture


def _head(rng, draw, x, y, radius, skin) -> None:
    hair = tuple(int(c) for c in rng.uniform(10, 140) * np.array([1.0, 0.8, 0.6]))
    long = rng.uniform(1.0, 2.4)
    draw.ellipse([x - 1.25 * radius, y - 1.5 * radius, x + 1.25 * radius, y + long * radius], hair)
    draw.rectangle([x - 0.45 * radius, y, x + 0.45 * radius, y + 1.8 * radius], skin)
    draw.ellipse([x - radius, y - 1.2 * radius, x + radius, y + 1.2 * radius], skin)
    for side in (-1, 1):
        eye = x + side * 0.4 * radius
        draw.ellipse([eye - 1, y - 1, eye + 1, y + 1], hair)
    draw.line(
        [x - 0.3 * radius, y + 0.6 * radius, x + 0.3 * radius, y + 0.6 * radius], (150, 70, 70)
    )


# --- drawings ---------------------------------------------------------------------------------


def outline_of(rng: np.random.Generator, garment: np.ndarray, label: int):
    """Outline traced around a Fashion-MNIST garment, as crude as a quick hand; None: no shape."""
    found = contours(silhouette(garment, label))
    if not found:
        return None
    line = found[0]
    if rng.random() < 0.8:
        line = simplified(line, rng.uniform(0.015, 0.05))
    if label == DRESS and rng.random() < 0.5:  # a skirt that widens, as drawn dresses do
        line = line.copy()
        line[:, 0] = 0.5 + (line[:, 0] - 0.5) * (0.8 + rng.uniform(0.3, 1.4) * line[:, 1])
    return line


def drawing(
    rng: np.random.Generator, outline: np.ndarray | None, lines: list[np.ndarray],
    details: np.ndarray | None = None,
) -> Image.Image:  # fmt: skip
    """Ink on paper or screen: any pen, shaky or steady, sometimes filled.

    outline: closed line that may be filled, or None. details: uint8 [28, 28], a garment whose
    inner edges are traced too.
    """
    side = SIDE + int(rng.integers(-30, 60))
    everything = [*([] if outline is None else [outline]), *lines]
    place = _placement(rng, np.vstack(everything), side)
    pen = (
        float(rng.choice([1.2, 2, 3, 4, 6, 9], p=[0.15, 0.25, 0.25, 0.15, 0.12, 0.08]))
        * side
        / SIDE
    )
    shake = rng.uniform(0, 0.02) * side
    ink, paper = _ink_and_paper(rng)
    factor = 2
    sheet = Image.new("L", (side * factor, side * factor), 0)
    draw = ImageDraw.Draw(sheet)
    placed = [_shaky(rng, place(line), shake) for line in everything]
    if outline is not None and rng.random() < 0.22:
        tone = 255 if rng.random() < 0.5 else int(rng.uniform(40, 220))
        draw.polygon([tuple(p) for p in placed[0] * factor], fill=tone)
        if tone == 255 and rng.random() < 0.7:  # inner lines left in the paper's colour
            placed, tone = placed[1:], 0
        else:
            tone = 255
    else:
        tone = 255
    width = max(1, round(pen * factor))
    for line in placed:
        for part in _gaps(rng, line):
            draw.line([tuple(p) for p in part * factor], fill=tone, width=width, joint="curve")
    coverage = np.asarray(sheet.reduce(factor), np.float32)[..., None] / 255
    if details is not None:
        coverage = np.maximum(coverage, _inner_edges(rng, details, place, side)[..., None])
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = paper
    if rng.random() < 0.3:
        picture += (rng.uniform(0, 10) * texture(rng, side, side))[..., None]
    picture += coverage * (ink - picture)
    return _photographed_or_not(rng, picture)


def _photographed_or_not(rng, picture: np.ndarray) -> Image.Image:
    """A drawing as its sheet shows it, or through a camera."""
    if rng.random() < 0.4:
        return camera(rng, picture)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def pencil_drawing(rng: np.random.Generator, garment: Garment) -> Image.Image:
    """Drawn after the garment itself: its outline, and what is darker than around it, shaded."""
    side = SIDE + int(rng.integers(-20, 60))
    left, top, right, bottom = _extent(garment.mask)
    scale = side * rng.uniform(0.5, 0.92) / max(right - left, bottom - top)
    stretch = np.exp(rng.normal(0, 0.08))
    width, height = (right - left) * scale * stretch, (bottom - top) * scale / stretch
    angle = float(np.clip(rng.normal(0, 6), -25, 25))
    flip = bool(rng.random() < 0.5)
    layers = _laid(garment, (max(8, int(width)), max(8, int(height))), flip, angle)
    shape, shade = (Image.new("L", (side, side), 0) for _ in layers)
    for sheet, layer in zip((shape, shade), layers, strict=True):
        sheet.paste(layer, ((side - layer.width) // 2, (side - layer.height) // 2))
    shape = shape.filter(ImageFilter.GaussianBlur(1)).point(lambda value: 255 * (value > 127))
    inside = np.asarray(shape, np.float32) / 255
    fine, coarse = (
        np.asarray(shade.filter(ImageFilter.GaussianBlur(radius)), np.float32)
        for radius in (rng.uniform(0.5, 1.2), rng.uniform(2, 5))
    )
    creases = (fine - coarse) * rng.choice([-1, 1]) / 255 * inside
    ink = np.clip(creases * rng.uniform(4, 16) - rng.uniform(0, 0.2), 0, 1)
    if rng.random() < 0.4:  # dark cloth shaded, in the grain of the paper
        grain = 1 + 0.4 * rng.normal(0, 1, inside.shape)
        tone = 1 - coarse / 255 if rng.random() < 0.5 else coarse / 255
        ink = np.maximum(ink, rng.uniform(0.1, 0.6) * tone * inside * np.clip(grain, 0, 2))
    if rng.random() < 0.9:
        width = int(rng.choice([3, 3, 5]))
        rim = inside - np.asarray(shape.filter(ImageFilter.MinFilter(width)), np.float32) / 255
        ink = np.maximum(ink, rim * rng.uniform(0.4, 1.0))
    pencil, paper = _ink_and_paper(rng)
    picture = paper + np.minimum(ink, 1)[..., None] * (pencil - paper)
    return _photographed_or_not(rng, picture.astype(np.float32))


def _placement(rng, points: np.ndarray, side: int):
    """A random affine map that puts these unit-square points onto a sheet of `side` pixels."""
    low, high = points.min(axis=0), points.max(axis=0)
    angle = float(np.clip(rng.normal(0, 0.12), -0.5, 0.5))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.exp(rng.normal(0, 0.12, 2)) * [rng.choice([-1, 1]), 1]
    shear = np.array([[1, np.clip(rng.normal(0, 0.08), -0.2, 0.2)], [0, 1]])
    scale = side * rng.uniform(0.45, 0.9) / max((high - low).max(), 1e-3)
    matrix = (turn @ shear * stretch).T * scale
    centre = side * (0.5 + np.clip(rng.normal(0, 0.03, 2), -0.08, 0.08))
    middle = (low + high) / 2
    return lambda line: (line - middle) @ matrix + centre


def _shaky(rng, line: np.ndarray, amount: float) -> np.ndarray:
    """The line resampled every few pixels, with a slow tremor and shifted corners."""
    line = line + rng.normal(0, amount, line.shape)
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    count = int(np.clip(length[-1] / 6, 2, 60))
    at = np.linspace(0, length[-1], count)
    line = np.stack([np.interp(at, length, line[:, 0]), np.interp(at, length, line[:, 1])], 1)
    drift = rng.normal(0, amount * 0.5, (count // 5 + 2, 2))
    where = np.linspace(0, len(drift) - 1, count)
    steps = np.arange(len(drift))
    return line + np.stack([np.interp(where, steps, drift[:, k]) for k in (0, 1)], 1)


def _gaps(rng, line: np.ndarray) -> list[np.ndarray]:
    """The pen lifted now and then; sometimes a piece is missing."""
    if len(line) < 8 or rng.random() < 0.6:
        return [line]
    cuts = np.sort(rng.integers(2, len(line) - 2, int(rng.integers(1, 4))))
    parts = [part + rng.normal(0, 0.8, 2) for part in np.split(line, cuts) if len(part) > 1]
    if len(parts) > 2 and rng.random() < 0.12:
        parts.pop(int(rng.integers(len(parts))))
    return parts


def _ink_and_paper(rng) -> tuple[np.ndarray, np.ndarray]:
    kind = rng.random()
    if kind < 0.5:
        return np.full(3, rng.uniform(0, 60)), np.full(3, 255.0)
    if kind < 0.8:  # coloured pen or pencil, off-white paper
        return np.clip(rng.uniform(0, 140, 3), 0, 255), np.clip(rng.normal(225, 20, 3), 150, 255)
    if kind < 0.93:  # chalk on a board, dark theme
        return rng.uniform(180, 255, 3), rng.uniform(0, 70, 3)
    return colour(rng) * 0.4, np.clip(colour(rng) + 60, 120, 255)


def _inner_edges(rng, garment: np.ndarray, place, side: int) -> np.ndarray:
    """The garment's strongest inner edges as ink, float32 [side, side]."""
    big = np.asarray(
        Image.fromarray(garment).resize((84, 84), Image.Resampling.BICUBIC), np.float32
    )
    down, across = np.gradient(big)
    strength = np.hypot(down, across)
    rows, columns = (strength > np.percentile(strength, rng.uniform(88, 96))).nonzero()
    points = place(np.stack([columns, rows], 1) / 84)
    ink = np.zeros((side, side), np.float32)
    x, y = np.clip(points.round().astype(int), 0, side - 1).T
    ink[y, x] = 1.0
    soft = Image.fromarray((ink * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(soft, np.float32) / 255 * rng.uniform(0.4, 1.0)


# --- no garments ------------------------------------------------------------------------------


def no_garment(rng: np.random.Generator, patches: np.ndarray | None = None) -> Image.Image:
    """Blank, noise, scribble, shapes, writing, face, landscape, or the ground of a photo."""
    kinds = (blank, noise, scribble, scribble, shapes, writing, writing, face, face,
             landscape, landscape)  # fmt: skip
    if patches is not None and rng.random() < 0.12:
        patch = patches[rng.integers(len(patches))].astype(np.float32)
        return camera(rng, patch)
    return kinds[rng.integers(len(kinds))](rng)


def blank(rng) -> Image.Image:
    return camera(rng, ground(rng, None, SIDE, SIDE))


def noise(rng) -> Image.Image:
    cells = int(rng.choice([4, 8, 16, 28, 56, SIDE]))
    values = rng.normal(128, rng.uniform(10, 90), (cells, cells, 3))
    if rng.random() < 0.6:
        values[:] = values[..., :1]
    if rng.random() < 0.3:
        values = rng.uniform(0, 255, (cells, cells, 1)) * np.ones(3)
    image = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    return image.resize((SIDE, SIDE), int(rng.choice([0, 2, 3])))


def scribble(rng) -> Image.Image:
    lines = []
    for _ in range(int(rng.integers(1, 6))):
        count = int(rng.integers(2, 60))
        kind = rng.integers(4)
        t = np.linspace(0, 1, count)
        if kind == 0:
            line = np.cumsum(rng.normal(0, 0.1, (count, 2)), axis=0)
        elif kind == 1:  # back and forth
            line = np.stack([t, np.where(np.arange(count) % 2, 0.0, rng.uniform(0.2, 1))], 1)
        elif kind == 2:  # loops
            turns = rng.uniform(1, 9) * 2 * np.pi
            line = np.stack(
                [rng.uniform(0, 2) * t + 0.3 * np.cos(turns * t), 0.4 * np.sin(turns * t)], 1
            )
        else:
            line = rng.uniform(0, 1, (int(rng.integers(2, 5)), 2))
        lines.append(line * rng.uniform(0.3, 1, 2) + rng.uniform(0, 0.6, 2))
    return drawing(rng, None, lines)


def shapes(rng) -> Image.Image:
    corners = int(rng.choice([3, 5, 6, 8, 24]))
    angles = np.linspace(0, 2 * np.pi, corners + 1) + rng.uniform(0, 2)
    radius = np.ones(corners + 1)
    if rng.random() < 0.3:
        radius[1::2] *= rng.uniform(0.3, 0.8)
        radius[-1] = radius[0]
    line = np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
    lines = [
        line * rng.uniform(0.2, 0.6) + rng.uniform(-1, 1, 2) for _ in range(int(rng.integers(0, 3)))
    ]
    return drawing(rng, line, lines)


def writing(rng) -> Image.Image:
    characters = "0123456789" * 4 + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh?!&@"
    text = "".join(rng.choice(list(characters), int(rng.choice([1, 1, 1, 2, 3]))))
    font = ImageFont.load_default(size=80)
    left, top, right, bottom = font.getbbox(text)
    sheet = Image.new("L", (int(right - left) + 40, int(bottom - top) + 40), 0)
    stroke = int(rng.integers(0, 5))
    ImageDraw.Draw(sheet).text((20 - left, 20 - top), text, 255, font=font, stroke_width=stroke)
    sheet = sheet.rotate(float(rng.normal(0, 10)), Image.Resampling.BILINEAR, expand=True)
    width, height = sheet.size
    bend = rng.normal(0, 0.15, 8) * np.array([0, 1, 0, 0, 0, 0, 0, 1]) * height
    corners = np.array([0, 0, 0, height, width, height, width, 0]) + bend
    sheet = sheet.transform(
        (SIDE, SIDE), Image.Transform.QUAD, tuple(corners), Image.Resampling.BILINEAR
    )
    ink, paper = _ink_and_paper(rng)
    coverage = np.asarray(sheet, np.float32)[..., None] / 255
    picture = paper + coverage * (ink - paper)
    picture = picture.astype(np.float32)
    return camera(rng, picture) if rng.random() < 0.5 else Image.fromarray(picture.astype(np.uint8))


def face(rng) -> Image.Image:
    if rng.random() < 0.45:
        t = np.linspace(0, 2 * np.pi, 25)
        oval = np.stack([rng.uniform(0.7, 1.0) * np.cos(t), np.sin(t)], 1)
        size, y = rng.uniform(0.05, 0.15), rng.uniform(-0.4, -0.1)
        eyes = [circle(side * 0.35, y, size) for side in (-1, 1)]
        arc = np.linspace(-1, 1, 9)
        mouth = np.stack([0.4 * arc, 0.45 + rng.uniform(-0.2, 0.2) * (1 - arc**2)], 1)
        nose = [np.array([[0, -0.05], [rng.uniform(-0.1, 0.1), 0.2]])] if rng.random() < 0.6 else []
        return drawing(rng, oval, [*eyes, mouth, *nose])
    picture = ground(rng, None, SIDE, SIDE)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    skin = tuple(int(c * rng.uniform(0.85, 1.05)) for c in _SKIN[rng.integers(len(_SKIN))])
    x, radius = SIDE * rng.uniform(0.42, 0.58), SIDE * rng.uniform(0.18, 0.42)
    y = SIDE * rng.uniform(0.42, 0.55)
    if rng.random() < 0.6:  # shoulders, cut off below
        clothes = tuple(int(c) for c in colour(rng))
        draw.ellipse([x - 2 * radius, y + 1.3 * radius, x + 2 * radius, y + 5 * radius], clothes)
    _head(rng, draw, x, y, radius, skin)
    dark = tuple(int(c * 0.4) for c in skin)

    def oval(dx: float, dy: float, rx: float, ry: float, fill) -> None:
        cx, cy = x + dx * radius, y + dy * radius
        draw.ellipse([cx - rx * radius, cy - ry * radius, cx + rx * radius, cy + ry * radius], fill)

    for side in (-0.42, 0.42):
        oval(side, -0.1, 0.2, 0.09, (240, 240, 235))
        oval(side, -0.1, 0.08, 0.08, dark)
        oval(side, -0.37, 0.25, 0.04, dark)
    oval(0.0, 0.3, 0.1, 0.06, dark)
    oval(0.0, 0.68, 0.35, 0.08, (170, 80, 80))
    return camera(rng, np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)), np.float32))


def landscape(rng) -> Image.Image:
    width = int(SIDE * rng.uniform(1.0, 1.5))
    y = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
    picture = (1 - y) * colour(rng) + y * colour(rng) + np.zeros((SIDE, width, 1), np.float32)
    x = np.linspace(0, 1, width)
    for level in np.sort(rng.uniform(0.3, 0.9, int(rng.integers(1, 5)))):
        rough = rng.normal(0, 1, int(rng.integers(3, 14)))
        line = level + rng.uniform(0.01, 0.15) * np.interp(x, np.linspace(0, 1, len(rough)), rough)
        picture = np.where(y > line[None, :, None], colour(rng), picture)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.4:
        sun, r = rng.uniform(0.1, 0.9) * width, rng.uniform(3, 12)
        draw.ellipse([sun - r, 20 - r, sun + r, 20 + r], tuple(int(c) for c in colour(rng)))
    for _ in range(int(rng.integers(0, 8))):  # trees and houses
        left, base = rng.uniform(0, width), rng.uniform(0.5, 1) * SIDE
        w, h = rng.uniform(4, 25), rng.uniform(8, 50)
        fill = tuple(int(c) for c in colour(rng))
        if rng.random() < 0.5:
            draw.rectangle([left, base - h, left + w, base], fill)
        else:
            draw.polygon([(left, base), (left + w, base), (left + w / 2, base - h)], fill)
    picture = (
        np.asarray(image, np.float32) + (rng.uniform(0, 25) * texture(rng, SIDE, width))[..., None]
    )
    return camera(rng, picture)
