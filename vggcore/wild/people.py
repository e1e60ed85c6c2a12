"""Pictures of made-up people: what garments look like when worn.

Each garment looks as its class does when worn: shirts have a collar and a placket, pullovers a
knitted hem, coats lapels and often an open front. Its cloth is made up, or comes from a photo.
The same generator state gives the same picture.
"""

import copy
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vggcore.wild.backgrounds import background, camera, colour, smooth_noise, texture
from vggcore.wild.cutouts import Garment
from vggcore.wild.figures import (
    CROTCH,
    HIP,
    NECK,
    SHOULDER,
    WAIST,
    Figure,
    both_sides,
    disc,
    figure,
    limb,
)
from vggcore.wild.outfits import Outfit
from vggcore.wild.scenes import Cutout, cut_out
from vggcore.wild.shapes import ANKLE_BOOT, BAG, COAT, DRESS, PULLOVER, SHIRT, SHOES, TOPS, TROUSER

FROM_PHOTOS = (*TOPS, DRESS, TROUSER)  # classes whose cloth may come from a photo
_WHOLE_PERSON = 0.12  # share of clothes shown with the whole person
_PATTERNED: dict[int | None, float] = {
    SHIRT: 0.5,
    DRESS: 0.45,
    TROUSER: 0.08,
}  # share with a pattern
_SOME_PATTERNED = 0.25  # of all others
_LARGEST = 1200  # pixels of cloth laid on a garment that is seen very close

Maker = Callable[[np.random.Generator, int], Garment]


def person(
    rng: np.random.Generator,
    label: int,
    garment_of: Maker,
    swatch: np.ndarray | None = None,
    patches: np.ndarray | None = None,
) -> Image.Image:
    """A picture of a person wearing a garment of class `label`, framed around it.

    garment_of: makes shoes and bags. swatch: what the garment is made of, uint8 [H, W, 3], as
    `swatch_of` gives it; none: made-up cloth. patches: backgrounds cut from photos, as
    `backgrounds.background` takes them.
    """
    body = figure(rng)
    outfit = Outfit(rng, body, label)
    frame = _framing(rng, outfit.box(), label)
    width, height = frame[2] - frame[0], frame[3] - frame[1]
    scale = rng.uniform(90, 170) / max(width, height)
    size = max(24, round(height * scale)), max(24, round(width * scale))
    canvas = _Canvas(background(rng, patches, *size), frame[:2], scale)
    _Painter(rng, canvas, body, outfit, swatch).paint(garment_of)
    return camera(rng, canvas.picture)


