"""The effect of corrections: answers for the pictures and the test set, before and after."""

import numpy as np
import streamlit as st
from PIL import Image, ImageOps

from dashboard.shared import formatting
from dashboard.shared.language import tr
from dashboard.shared.network_choice import label_of
from dashboard.shared.thumbnails import strip
from vggcore.data.own import places
from vggcore.data.own.listing import PicturesError
from vggcore.model import checkpoints
from vggcore.model.recipe import CORRECTIONS
from vggcore.pictures.decode import ImageError, open_image
from vggcore.runs import Run, State
from vggcore.runs.names import BEST

_SHOWN, _SIDE = 24, 112  # pictures; CSS pixels


def show(run: Run) -> None:
    """Nothing for runs without corrections, or runs that have not ended."""
    if run.state != State.FINISHED or run.preset != CORRECTIONS or not run.has_best:
        return
    try:
        record = checkpoints.read_card(run.path / BEST).others[CORRECTIONS]
        labels, before, after = record["labels"], record["before"], record["after"]
        tested = record["accuracy_before"], record["accuracy_after"]
        pictures = list(zip(record["names"], labels, before, after, strict=True))
    except (ValueError, KeyError, TypeError):
        return
    st.subheader(tr("Before and after"), anchor=False)
    right = [
        sum(a == b for a, b in zip(labels, answers, strict=True)) for answers in (before, after)
    ]
    with st.container(horizontal=True, gap="large"):
        st.metric(
            tr("Corrected pictures named right"),
            f"{right[1]} / {len(labels)}",
            f"{right[1] - right[0]:+d}",
            width="content",
        )
        if None not in tested:
            st.metric(
                tr("Test accuracy"),
                formatting.share(tested[1]),
                tr("{points:+.2f} points", points=100 * (tested[1] - tested[0])),
                width="content",
                help=tr("What the network lost or gained on pictures that were not corrected."),
            )
    st.caption(tr("Before: {name}.", name=formatting.plain(label_of(str(record["start"])))))
    source = run.train.pictures if run.train else ""
    tiles: list[tuple[str, Image.Image | np.ndarray]] = [
        (tr("{label}: {before} → {after}", label=tr(is_), before=tr(was), after=tr(now)), picture)
        for name, is_, was, now in pictures[:_SHOWN]
        if (picture := _picture(source, str(name)))
    ]
    if tiles:
        st.html(strip(tiles, side=_SIDE))


def _picture(source: str, name: str) -> Image.Image | None:
    """One of the pictures, in the middle of a square; None if it is gone."""
    try:
        folder = places.find(source).resolve()
        file = (folder / name).resolve()
        if not file.is_relative_to(folder):
            return None
        picture = open_image(file, 256).convert("RGBA")
        return ImageOps.pad(picture, (2 * _SIDE,) * 2, color=(0, 0, 0, 0))
    except (PicturesError, ImageError, OSError):
        return None
