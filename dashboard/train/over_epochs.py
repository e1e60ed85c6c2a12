"""How a run's answers changed from epoch to epoch: confusion, and a few validation pictures."""

from html import escape
from pathlib import Path

import streamlit as st
from PIL import Image

from dashboard.shared import confusion_chart, palette, screen
from dashboard.shared.language import tr
from dashboard.shared.thumbnails import data_uri
from vggcore.data.classes import CLASSES, percent
from vggcore.runs.metrics import SAMPLES, SAMPLES_FILE


def show(
    name: str,
    epochs: list[dict],
    folder: Path | None = None,
    classes: tuple[str, ...] = CLASSES,
) -> None:
    """Both at the epoch chosen by a slider, which follows a living run until the user moves it.

    folder: the run's, with the sample pictures in it. classes: the names of its classes.
    """
    rows = {row["epoch"]: row for row in epochs if len(row.get("confusion", ())) == len(classes)}
    if not rows:
        return
    label = tr("Epoch by epoch: sample answers and confusion")
    parts = screen.expander(f"epochs-{name}", label, ":material/grid_on:")
    key = f"over-epochs-{name}"
    if not parts.open:
        if key in st.session_state:  # Streamlit forgets what a widget that is not drawn was set to
            st.session_state[key] = st.session_state[key]
        return
    with parts:
        row = rows[_chosen(key, list(rows))]
        if folder is not None and (tiles := _tiles(folder / SAMPLES_FILE, row.get(SAMPLES))):
            st.html(samples_html(tiles, row[SAMPLES], classes))
            st.caption(tr("The first validation image of each class; none is used for training."))
        st.plotly_chart(
            confusion_chart.confusion(row["confusion"], classes),
            key=f"chart-{name}-confusion",
            alt=tr("Confusion on the validation images after epoch {epoch}", epoch=row["epoch"]),
        )


def _chosen(key: str, epochs: list[int]) -> int:
    newest, newest_key = epochs[-1], f"{key}-newest"
    if st.session_state.get(key) in (None, st.session_state.get(newest_key)):
        st.session_state[key] = newest  # the user has not moved it away from the newest epoch
    st.session_state[newest_key] = newest
    if st.session_state[key] not in epochs:
        st.session_state[key] = newest
    if len(epochs) == 1:
        return newest
    return st.select_slider(tr("After epoch"), epochs, key=key)


def _tiles(file: Path, samples: object) -> list[Image.Image]:
    """The sample pictures; none if the file is not valid."""
    if not isinstance(samples, list) or not file.is_file():
        return []
    try:
        with Image.open(file) as strip:
            strip.load()
    except (OSError, ValueError):
        return []
    side = strip.height
    if strip.width != side * len(samples):
        return []
    return [strip.crop((n * side, 0, (n + 1) * side, side)) for n in range(len(samples))]


def samples_html(
    tiles: list[Image.Image], samples: list, classes: tuple[str, ...] = CLASSES
) -> str:
    """Each picture with the network's answer below it, and its probability as a bar."""
    figures = []
    for tile, (label, chances) in zip(tiles, samples, strict=True):
        best = max(range(len(chances)), key=chances.__getitem__)
        right = best == label
        answer, sure = escape(tr(classes[best])), percent(chances[best])
        mark = "" if right else f"<br>{escape(tr('is {true}', true=tr(classes[label])))}"
        colour = palette.GREEN if right else palette.WRONG
        figures.append(
            f'<figure style="margin:0;width:84px"><img src="{data_uri(tile)}" alt="" '
            f'style="width:84px;border-radius:6px;border:2px solid {colour};'
            'image-rendering:pixelated">'
            f'<div style="background:{palette.BAR_BACKGROUND};border-radius:3px;height:.4rem">'
            f'<div style="width:{100 * chances[best]:.0f}%;height:100%;border-radius:3px;'
            f'background:{colour}"></div></div>'
            f'<figcaption style="font-size:.8rem;line-height:1.25">'
            f"{'✓' if right else '✗'} {answer} {sure}{mark}</figcaption></figure>"
        )
    return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{"".join(figures)}</div>'
