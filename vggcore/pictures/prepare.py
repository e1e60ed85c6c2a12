"""From a photo or drawing to exactly what the network sees, keeping each step for the page.

Numpy and Pillow only, deterministic, a few milliseconds per picture. Fashion-MNIST's makers
photographed on white, trimmed, scaled the longest side to 28 pixels and negated, so that the
background is 0. Here the background may be anything. It is estimated from the picture's border,
and what *differs* from it, in any colour channel and either direction, becomes bright: pen on
paper, a white shirt on a red carpet and a Fashion-MNIST image itself all end up bright on black.

That difference is an outline: it merges the garments that a person wears. So networks for photos
also get the picture in colour, framed the same way.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from vggcore.machine.messages import Message
from vggcore.pictures import foreground
from vggcore.pictures.decode import opaque


class Style(NamedTuple):
    """One form in which networks get pictures."""

    margin: float  # border, as a share of the side
    channels: int  # 1: outline or grey; 3: red, green, blue; 4: these and the outline
    whole: bool = False  # the whole picture as it is, not cut to what stands out


STYLES = {
    "wild": Style(1 / 16, 1),
    "fashion-mnist": Style(0.0, 1),  # fills the frame as that data set does
    "colour": Style(1 / 16, 3),
    "colour-outline": Style(1 / 16, 4),
    "picture": Style(0.0, 3, whole=True),
    "grey-picture": Style(0.0, 1, whole=True),
}
INVERT = ("auto", "yes", "no")
CROP = ("auto", "off")
BACKGROUND = ("auto", "keep", "remove")

_WORKING_SIDE = 128  # pixels of the longest side when background and garment are found
_DIM = 90.0  # a garment on black is brightened if its brightest grey level is below this
_FAINT = 10.0  # grey levels: a picture that differs less than this from its background is blank


class Prepared(NamedTuple):
    """What `prepare` made of a picture, and what it decided on the way."""

    steps: list[tuple[str, np.ndarray]]  # (name, uint8 [H,W] or [H,W,3]); the last: network input
    network_input: np.ndarray  # uint8 [S,S], garment bright on black; in colour [S,S,C]
    inverted: bool  # the garment was taken to be darker than its background
    cropped: bool  # the picture was cut to what differs from the background
    blank: bool  # nothing differs from the background
    drawn: bool  # a drawing, an icon or an image of the data set, not a photo
    middle: np.ndarray | None = None  # the input for a photo's middle, if that was asked for

    @property
    def inputs(self) -> list[np.ndarray]:
        """What the network looks at: the whole, and for photos perhaps the middle."""
        return [self.network_input] if self.middle is None else [self.network_input, self.middle]


def prepare(
    image,
    size: int = 64,
    style: str = "wild",
    *,
    invert: str = "auto",
    crop: str = "auto",
    background: str = "auto",
    middle: float = 0.0,
) -> Prepared:
    """Put any picture of a garment into the form that a network was trained on.

    image: PIL image, or uint8 array [H,W] or [H,W,3]. size: side of the result, pixels.
    style: one of `STYLES`; those for whole pictures take the picture as it is, within a square,
    and use only invert "yes" of the options below.
    invert: "auto" takes what is darker or brighter than the background; "yes" only what is darker;
    "no" only what is brighter. crop: "off" keeps the whole picture. background: "keep" leaves it
    in the picture, "remove" blanks all that is close to its colour, "auto" does so where it is
    plain; colours always stay. middle: with crop "auto", prepare the middle of a photo too: this
    share of each side; 0 does not. Raises ValueError.
    """
    _check("style", style, tuple(STYLES))
    _check("invert", invert, INVERT)
    _check("crop", crop, CROP)
    _check("background", background, BACKGROUND)
    if STYLES[style].whole:
        return _whole(as_picture(image), size, STYLES[style].channels, negate=invert == "yes")
    original, picture = _without_rim(as_picture(image))
    view = whole = _View.of(picture, invert)
    inverted = _darker(view.signed, view.mask) if invert == "auto" else invert == "yes"
    blank = not view.mask.any() or foreground.high(np.abs(view.signed), 99.9) < _FAINT
    # Fashion-MNIST's own images and cut-outs on black keep their original brightness.
    on_black = view.spread == 0 and view.background.max() <= foreground.SAME

    bright = _bright(view, invert, inverted, background)
    dim = foreground.high(bright[view.mask], 97) < _DIM if not blank else True
    full = 255.0 if on_black and not dim else None
    steps: list[tuple[str, np.ndarray]] = [
        (Message("picture"), np.asarray(picture)),
        (Message("against its background"), _stretched(bright, view, full)),
    ]

    box = (
        _box(view.mask, 0.003 if view.spread else 0.0005) if crop == "auto" and not blank else None
    )
    if box is not None and max(box[1] - box[0], box[3] - box[2]) < size:
        # Small in a large picture: cut it from the original, which shows it in more detail.
        view, box = view.closer(original, box, invert)
        bright = _bright(view, invert, inverted, background)
    fill = view.background.mean(axis=(0, 1))
    cut = np.s_[box[0] : box[1], box[2] : box[3]] if box is not None else np.s_[:, :]
    garment = view.cut(cut)
    cut_out = np.zeros(garment.mask.shape, np.uint8)
    if not blank:
        cut_out = _stretched(bright[cut], garment, full)
    steps.append((Message("cut out"), cut_out))
    margin, channels, _ = STYLES[style]
    result = _centred(_thickened(cut_out, garment.mask, size), size, margin)
    if channels == 1:
        steps.append((Message("network input"), result))
    else:
        framed = _framed(view.colours, box, size, margin, fill)
        if channels == 4:
            steps += [
                (Message("outline"), result),
                (Message("network input: colours and the outline"), framed),
            ]
        else:
            steps.append((Message("network input"), framed))
        result = np.dstack([framed, result]) if channels == 4 else framed
    drawn = foreground.is_drawn(whole.colours, whole.spread, whole.signed, whole.mask)
    within = None
    if middle and crop == "auto" and not (drawn or blank):
        part = _middle_of(original, middle)
        inner = prepare(part, size, style, invert=invert, background=background)
        within = None if inner.blank else inner.network_input
    return Prepared(steps, result, bool(inverted), box is not None, bool(blank), drawn, within)


def visible(network_input: np.ndarray) -> np.ndarray:
    """What people can see of a network's input: grey uint8 [S, S], or its colours [S, S, 3]."""
    return network_input[..., :3] if network_input.ndim == 3 else network_input


