"""Drawings as SVG text: a network from top to bottom, and what stacked kernels see.

Text takes the colour of the page around it (`currentColor`), so the same drawing is readable on
light and dark pages; `standalone` makes a file with its own white background.
"""

from math import log2, sqrt

from dashboard.shared import palette
from dashboard.shared.language import tr
from vggcore.model import anatomy
from vggcore.model.anatomy import Layer
from vggcore.model.architectures import VGGSpec

_WIDTH = 380  # drawing units; the page scales them
_MIDDLE = 176
_WIDEST = 150  # a feature map as wide as the input


def network(spec: VGGSpec, *, standalone: bool = False) -> str:
    """The layers from image to logits. Width: the side of the feature map; height: √channels."""
    rows = [row for row in anatomy.walk(spec) if row.kind in _DRAWN]
    parts, y = [_text(_MIDDLE, 14, _image_text(spec), anchor="middle")], 28.0
    block = ""
    for row in rows:
        if row.block != block:
            block, y = row.block, y + 8
        height = _height(row)
        pitch = max(height + 4, 17)
        parts += _drawn_row(row, spec, y + pitch / 2, height)
        y += pitch
    return _svg(_WIDTH, y + 12, parts, tr("Layers of {name}", name=spec.name), standalone)


_DRAWN = ("conv", "max-pool", "avg-pool", "linear")


def _image_text(spec: VGGSpec) -> str:
    return tr(
        "image {in_channels}×{image_size}×{image_size}",
        in_channels=spec.in_channels,
        image_size=spec.image_size,
    )


def _height(row: Layer) -> float:
    if row.kind == "conv":
        return max(3.0, sqrt(row.output_shape[1]))
    return 10.0 if row.kind == "linear" else 3.0


def _drawn_row(row: Layer, spec: VGGSpec, middle: float, height: float) -> list[str]:
    side = row.output_shape[2] if len(row.output_shape) == 4 else None
    width = 56.0 if side is None else max(3.0, _WIDEST * side / spec.image_size)
    colour = palette.BLOCKS[row.block]
    opacity = 0.45 if row.kind in ("max-pool", "avg-pool") else 1
    box = (
        f'<rect x="{_MIDDLE - width / 2:.1f}" y="{middle - height / 2:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="1.5" fill="{colour}" fill-opacity="{opacity}"/>'
    )
    return [
        _text(4, middle + 3.5, row.name.replace("classifier.", "")),
        box,
        _text(_MIDDLE + _WIDEST / 2 + 10, middle + 3.5, _row_text(row, spec)),
    ]


def _row_text(row: Layer, spec: VGGSpec) -> str:
    shape = "×".join(map(str, row.output_shape[1:]))
    if row.kind == "conv":
        norm = " BN" if spec.batch_norm else ""
        return f"{row.kernel}×{row.kernel}{norm} → {shape}"
    return f"→ {shape}"


def volumes(spec: VGGSpec, *, standalone: bool = False) -> str:
    """The feature maps as solid blocks, as papers draw them: from image to logits, left to right.

    A block's face is the side of the feature map, its depth the channels, both on a logarithmic
    scale, so that 7 beside 224 pixels and 4,096 beside 3 channels stay visible. Pools are narrow.
    """
    rows = [row for row in anatomy.walk(spec) if row.kind in _DRAWN]
    parts: list[str] = []
    x, block = _volume(parts, 6, spec.image_size, spec.in_channels, palette.GREY, spec), ""
    parts.append(_caption(x - 12, f"{spec.image_size}²×{spec.in_channels}"))
    for row in rows:
        gap = 16 if row.block != block else 2
        block = row.block
        side = row.output_shape[2] if len(row.output_shape) == 4 else 1
        pool = row.kind in ("max-pool", "avg-pool")
        colour = palette.RED if pool else palette.BLOCKS[row.block]
        channels = 1 if pool else row.output_shape[1]
        start = x + gap
        x = _volume(parts, start, side, channels, colour, spec)
        if pool or row.kind == "linear":
            parts.append(_caption((start + x) / 2, _volume_text(row)))
    height = _TALLEST * 1.5 + 64
    return _svg(x + 40, height, parts, tr("Blocks of {name}", name=spec.name), standalone)


