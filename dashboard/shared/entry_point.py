"""Pages opened by their own address still go through `streamlit_app.py`."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def through_entry_point() -> None:
    """Call first on every page: starts over through the entry point where it was passed by.

    Until `st.navigation` has run once in a server's life, Streamlit takes a folder `pages/` for
    its older kind of app: it would run the page alone, without our page settings and menu.
    Only a session's first run starts over: in a later one, a click would be lost.
    """
    if PagesManager.uses_pages_directory and "entered" not in st.session_state:
        st.session_state["entered"] = True
        PagesManager.uses_pages_directory = False
        st.rerun()