def _middle_of(picture: Image.Image, share: float) -> Image.Image:
    """The middle of the picture, with this share of its width and height."""
    width, height = (max(1, round(length * share)) for length in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def network_input(picture: Image.Image, size: int, style: str) -> np.ndarray:
    """What `prepare` makes of a picture for the network, without the steps on the way."""
    if not STYLES[style].whole:
        return prepare(picture, size, style).network_input
    return np.asarray(_in_a_square(as_picture(picture), size, STYLES[style].channels))


def _whole(picture: Image.Image, size: int, channels: int, negate: bool) -> Prepared:
    result = np.asarray(_in_a_square(picture, size, channels, negate))
    steps: list[tuple[str, np.ndarray]] = [
        (Message("picture"), np.asarray(_working_copy(picture))),
        (Message("network input"), result),
    ]
    blank = int(result.max()) - int(result.min()) < _FAINT
    return Prepared(steps, result, negate, False, blank, False)


def _in_a_square(
    picture: Image.Image, size: int, channels: int, negate: bool = False
) -> Image.Image:
    """The picture in the middle of a square that is filled with the colour of its edge."""
    scale = size / max(picture.size)
    width, height = (max(1, round(length * scale)) for length in picture.size)
    grow = scale > 1
    way = Image.Resampling.BILINEAR if grow else Image.Resampling.BOX
    small = picture.resize((width, height), way)
    if negate:
        small = ImageOps.invert(small)
    if channels == 1:
        small = small.convert("L")
    if width == height:
        return small
    pixels = np.asarray(small)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    fill = np.median(edge, axis=0).astype(int).tolist()
    square = Image.new(small.mode, (size, size), fill if channels == 1 else tuple(fill))
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return square


class _View(NamedTuple):
    """A picture, or part of one, against its background; arrays of the same height and width."""

    colours: np.ndarray  # float32 [H, W, 3]
    background: np.ndarray  # its colour, float32 [H, W, 3]
    spread: float  # of the border's pixels around it, grey levels
    signed: np.ndarray  # float32 [H, W]: how much brighter or darker than the background
    threshold: float  # grey levels of difference from which a pixel belongs to the garment
    mask: np.ndarray  # bool [H, W]: pixels that belong to it

    @classmethod
    def of(cls, picture: Image.Image, invert: str) -> "_View":
        colours = np.asarray(picture, dtype=np.float32)
        difference = foreground.against_background(colours)
        mask = _of_sign(difference.mask, difference.signed, invert)
        return cls(
            colours,
            difference.background,
            difference.spread,
            difference.signed,
            difference.threshold,
            mask,
        )

    def cut(self, part) -> "_View":
        return self._replace(
            colours=self.colours[part],
            background=self.background[part],
            signed=self.signed[part],
            mask=self.mask[part],
        )

    def closer(self, original: Image.Image, box, invert: str) -> tuple["_View", tuple]:
        """The box and its surroundings in the original's pixels, and where the box is there.

        The same background and threshold decide what belongs to the garment.
        """
        height, width = self.mask.shape
        scale = original.width / width
        if scale <= 1:
            return self, box
        top, bottom, left, right = box
        room = max(bottom - top, right - left) // 4 + 1
        y0, y1 = max(0, top - room), min(height, bottom + room)
        x0, x1 = max(0, left - room), min(width, right + room)
        part = original.crop((x0 * scale, y0 * scale, x1 * scale, y1 * scale))
        picture = _working_copy(part)
        colours = np.asarray(picture, dtype=np.float32)
        if self.spread == 0:
            behind = np.broadcast_to(self.background[0, 0], colours.shape)
        else:
            rows = np.linspace(y0, y1 - 1, colours.shape[0]).round().astype(int)
            columns = np.linspace(x0, x1 - 1, colours.shape[1]).round().astype(int)
            behind = self.background[np.ix_(rows, columns)]
        signed = foreground.strongest_channel(colours - behind)
        mask = _of_sign(np.abs(signed) > self.threshold, signed, invert)
        down, across = colours.shape[0] / (y1 - y0), colours.shape[1] / (x1 - x0)
        there = (
            int((top - y0) * down),
            round((bottom - y0) * down),
            int((left - x0) * across),
            round((right - x0) * across),
        )
        return _View(colours, behind, self.spread, signed, self.threshold, mask), there


def _of_sign(mask: np.ndarray, signed: np.ndarray, invert: str) -> np.ndarray:
    """The mask's pixels that are darker than the background ("yes"), brighter ("no") or either."""
    if invert == "auto":
        return mask
    return mask & (signed < 0 if invert == "yes" else signed > 0)


def _bright(view: _View, invert: str, inverted: bool, background: str) -> np.ndarray:
    """How bright each pixel becomes, float32 [H, W]: its difference from the background."""
    if background == "keep":
        bright = _grey(view.colours)
        bright = 255.0 - bright if inverted else bright
    elif invert == "auto":
        bright = np.abs(view.signed)
    else:
        bright = np.maximum(-view.signed if inverted else view.signed, 0.0)
    if background == "remove" or (background == "auto" and view.spread < foreground.BUSY):
        # Soft, so that faint pencil strokes are thinned rather than cut into pieces.
        bright = np.clip(bright - min(1.5 * view.spread, 0.5 * view.threshold), 0.0, None)
    return bright


def takes_whole(style: str) -> bool:
    """Whether a style, which may be an unknown one, takes the picture as it is."""
    return style in STYLES and STYLES[style].whole


def _check(name: str, value, allowed: tuple) -> None:
    if value not in allowed:
        raise ValueError(
            Message(
                "unknown {name} {value!r}: choose one of {names}",
                name=name,
                value=value,
                names=", ".join(allowed),
            )
        )


def as_picture(image) -> Image.Image:
    """A PIL image or uint8 array as RGB, with transparent parts filled as in `opaque`.

    Raises ValueError for anything that is not a picture.
    """
    if isinstance(image, np.ndarray):
        flat, coloured = image.ndim == 2, image.ndim == 3 and image.shape[2] == 3
        if image.dtype != np.uint8 or not (flat or coloured) or 0 in image.shape:
            raise ValueError(
                Message(
                    "a picture is a uint8 array [H,W] or [H,W,3], not {dtype} {shape}",
                    dtype=image.dtype,
                    shape=image.shape,
                )
            )
        image = Image.fromarray(np.ascontiguousarray(image))
    elif not isinstance(image, Image.Image):
        raise ValueError(
            Message("a picture is a PIL image or an array, not {kind}", kind=type(image).__name__)
        )
    return opaque(image)


def _without_rim(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The picture without a frame around it, and its working copy."""
    small = _working_copy(image)
    inside = foreground.inside_rim(np.asarray(small, np.float32))
    if inside is None:
        return image, small
    top, bottom, left, right = inside
    down, across = image.height / small.height, image.width / small.width
    edges = (left * across, top * down, right * across, bottom * down)
    image = image.crop(edges)
    return image, _working_copy(image)


def _working_copy(image: Image.Image) -> Image.Image:
    """The picture with its longest side at most `_WORKING_SIDE`."""
    longest = max(image.size)
    if longest > 2 * _WORKING_SIDE:
        image = image.reduce(longest // _WORKING_SIDE)
    if max(image.size) > _WORKING_SIDE:
        scale = _WORKING_SIDE / max(image.size)
        side = [max(1, round(length * scale)) for length in image.size]
        image = image.resize(side, Image.Resampling.BOX)
    return image


def _grey(colours: np.ndarray) -> np.ndarray:
    """ITU-R 601 luma, float32 [H,W]."""
    return colours @ np.array([0.299, 0.587, 0.114], np.float32)


def _darker(signed: np.ndarray, mask: np.ndarray) -> bool:
    """Whether what differs from the background is mostly darker than it."""
    return bool(mask.any() and signed[mask].sum() < 0)


def _stretched(bright: np.ndarray, view: _View, full: float | None) -> np.ndarray:
    """Uint8, scaled so that `full`, or else the garment's brightest parts, become 255."""
    top = full or (foreground.high(bright[view.mask], 97) if view.mask.any() else 255.0)
    return np.clip(bright * (255.0 / max(top, 1.0)), 0, 255).astype(np.uint8)


def _box(mask: np.ndarray, stray: float) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right) around the mask; None: no clear box.

    stray: share of the mask that may be specks and is ignored on each side.
    """
    rows = _span(mask.mean(axis=1), stray)
    columns = _span(mask.mean(axis=0), stray)
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    if min(height, width) < 3 or max(height, width) < 8:
        return None
    return *rows, *columns


def _span(profile: np.ndarray, stray: float) -> tuple[int, int]:
    """The first index that holds a noticeable share of the mask, and one past the last."""
    total = profile.sum()
    cumulated = np.cumsum(profile)
    first = int(np.searchsorted(cumulated, stray * total, side="right"))
    last = int(np.searchsorted(cumulated, (1 - stray) * total))
    return first, min(last + 1, len(profile))


def _thickened(bright: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """Thin pen lines thickened so that they survive scaling down; all else unchanged."""
    longest = max(bright.shape)
    if longest < size or mask.mean() > 0.16:
        return bright
    return np.asarray(Image.fromarray(bright).filter(ImageFilter.MaxFilter(3)))


def _centred(bright: np.ndarray, size: int, margin: float) -> np.ndarray:
    """Scaled so that the longest side fits inside the margins, centred on a black square."""
    height, width = bright.shape
    room = size - 2 * round(size * margin)
    scale = room / max(height, width)
    new = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = Image.fromarray(bright).resize(new, Image.Resampling.BILINEAR)
    frame = Image.new("L", (size, size))
    # If it cannot be exactly central, then right of and below it, as in Fashion-MNIST.
    frame.paste(scaled, ((size - new[0] + 1) // 2, (size - new[1] + 1) // 2))
    return np.asarray(frame)


def _framed(colours: np.ndarray, box, size: int, margin: float, fill: np.ndarray) -> np.ndarray:
    """The same square as `_centred` shows, in colour: uint8 [size, size, 3].

    Around the box it shows the picture, and beyond the picture's edges `fill`.
    """
    top, bottom, left, right = box or (0, colours.shape[0], 0, colours.shape[1])
    room = size - 2 * round(size * margin)
    side = max(1, round(max(bottom - top, right - left) * size / room))
    y, x = (top + bottom - side) // 2, (left + right - side) // 2
    square = np.empty((side, side, 3), np.float32)
    square[:] = fill
    y0, x0 = max(y, 0), max(x, 0)
    y1, x1 = min(y + side, colours.shape[0]), min(x + side, colours.shape[1])
    square[y0 - y : y1 - y, x0 - x : x1 - x] = colours[y0:y1, x0:x1]
    whole = Image.fromarray(np.clip(square, 0, 255).astype(np.uint8))
    return np.asarray(whole.resize((size, size), Image.Resampling.BILINEAR))