def swatch_of(picture: Image.Image, mask: np.ndarray, label: int) -> np.ndarray | None:
    """The middle of a garment, without sleeves: uint8 [H, W, 3]; None where it is too small.

    mask: bool [H, W], where the garment is in the picture.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) < 24 or len(columns) < 24:
        return None
    left, right = columns[0], columns[-1] + 1
    if label in TOPS:  # between the sleeves
        left, right = left + (right - left) * 28 // 100, right - (right - left) * 28 // 100
    part = np.s_[rows[0] : rows[-1] + 1, left:right]
    colours, inside = np.asarray(picture.convert("RGB"))[part].copy(), mask[part]
    if not inside.any():
        return None
    colours[~inside] = np.median(colours[inside], axis=0)
    return colours


def _framing(rng: np.random.Generator, box: np.ndarray, label: int) -> np.ndarray:
    """Left, top, right, bottom: from tight to twice the garment, sometimes the whole person."""
    low, high = box
    if label not in (*SHOES, BAG) and rng.random() < _WHOLE_PERSON:
        top = rng.uniform(-0.06, 0.12)
        return np.array([-rng.uniform(0.2, 0.35), top, rng.uniform(0.2, 0.35), 1.04])
    wide = rng.random() ** 0.6
    room = rng.uniform(0.3, 0.6, (2, 2)) * wide + rng.uniform(-0.04, 0.06, (2, 2))
    return np.concatenate([low - room[0] * (high - low), high + room[1] * (high - low)])


class _Canvas:
    """A float32 picture [H, W, 3] to paint on in place, in a figure's own coordinates."""

    def __init__(self, picture: np.ndarray, origin: np.ndarray, scale: float):
        self.picture, self.origin, self.scale = picture, origin, scale

    def pixels(self, points) -> np.ndarray:
        return (np.asarray(points, np.float32) - self.origin) * self.scale

    def paint(self, outline: np.ndarray, cloth: np.ndarray, round_: float = 0.5) -> None:
        """Fill an outline.

        cloth: one colour [3], or [H, W, 3] over the whole picture. round_: how much darker it
        becomes towards its edges, as round things do, 0…1.
        """
        height, width = self.picture.shape[:2]
        drawn = Image.new("L", (2 * width, 2 * height))
        points = self.pixels(outline) * 2
        ImageDraw.Draw(drawn).polygon([tuple(point) for point in points.tolist()], fill=255)
        box = drawn.getbbox()
        if box is None:
            return
        left, top = box[0] // 2, box[1] // 2
        right, bottom = min(width, box[2] // 2 + 1), min(height, box[3] // 2 + 1)
        mask = drawn.crop((2 * left, 2 * top, 2 * right, 2 * bottom)).reduce(2)
        alpha = np.asarray(mask, np.float32)[..., None] / 255
        # Long parts are round across their narrow side.
        blur = ImageFilter.GaussianBlur(max(1.0, 0.11 * float(np.ptp(points, axis=0).min())))
        light = 1 - round_ * (1 - np.asarray(mask.filter(blur), np.float32)[..., None] / 255)
        cloth = cloth if cloth.ndim == 1 else cloth[top:bottom, left:right]
        area = self.picture[top:bottom, left:right]
        area += alpha * (cloth * light - area)

    def line(self, points, width: float, tone: np.ndarray) -> None:
        """A seam, a strap or an edge."""
        self.paint(limb(np.asarray(points), [width] * len(points)), tone, 0.15)

    def paste(self, rng, garment: Garment, middle, size, flip: bool) -> None:
        """A shoe or a bag of this size, centred on `middle`."""
        width, height = (max(3, int(side * self.scale)) for side in size)
        cut = cut_out(rng, garment, width, height, flip)
        down, across = cut.alpha.shape
        x, y = self.pixels(middle)
        cut.paste(self.picture, int(x - across / 2), int(y - down / 2))


class _Painter:
    """Paints a person in their outfit, from back to front."""

    def __init__(self, rng, canvas: _Canvas, body: Figure, outfit: Outfit, swatch):
        self.rng, self.canvas, self.body = rng, canvas, body
        self.outfit, self.swatch = outfit, swatch

    def paint(self, garment_of: Maker) -> None:
        rng, body, canvas, outfit = self.rng, self.body, self.canvas, self.outfit
        long_hair = self._maybe(0.5)
        if long_hair:
            end = (0.06, rng.uniform(0.17, 0.3))
            hair = both_sides([(0.03, 0.0), (0.052, 0.03), (0.055, 0.1), end])
            canvas.paint(hair, body.hair)
        tights = not outfit.trouser and self._maybe(0.35)
        below = colour(rng) * 0.5 if tights else body.skin
        for leg in body.legs:
            canvas.paint(limb(leg, np.array([0.085, 0.058, 0.04])), below)
        self._shoes(garment_of)
        if outfit.trouser:
            self._trouser()
        elif not outfit.dress:
            skirt = outfit.skirt()
            canvas.paint(skirt, self._cloth(None, skirt))
        if outfit.dress:
            self._dress()
        else:
            self._top()
        if outfit.coat:
            self._coat()
        if outfit.bag:
            self._bag(garment_of)
        self._head(long_hair)

    def _maybe(self, chance: float) -> bool:
        return bool(self.rng.random() < chance)

    def _cloth(self, label: int | None, outline: np.ndarray) -> np.ndarray:
        """Cloth over the whole picture; the swatch where the outline is, if it is for `label`."""
        rng = self.rng
        cloth = np.empty_like(self.canvas.picture)
        height, width = cloth.shape[:2]
        if label == self.outfit.label and self.swatch is not None:
            cloth[:] = np.median(self.swatch.reshape(-1, 3), axis=0)
            corners = self.canvas.pixels(outline)
            _lay(cloth, self.swatch, np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)))
        else:
            jeans = label == TROUSER and self._maybe(0.5)
            cloth[:] = np.array([50, 65, 95]) * rng.uniform(0.4, 1.9) if jeans else colour(rng)
            if self._maybe(_PATTERNED.get(label, _SOME_PATTERNED)):
                strength = rng.uniform(10, 80) * rng.uniform(0.4, 1.0, 3)
                cloth += texture(rng, height, width)[..., None] * strength
        folds = smooth_noise(rng, height, width, int(rng.integers(5, 16)))
        return (cloth * (1 + rng.uniform(0.02, 0.14) * folds[..., None])).clip(0, 255)

    def _arms(self) -> None:
        for arm in self.body.arms:
            self.canvas.paint(limb(arm, np.array([0.05, 0.042, 0.032])), self.body.skin)
            self.canvas.paint(disc(arm[2, 0], arm[2, 1] + 0.012, 0.02), self.body.skin, 0.3)

    def _sewn(self, label: int, edge: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        """Paint the garment; returns its cloth's mean colour, and a darker one for seams.

        Arms come after its body, since they may be held in front, and sleeves last.
        """
        parts, sleeves = self.outfit.body(label), self.outfit.sleeves(label)
        cloth = self._cloth(label, np.vstack(parts))
        roundness = self.rng.uniform(*edge)
        for part in parts:
            self.canvas.paint(part, cloth, roundness)
        if label != TROUSER:
            self._arms()
        for part in sleeves:
            self.canvas.paint(part, cloth, roundness)
        mean = cloth.mean(axis=(0, 1))
        return mean, mean * self.rng.uniform(0.45, 0.85)

    def _across(self, half: float, y: float, width: float, tone: np.ndarray) -> None:
        self.canvas.line([(-half, y), (half, y)], width, tone)

    def _trouser(self) -> None:
        _, dark = self._sewn(TROUSER, (0.35, 0.75))
        self.canvas.line([(0, WAIST + 0.05), (0, CROTCH + 0.01)], 0.004, dark)
        if self._maybe(0.5):  # a belt
            self._across(self.body.waist, WAIST + 0.05, 0.016, colour(self.rng) * 0.5)

    def _dress(self) -> None:
        rng, body, outfit = self.rng, self.body, self.outfit
        _, dark = self._sewn(DRESS, (0.2, 0.6))
        if self._maybe(0.5):
            self._across(body.waist, WAIST, rng.uniform(0.004, 0.02), dark)
        for x in rng.uniform(-0.8, 0.8, int(rng.integers(0, 5))):
            low = (x * (body.hip + outfit.flare), outfit.dress_hem - 0.01)
            self.canvas.line([(x * body.waist, WAIST + 0.03), low], 0.004, dark)
        self._neck(rng.uniform(0.02, 0.09), self._maybe(0.4), dark)

    def _top(self) -> None:
        rng, outfit = self.rng, self.outfit
        mean, dark = self._sewn(outfit.top, (0.3, 0.7))
        if outfit.top == SHIRT:
            self._neck(rng.uniform(0.02, 0.06), True, None)
            self._placket(mean, dark)
        elif outfit.top == PULLOVER:
            if self._maybe(0.3):  # a polo neck
                self.canvas.paint(limb(np.array([(0, 0.115), (0, 0.17)]), [0.07, 0.085]), mean)
            else:
                self._neck(rng.uniform(0.01, 0.05), self._maybe(0.25), dark)
            if not outfit.tucked:
                half = self.body.hip + outfit.ease
                self._across(half, outfit.hem - 0.012, 0.02, mean * rng.uniform(0.7, 0.95))
        else:
            self._neck(rng.uniform(0.01, 0.09), self._maybe(0.25), dark)
            if self.swatch is None and self._maybe(0.35):  # a print
                print_ = disc(0, rng.uniform(0.28, 0.34), rng.uniform(0.02, 0.05))
                self.canvas.paint(print_, colour(rng), 0.0)

    def _placket(self, mean: np.ndarray, dark: np.ndarray) -> None:
        """Collar, front and buttons of a shirt."""
        rng, canvas, hem = self.rng, self.canvas, self.outfit.hem
        canvas.line([(0, NECK + 0.03), (0.004, hem)], 0.005, dark)
        if self._maybe(0.75):
            for side in (-1, 1):
                corner = (side * rng.uniform(0.025, 0.045), NECK + rng.uniform(0.03, 0.05))
                collar = np.array([(side * 0.036, 0.14), corner, (side * 0.006, NECK + 0.028)])
                canvas.paint(collar, np.clip(mean * 1.08, 0, 255), 0.3)
        if self._maybe(0.7):
            for y in np.arange(NECK + 0.06, hem - 0.01, 0.042):
                canvas.paint(disc(0.008, y, 0.004), dark, 0.0)
        if self._maybe(0.3):
            pocket = [(0.03, 0.26), (0.075, 0.26), (0.075, 0.31), (0.03, 0.31), (0.03, 0.26)]
            canvas.line(np.array(pocket) * [rng.choice([-1, 1]), 1], 0.003, dark)

    def _coat(self) -> None:
        rng, canvas, outfit = self.rng, self.canvas, self.outfit
        mean, dark = self._sewn(COAT, (0.3, 0.7))
        if self._maybe(0.75):  # lapels, or a collar
            low = rng.uniform(0.2, 0.36)
            for side in (-1, 1):
                edge = side * max(outfit.coat_open * 0.5, 0.003)
                lapel = [(side * 0.03, 0.15), (side * rng.uniform(0.05, 0.08), 0.21), (edge, low)]
                canvas.paint(np.array(lapel), mean * rng.uniform(0.7, 1.1), 0.4)
                canvas.line(lapel, 0.003, dark)
        if not outfit.coat_open:
            canvas.line([(0, 0.2), (0, outfit.coat_hem)], 0.005, dark)
        if self._maybe(0.25):  # a belt
            self._across(self.body.waist + outfit.ease + 0.012, WAIST, 0.02, dark)
        for side in (-1, 1):
            if self._maybe(0.5):  # a pocket
                x, y = side * 0.55 * self.body.hip, min(outfit.coat_hem - 0.04, HIP - 0.02)
                canvas.line([(x - 0.02, y), (x + 0.02, y)], 0.004, dark)

    def _neck(self, deep: float, pointed: bool, trim: np.ndarray | None) -> None:
        """The neck, and how far down skin shows. trim: colour of the neckline's edge."""
        skin, around = self.body.skin, np.linspace(-1, 1, 9)
        depth = (1 - np.abs(around)) if pointed else (1 - around**2)
        arc = np.stack([0.037 * around, NECK + deep * depth + 0.008], 1)
        self.canvas.paint(limb(np.array([(0, 0.1), (0, 0.165)]), [0.055, 0.06]), skin)
        self.canvas.paint(np.vstack([arc, [(0.03, 0.15), (-0.03, 0.15)]]), skin, 0.2)
        if trim is not None and self._maybe(0.6):
            self.canvas.line(arc, 0.005, trim)

    def _head(self, long_hair: bool) -> None:
        rng, body, canvas = self.rng, self.body, self.canvas
        covered = not self.outfit.dress and self.outfit.top == PULLOVER
        throat = np.array([(0, 0.1), (0, 0.12 if covered else 0.15)])
        canvas.paint(limb(throat, [0.05, 0.055]), body.skin)
        canvas.paint(disc(0, 0.065, 0.045, 0.06), body.skin, 0.3)
        if self._maybe(0.9):
            canvas.paint(disc(0, 0.035, 0.05, 0.042), body.hair, 0.3)
        if long_hair and self._maybe(0.5):  # in front of the shoulders
            for side in (-1, 1):
                end = (side * 0.055, rng.uniform(0.16, 0.28))
                canvas.paint(limb(np.array([(side * 0.045, 0.05), end]), [0.02, 0.025]), body.hair)
        if self._maybe(0.15):  # a scarf
            canvas.paint(disc(0, 0.165, 0.06, 0.03), colour(rng))

    def _shoes(self, garment_of: Maker) -> None:
        rng, canvas, outfit = self.rng, self.canvas, self.outfit
        shoe = garment_of(rng, outfit.shoe)
        rows, columns = np.ptp(np.nonzero(shoe.mask), axis=1) + 1
        from_above = rows > 1.2 * columns
        length = rng.uniform(0.1, 0.135)
        tallest = 0.105 if outfit.shoe == ANKLE_BOOT else 0.055
        # Both are made of the same cloth, so their random numbers are the same.
        numbers = (copy.deepcopy(rng), rng)
        for leg, toes, own in zip(self.body.legs, outfit.toes, numbers, strict=True):
            x, y = leg[2]
            sole = y + 0.055
            if from_above:  # seen from the front, a foot is shorter than it is
                size = (0.05, 0.075)
                foot = limb(np.array([(x, y), (x, sole - 0.01)]), [0.04, 0.045])
            else:
                size = (length, min(length * rows / columns, tallest))
                tip = (x + toes * 0.68 * length, sole - 0.012)
                foot = limb(np.array([leg[2], (x, sole - 0.02), tip]), [0.04, 0.04, 0.02])
                x = x + toes * 0.28 * length
            canvas.paint(foot, self.body.skin)
            # Shoes of the data set, and made-up ones, point left.
            canvas.paste(own, shoe, (x, sole - size[1] / 2), size, toes > 0)

    def _bag(self, garment_of: Maker) -> None:
        rng, outfit = self.rng, self.outfit
        if outfit.strap_side:
            shoulder = (outfit.strap_side * self.body.broad * 0.6, SHOULDER - 0.01)
            strap = colour(rng) * 0.6
            for shift in (-0.35, 0.2) if self._maybe(0.5) else (0.0,):
                end = outfit.bag_middle + outfit.bag_size * [shift, -0.4]
                self.canvas.line([shoulder, end], rng.uniform(0.006, 0.02), strap)
        bag = garment_of(rng, BAG)
        self.canvas.paste(rng, bag, outfit.bag_middle, outfit.bag_size, self._maybe(0.5))


def _lay(cloth: np.ndarray, swatch: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Lay the swatch over this part of the cloth, in place; anything outside is cut off."""
    width, height = (max(int(side), 1) for side in high - low)
    if max(width, height) > _LARGEST:
        return
    laid = np.asarray(Image.fromarray(swatch).resize((width, height)), np.float32)
    Cutout(np.ones((height, width), np.float32), laid).paste(cloth, int(low[0]), int(low[1]))
