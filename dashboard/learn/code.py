"""Code beside its output. Tests run every line that is shown and compare the output."""

import streamlit as st


def show_code(code: str, printed: str) -> None:
    """The lines, and their output below them."""
    # Without colours: Streamlit's colours for Python have too little contrast with the background.
    st.code(code, language=None, wrap_lines=True)
    tall = printed.count("\n") > 14
    st.code(printed, language=None, wrap_lines=True, height=320 if tall else "content")
