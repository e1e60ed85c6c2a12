"""What a visitor's screen has room for."""

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
