"""Reading many pictures in one run of a page: how far it is, and a button that stops it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.shared.language import tr
from vggcore.data.own.prepared import Progress

_REACHED = "pictures-reached"  # how many were read when this was last told, and of how many


@contextmanager
def progress(on_stop: Callable[..., None], *args: object) -> Iterator[Progress]:
    """Gives the block a function that shows how many pictures are read, and of how many.

    A click on Stop calls `on_stop` and ends this run of the page at the function's next call.
    """
    place = st.empty()
    bars: list = []

    def tell(done: int, total: int) -> None:
        st.session_state[_REACHED] = (done, total)
        text = tr("Reading the pictures: {done} of {total}", done=f"{done:,}", total=f"{total:,}")
        if not bars:
            with place.container(horizontal=True, vertical_alignment="center"):
                bars.append(st.progress(0.0, text))
                st.button(
                    tr("Stop"),
                    icon=":material/stop_circle:",
                    key="pictures-stop",
                    on_click=on_stop,
                    args=args,
                )
        bars[0].progress(done / total, text)

    try:
        yield tell
    finally:
        place.empty()


def stopped(text: str) -> str:
    """`text`, translated, with {done} and {total} of the reading that was stopped last."""
    done, total = st.session_state[_REACHED]
    return tr(text, done=f"{done:,}", total=f"{total:,}")
