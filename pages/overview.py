"""Overview: a picture's way through a network, and where to go next."""

import streamlit as st

from dashboard.overview import cards, journey
from dashboard.shared import address
from dashboard.shared.internals import through_entry_point
from dashboard.shared.language import tr

CHOSEN = "overview-sample"


@st.fragment
def _way_through_a_network() -> None:
    """The strip, and the samples to send through the network with a click."""
    name = st.session_state.get(CHOSEN)
    way, problem = journey.stored(), ""
    if name in journey.NAMES:
        way, problem = cards.sent_through(name)
    if problem:
        st.warning(problem, icon=":material/broken_image:")
    st.html(journey.html(way))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(tr("Send another one through:"), width="content")
        for sample in journey.NAMES:
            st.button(
                tr(sample),
                key=f"overview-{sample}",
                type="primary" if sample == (name or journey.NAMES[0]) else "secondary",
                on_click=st.session_state.__setitem__,
                args=(CHOSEN, sample),
            )
        st.page_link("pages/learn.py", label=tr("How it works"), icon=":material/school:")
        st.page_link(
            "pages/classify.py",
            label=tr("Draw or photograph your own"),
            icon=":material/draw:",
            query_params={"source": "Draw"},
        )


through_entry_point()
address.take({})
st.title(tr("VGG networks on clothing"), anchor=False)
st.markdown(
    tr(
        "VGG networks are stacks of small convolutions: easy to read, and good at seeing. "
        "Compare their variants, train one while you watch, and show it your clothes."
    )
)
_way_through_a_network()
columns = st.columns(3, gap="medium")
for column, card in zip(columns, (cards.variants, cards.training, cards.networks), strict=True):
    with column.container(border=True, height="stretch"):
        card()