_TALLEST = 150  # drawing units: the side of the image
_SLANT = 0.35  # how much of the third dimension is visible


def _volume_text(row: Layer) -> str:
    *_, side = row.output_shape
    return f"{side}²×{row.output_shape[1]}" if len(row.output_shape) == 4 else f"{side:,}"


def _volume(
    parts: list[str],
    x: float,
    side: int,
    channels: int,
    colour: str,
    spec: VGGSpec,
) -> float:
    """Draws a block whose left edge is at x; returns the x of its right edge."""
    face = max(7.0, _TALLEST * log2(1 + side) / log2(1 + spec.image_size))
    depth = 2.0 + 3.2 * log2(max(1, channels))
    slant = _SLANT * face
    top = 24 + (_TALLEST - face) * (1 + _SLANT) / 2 + slant
    edge = 'stroke="currentColor" stroke-opacity="0.45" stroke-width="0.7"'
    faces = (
        ((x, top), (x + depth, top), (x + depth, top + face), (x, top + face), 0.0),
        ((x, top), (x + slant, top - slant), (x + slant + depth, top - slant), (x + depth, top),
         0.12),
        ((x + depth, top), (x + depth + slant, top - slant),
         (x + depth + slant, top - slant + face), (x + depth, top + face), 0.3),
    )  # fmt: skip
    for *corners, shade in faces:
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
        parts.append(
            f'<polygon points="{points}" fill="{colour}"/>'
            f'<polygon points="{points}" fill="black" fill-opacity="{shade}" {edge}/>'
        )
    return x + depth + slant * 0.5


def _caption(x: float, text: str) -> str:
    y = 24 + _TALLEST * (1 + _SLANT) + 14
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="end" font-size="10" fill="currentColor" '
        f'transform="rotate(-40 {x:.1f} {y:.1f})">{text}</text>'
    )


def receptive_field(kernel: int, count: int, *, single: bool = False) -> str:
    """The input pixels that one output sees through `count` stacked kernel×kernel convolutions.

    One coloured ring per layer; with `single`, one kernel as large as all of them together.
    """
    field = count * (kernel - 1) + 1
    cells = field + 2
    cell = 300 / cells
    parts = []
    layers = 1 if single else count
    for layer in range(layers, 0, -1):
        side = field if single else layer * (kernel - 1) + 1
        start = (cells - side) / 2 * cell
        parts.append(
            f'<rect x="{start:.2f}" y="{start:.2f}" width="{side * cell:.2f}" '
            f'height="{side * cell:.2f}" fill="{palette.RINGS[(layer - 1) % len(palette.RINGS)]}"/>'
        )
    lines = "".join(f"M{n * cell:.2f} 0V300M0 {n * cell:.2f}H300" for n in range(cells + 1))
    parts.append(f'<path d="{lines}" stroke="currentColor" stroke-opacity="0.35" fill="none"/>')
    centre = (cells - 1) / 2 * cell
    parts.append(
        f'<rect x="{centre:.2f}" y="{centre:.2f}" width="{cell:.2f}" height="{cell:.2f}" '
        'fill="none" stroke="currentColor" stroke-width="2.5"/>'
    )
    title = tr("One output sees {field}×{field} pixels", field=field)
    return _svg(300, 300, parts, title, standalone=False)


def _text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor">{words}</text>'
    )


def _svg(width: float, height: float, parts: list[str], title: str, standalone: bool) -> str:
    background = '<rect width="100%" height="100%" fill="white"/>' if standalone else ""
    style = "color:#1c1e21" if standalone else f"width:100%;max-width:{width * 1.35:.0f}px"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'role="img" aria-label="{title}" style="{style}" '
        f'font-family="Source Sans, Source Sans Pro, Helvetica, Arial, sans-serif" font-size="11">'
        f"<title>{title}</title>{background}{''.join(parts)}</svg>"
    )
