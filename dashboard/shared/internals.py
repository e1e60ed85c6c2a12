"""What we need from Streamlit and Starlette but they do not offer: checked in Streamlit 1.67.

Each function is independent, does nothing if an update has removed what it relies on, and is
tested by `tests/dashboard/test_internals.py`.
"""

from pathlib import Path

import streamlit as st

_ASSETS = Path(__file__).resolve().parents[1] / "assets"


def through_entry_point() -> None:
    """Call first on every page: reruns through `streamlit_app.py` if the page was run directly.

    Until `st.navigation` has run once since the server started, Streamlit takes a folder `pages/`
    for its older kind of app: it would run the page alone, without our page settings and menu.
    Only a session's first run starts over: in a later one, a click would be lost. Without this, the
    very first visitor who opens a page by its own address sees it without the menu.
    """
    try:
        from streamlit.runtime.pages_manager import PagesManager
    except ImportError:
        return
    if getattr(PagesManager, "uses_pages_directory", False) and "entered" not in st.session_state:
        st.session_state["entered"] = True
        PagesManager.uses_pages_directory = False
        st.rerun()


def keep_uploads_in_memory() -> None:
    """Stop the web server from storing uploads over 1 MB in temporary files while they arrive.

    Every upload up to the configured limit then stays in memory; larger ones are refused anyway.
    Starlette has no setting for this except an attribute of its class. Without this, a visitor's
    picture is on disk while it is being uploaded.
    """
    try:
        from starlette.formparsers import MultiPartParser
    except ImportError:
        return
    if hasattr(MultiPartParser, "spool_max_size"):
        most = st.get_option("server.maxUploadSize") + 1
        MultiPartParser.spool_max_size = most * 1024 * 1024


def take_uploads_up_to(megabytes: int) -> None:
    """Raise the server's own limit for uploads, which applies whatever an uploader allows.

    Only for dashboards that are not public: it applies to all visitors. Without this, a zip above
    `server.maxUploadSize` is refused by the server.
    """
    from streamlit import config

    if config.get_option("server.maxUploadSize") < megabytes:
        config.set_option("server.maxUploadSize", megabytes)


def keep_address_on_leaving() -> None:
    """Let the browser's Back button return to a page with the parameters it had on leaving.

    Without this, Back shows the page's defaults first, and its parameters only on the second try.
    """
    _run_in_browser("history.js")


def close_menu_on_leaving() -> None:
    """Close the menu of a narrow screen when a page has been chosen from it.

    Without this, it covers the chosen page, and is open again at the next load.
    """
    _run_in_browser("menu.js")


def choose_by_tap() -> None:
    """Let a tap on a point of a chart choose it, as a click does."""
    _run_in_browser("taps.js")


def style() -> None:
    """Less room above the title; toolbars of tables and charts that cover nothing else."""
    st.html(_ASSETS / "page.css")


def _run_in_browser(name: str) -> None:
    script = (_ASSETS / name).read_text("utf-8")
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def scroll_to_top() -> None:
    """Show the page from its top; call it last on the page.

    Without this, a page opened by a button at the end of another is first seen in the middle.
    """
    st.html(
        "<script>document.querySelector('[data-testid=\"stMain\"]')?.scrollTo(0, 0)</script>",
        unsafe_allow_javascript=True,
    )


def take_over_address() -> None:
    """Tell the browser about the parameters of a link to the page that was already open.

    Streamlit shows the page with them, but keeps the old ones in the address and sends those with
    the next click. Without this, "All runs" on a run's page leads back to that run.
    """
    now = st.query_params.to_dict()
    if st.session_state.get("address") != now:
        st.session_state["address"] = now
        st.query_params.from_dict(now)
