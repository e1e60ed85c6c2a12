"""Our browser components: the drawing canvas, the box on a photo, and the clipboard.

All are Streamlit components (version 2) whose HTML, CSS and JavaScript are sent inline with the
page. What they return comes from a browser and can be anything; `vggcore.pictures.strokes` and
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
from dashboard.shared import language
from dashboard.shared.language import N_, tr
from vggcore.machine.messages import Message
from vggcore.pictures.crops import Box
from vggcore.pictures.decode import MAX_BYTES, ImageError

_SHOWN_SIDE = 640  # pixels of the photo that is sent to the browser, to draw the box on
_ASSETS = Path(__file__).with_name("assets")


def _component(name: str):
    """The component from its three files, which are sent inline with the page."""
    html, css, js = (
        (_ASSETS / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
    )
    words = (_ASSETS / "words.js").read_text("utf-8")
    return st.components.v2.component(f"vgg_{name}", html=html, css=css, js=words + js)


_canvas = _component("canvas")
_framing = _component("framing")
_paste = _component("paste")


# What the components say: English in their files, translated in the visitor's browser.
_TEXTS = (
    N_("Drawing canvas"),
    N_("Tools"),
    N_("Brush"),
    N_("Brush (B)"),
    N_("Eraser"),
    N_("Eraser (E)"),
    N_("Shape"),
    N_("Filled shape (S): draw its outline"),
    N_("Fill"),
    N_("Fill an enclosed area (F)"),
    N_("Size"),
    N_("Thickness ([ and ])"),
    N_("Thickness of brush and eraser"),
    N_(
        "Empty canvas. Draw with mouse, finger or pen; or move with the arrow keys and press space "
        "to lower or lift the pen."
    ),
    N_("Actions"),
    N_("Undo"),
    N_("Undo (Ctrl+Z)"),
    N_("Redo"),
    N_("Redo (Ctrl+Y)"),
    N_("Clear"),
    N_("Clear (Delete)"),
    N_("Faint outline to trace"),
    N_("Draw it"),
    N_("Draw the chosen outline for me"),
    N_("1 stroke"),
    N_("{n} strokes"),
    N_("Drawing, {count}"),
    N_("Empty canvas"),
    N_("Empty"),
    N_("The canvas is full: undo or clear something."),
    N_("Pen down. Arrow keys draw, space lifts it."),
    N_("Pen up."),
    N_("no template"),
    N_("Part of the picture"),
    N_("Show the whole picture"),
    N_("Drag a box around the garment that you mean."),
    N_(
        "Picture. Drag a box around the garment that you mean. With the keyboard: Enter starts a "
        "box, arrow keys move it, Shift and arrow keys change its size, Escape shows the whole "
        "picture."
    ),
    N_("Paste a picture"),
    N_("Remove it"),
    N_("Or press Ctrl+V anywhere on this page."),
    N_("Pasted."),
    N_("Removed."),
    N_("This browser cannot read that picture."),
    N_("There is no picture in the clipboard."),
    N_("The browser does not let this page read the clipboard: press Ctrl+V instead."),
)


def _texts() -> dict[str, str]:
    """What to say instead of each English text; empty for English."""
    if language.current() == "en":
        return {}
    return {text: tr(text) for text in (*_TEXTS, *TEMPLATES)}


def sent_drawing(key: str, drawing: str = ""):
    """What the browser last sent from the canvas, unchecked; `drawing` if it has sent nothing.

    It should be JSON text for `vggcore.pictures.strokes.parse_strokes`. It is available before the
    canvas is drawn, so that the canvas can show the answer.
    """
    return st.session_state.get(key, {}).get("drawing", drawing)


def canvas(key: str, drawing: str = "", answer: str = "") -> None:
    """The canvas, with `drawing` on it at first. On phones it shows `answer` in a corner."""
    _canvas(
        key=key,
        data={
            "templates": TEMPLATES,
            "drawing": drawing,
            "answer": answer,
            "texts": _texts(),
        },
        default={"drawing": drawing},
        on_drawing_change=lambda: None,
    )


def framing(key: str, picture: Image.Image, box: str, on_change: Callable[[], None]) -> None:
    """A photo with a box that marks the garment that is meant.

    box: "x,y,width,height" in the picture's pixels; "" for the whole. `sent_box` reads a new box.
    """
    preview = picture.copy()
    preview.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    stream = BytesIO()
    preview.save(stream, "JPEG", quality=85)
    encoded = base64.b64encode(stream.getvalue()).decode()
    _framing(
        key=key,
        data={
            "picture": f"data:image/jpeg;base64,{encoded}",
            "width": picture.width,
            "height": picture.height,
            "box": box,
            "texts": _texts(),
        },
        default={"box": box},
        on_box_change=on_change,
    )


def sent_box(key: str) -> str:
    """What the browser last sent from the picture; "" for the whole, and for invalid data."""
    sent = st.session_state.get(key, {}).get("box", "")
    if not isinstance(sent, str) or not sent:
        return ""
    try:
        Box.parse(sent)
    except ValueError:
        return ""
    return sent


def pasted_picture(key: str) -> bytes | None:
    """Encoded picture from the visitor's clipboard, or None. Raises ImageError for invalid data."""
    sent = _paste(
        key=key,
        data={"texts": _texts()},
        default={"picture": ""},
        on_picture_change=lambda: None,
    )
    text = sent.picture
    if not text:
        return None
    if not isinstance(text, str) or len(text) > MAX_BYTES:
        raise ImageError(Message("the pasted picture is not valid"))
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ImageError(Message("the pasted picture is not valid")) from None
