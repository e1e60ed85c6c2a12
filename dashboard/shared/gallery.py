"""Pictures to choose from: a click on one is told to Python, and the session stays as it is."""

from html import escape

import streamlit as st

from dashboard.shared.thumbnails import figures

# The browser shows what Python has put together; it tells the number of the chosen picture.
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const row = parentElement.querySelector(".row");
  row.innerHTML = data.html;
  row.onclick = (event) => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    window.dispatchEvent(new Event("vgg-leaving")); // see assets/history.js
    setTriggerValue("chosen", [...row.children].indexOf(chosen));
  };
}
"""
_CSS = """
.row { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 12px; }
button { all: unset; cursor: pointer; flex: 0 1 var(--side); min-width: 0; border-radius: 6px; }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
button:hover { color: var(--st-primary-color); }
figure { width: var(--side); max-width: 100%; }
"""
_gallery = st.components.v2.component(
    "vgg_gallery", html='<div class="row"></div>', css=_CSS, js=_JS
)


def choose(pictures: list[tuple], title: str, key: str, side: int = 112) -> int | None:
    """Captioned pictures in a row that wraps; the number of the one just clicked, or None.

    pictures: as for `thumbnails.strip`. title: what a click does. side: their width, CSS pixels.
    """
    buttons = "".join(
        f'<button type="button" title="{escape(title)}" style="--side:{side}px">{figure}</button>'
        for figure in figures(pictures, side)
    )
    chosen = _gallery(key=key, data={"html": buttons}, on_chosen_change=lambda: None).chosen
    return chosen if isinstance(chosen, int) and 0 <= chosen < len(pictures) else None
