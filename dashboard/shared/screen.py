"""What a visitor's screen has room for, and what is drawn on it."""

import streamlit as st

_NARROW = "narrow"  # in the session
_REPORT = """
export default function ({ data, setStateValue }) {
  const narrow = matchMedia("(max-width: 640px)").matches
  if (narrow !== data.narrow) setStateValue("narrow", narrow)
}
"""
_component = st.components.v2.component("vgg_screen", js=_REPORT)


def is_narrow() -> bool:
    """Whether it is a phone's: known from a page's second run on, which such a screen asks for."""
    known = st.session_state.get(_NARROW, False)
    with st.container(key="screen"):
        sent = _component(key="screen-width", data={"narrow": known}, on_narrow_change=lambda: None)
    if isinstance(sent.narrow, bool):
        st.session_state[_NARROW] = known = sent.narrow
    return known


def expander(key: str, label: str, icon: str, *, expanded: bool = False):
    """An expander whose content is drawn only while it is open: see its attribute `open`.

    Streamlit draws what is in a closed one, too: a chart of Plotly or the first block of code
    takes the browser a second.
    """
    return st.expander(label, expanded, key=key, icon=icon, on_change="rerun")
