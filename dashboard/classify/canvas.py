"""Our browser components: the drawing canvas, the box on a photo, and the clipboard.

All are Streamlit components (version 2) whose HTML, CSS and JavaScript go inline with the page.
What they return comes from a browser and is anything at all; `vggcore.pictures.strokes` and
`vggcore.pictures.decode` check it.
"""

import base64
import binascii
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import streamlit as st
from PIL import Image

from dashboard.classify.outlines import TEMPLATES
from vggcore.machine.messages import Message
from vggcore.pictures.crops import Box
from vggcore.pictures.decode import MAX_BYTES, ImageError

_SHOWN_SIDE = 640  # pixels of the photo that is sent to the browser, for its box to lie on
_ASSETS = Path(__file__).with_name("assets")


def _component(name: str):
    """The component from its three files, which travel inline with the page."""
    html, css, js = (
        (_ASSETS / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
    )
    return st.components.v2.component(f"vgg_{name}", html=html, css=css, js=js)


_canvas = _component("canvas")
_framing = _component("framing")
_paste = _component("paste")


def sent_drawing(key: str, drawing: str = ""):
    """What the browser last sent from the canvas, unchecked; `drawing` before it sent anything.

    That should be JSON text for `vggcore.strokes.parse_strokes`. It is there before the canvas
    itself is, so that the canvas can show the answer.
    """
    return st.session_state.get(key, {}).get("drawing", drawing)


def canvas(key: str, drawing: str = "", answer: str = "") -> None:
    """The canvas, with `drawing` on it when it first appears. Phones show `answer` in a corner."""
    _canvas(
        key=key,
        data={"templates": TEMPLATES, "drawing": drawing, "answer": answer},
        default={"drawing": drawing},
        on_drawing_change=lambda: None,
    )


def framing(key: str, picture: Image.Image, box: str, on_change: Callable[[], None]) -> None:
    """A photo on which a box says which garment is meant.

    box: "x,y,width,height" in the picture's pixels; "" for the whole. `sent_box` reads a new one.
    """
    shown = picture.copy()
    shown.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    stream = BytesIO()
    shown.save(stream, "JPEG", quality=85)
    encoded = base64.b64encode(stream.getvalue()).decode()
    _framing(
        key=key,
        data={
            "picture": f"data:image/jpeg;base64,{encoded}",
            "width": picture.width,
            "height": picture.height,
            "box": box,
        },
        default={"box": box},
        on_box_change=on_change,
    )


def sent_box(key: str) -> str:
    """What the browser last sent from the picture; "" for the whole, and for forged data."""
    sent = st.session_state.get(key, {}).get("box", "")
    if not isinstance(sent, str) or not sent:
        return ""
    try:
        Box.parse(sent)
    except ValueError:
        return ""
    return sent


def pasted_picture(key: str) -> bytes | None:
    """Encoded picture from the visitor's clipboard, or None. Raises ImageError for forged data."""
    text = _paste(key=key, default={"picture": ""}, on_picture_change=lambda: None).picture
    if not text:
        return None
    if not isinstance(text, str) or len(text) > MAX_BYTES:
        raise ImageError(Message("the pasted picture is not valid"))
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ImageError(Message("the pasted picture is not valid")) from None
