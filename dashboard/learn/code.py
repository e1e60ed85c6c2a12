"""Code beside what it prints. Tests run every line that is shown and compare."""

import streamlit as st


def shown(code: str, printed: str) -> None:
    """The lines, and below them what they print."""
    # Without colours: those that Streamlit gives to Python stand out too little from the ground.
    st.code(code, language=None, wrap_lines=True)
    tall = printed.count("\n") > 14
    st.code(printed, language=None, wrap_lines=True, height=320 if tall else "content")
