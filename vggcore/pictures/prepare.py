"""From a photo or drawing to exactly what the network sees, keeping each step for the page.

Numpy and Pillow only, deterministic, a few milliseconds per picture. A style says in which form a
network gets its pictures: the whole picture in a square, or what stands out from the background
(`cut_out`). That is an outline: it merges the garments that a person wears. So networks for photos
also get the picture in colour, framed the same way.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from PIL import Image

from vggcore.machine.messages import Message
from vggcore.pictures.cut_out import BACKGROUND, CROP, FAINT, INVERT, CutOut, cut_out
from vggcore.pictures.decode import opaque
from vggcore.pictures.framing import (
    centred,
    framed,
    in_a_square,
    middle_of,
    thickened,
    working_copy,
)

Steps = list[tuple[str, np.ndarray]]  # (name, uint8 [H,W] or [H,W,3])


class Style(NamedTuple):
    """One form in which networks get pictures."""

    channels: int  # 1: outline or grey; 3: red, green, blue; 4: these and the outline
    margin: float = 0.0  # border, as a share of the side
    # A cut-out's last steps and the network's input, uint8 [S, S] or [S, S, C]; None: the whole
    # picture as it is.
    draw: Callable[[CutOut, int, float], tuple[Steps, np.ndarray]] | None = None

    @property
    def whole(self) -> bool:
        return self.draw is None


def _outline(cut: CutOut, size: int, margin: float) -> tuple[Steps, np.ndarray]:
    outline = centred(thickened(cut.bright, cut.mask, size), size, margin)
    return [(Message("network input"), outline)], outline


def _colours(cut: CutOut, size: int, margin: float) -> tuple[Steps, np.ndarray]:
    colours = framed(cut.colours, cut.box, size, margin, cut.fill)
    return [(Message("network input"), colours)], colours


def _colours_and_outline(cut: CutOut, size: int, margin: float) -> tuple[Steps, np.ndarray]:
    outline, colours = (draw(cut, size, margin)[1] for draw in (_outline, _colours))
    steps: Steps = [
        (Message("outline"), outline),
        (Message("network input: colours and the outline"), colours),
    ]
    return steps, np.dstack([colours, outline])


# Their names are in cards. The first of each number of channels is `style_for`'s choice.
STYLES = {
    "outline": Style(1, 1 / 16, _outline),
    "fashion-mnist": Style(1, 0.0, _outline),  # fills the frame as that data set does
    "colour": Style(3, 1 / 16, _colours),
    "colour-outline": Style(4, 1 / 16, _colours_and_outline),
    "picture": Style(3),
    "grey-picture": Style(1),
}


class Prepared(NamedTuple):
    """What `prepare` made of a picture, and what it decided on the way."""

    steps: Steps  # the last: network input
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
    style: str = "outline",
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
    _check("style", style, STYLES)
    _check("invert", invert, INVERT)
    _check("crop", crop, CROP)
    _check("background", background, BACKGROUND)
    channels, margin, draw = STYLES[style]
    if draw is None:
        return _whole(as_picture(image), size, channels, negate=invert == "yes")
    cut = cut_out(as_picture(image), size, invert, crop, background)
    last_steps, network_input = draw(cut, size, margin)
    within = None
    if middle and crop == "auto" and not (cut.drawn or cut.blank):
        part = middle_of(cut.original, middle)
        inner = prepare(part, size, style, invert=invert, background=background)
        within = None if inner.blank else inner.network_input
    return Prepared(
        cut.steps + last_steps,
        network_input,
        cut.inverted,
        cut.box is not None,
        cut.blank,
        cut.drawn,
        within,
    )


def network_input(picture: Image.Image, size: int, style: str) -> np.ndarray:
    """What `prepare` makes of a picture for the network, without the steps on the way."""
    if not STYLES[style].whole:
        return prepare(picture, size, style).network_input
    return np.asarray(in_a_square(as_picture(picture), size, STYLES[style].channels))


def _whole(picture: Image.Image, size: int, channels: int, negate: bool) -> Prepared:
    result = np.asarray(in_a_square(picture, size, channels, negate))
    steps: Steps = [
        (Message("picture"), np.asarray(working_copy(picture))),
        (Message("network input"), result),
    ]
    blank = int(result.max()) - int(result.min()) < FAINT
    return Prepared(steps, result, negate, False, blank, False)


def style_for(channels: int, whole: bool = False) -> str:
    """The style that gives a network so many channels, of the whole picture or of a cut-out."""
    return next(
        name for name, style in STYLES.items() if (style.channels, style.whole) == (channels, whole)
    )


def takes_whole(style: str) -> bool:
    """Whether a style, which may be an unknown one, takes the picture as it is."""
    return style in STYLES and STYLES[style].whole


def visible(network_input: np.ndarray) -> np.ndarray:
    """What people can see of a network's input: grey uint8 [S, S], or its colours [S, S, 3]."""
    return network_input[..., :3] if network_input.ndim == 3 else network_input


def _check(name: str, value, allowed: Iterable[str]) -> None:
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
