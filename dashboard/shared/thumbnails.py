"""Small pictures as HTML: one element per strip, nothing to fetch, nothing kept on the server."""

import base64
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image

_STYLE = (
    "display:flex;flex-wrap:wrap;gap:12px;margin:0;padding:0",
    "margin:0;flex:0 1 {side}px;min-width:0",
    "width:100%;max-width:{side}px;height:auto;display:block;border-radius:6px;"
    "border:1px solid rgba(128,128,128,.4);image-rendering:{scaling}",
)


def strip(pictures: list[tuple[str, Image.Image | np.ndarray]], side: int = 112) -> str:
    """HTML of captioned pictures in a row that wraps; `side` is their width in CSS pixels."""
    return f'<div style="{_STYLE[0]}">{"".join(figures(pictures, side))}</div>'


def figures(pictures: list[tuple[str, Image.Image | np.ndarray]], side: int) -> list[str]:
    """The HTML of each picture with its caption."""
    return [_figure(*item, side) for item in pictures]


def _figure(caption: str, picture: Image.Image | np.ndarray, side: int) -> str:
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(np.ascontiguousarray(picture))
    picture = picture.copy()
    picture.thumbnail((2 * side, 2 * side))
    scaling = "pixelated" if max(picture.size) < side else "auto"
    style = _STYLE[1].format(side=side), _STYLE[2].format(side=side, scaling=scaling)
    return (
        f'<figure style="{style[0]}"><img style="{style[1]}" alt="{escape(caption)}" '
        f'src="{data_uri(picture)}"><figcaption style="font-size:.85rem;overflow-wrap:anywhere">'
        f"{escape(caption)}</figcaption></figure>"
    )


def data_uri(picture: Image.Image) -> str:
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
