"""Makes a page that is opened by its own address run inside the app."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def ensure() -> None:
    """Call it first in every page.

    On a server that nobody has opened yet, Streamlit takes the folder `pages/` for its older kind
    of multipage app: a page opened by its address would run without `streamlit_app.py`, in
    another layout and beside a wrong menu. Once told otherwise, it runs the entry point.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
