"""`dashboard.shared.language`: what was chosen on a page stays when its language changes."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.shared import language

SECTIONS = ("Scores", "Download")


@pytest.fixture
def session(monkeypatch):
    """A visitor's session and address, as plain dicts."""
    monkeypatch.setattr(st, "session_state", {"section": "Download"})
    monkeypatch.setattr(st, "query_params", {})
    language.from_address("section", SECTIONS)
    return st.session_state


def test_a_second_change_before_the_page_has_run_loses_nothing(session):
    language._choose("zh")
    language.from_address("section", SECTIONS)
    session["section"] = "Scores"  # Streamlit's new widget, in a run that another one interrupts
    language._choose("en")
    language.from_address("section", SECTIONS)

    assert session["section"] == "Download"


def test_after_the_page_has_run_the_visitor_chooses_anew(session):
    language._choose("zh")
    language.from_address("section", SECTIONS)
    language.forget_kept()
    session["section"] = "Scores"
    language.from_address("section", SECTIONS)

    assert session["section"] == "Scores"


def test_what_another_page_offers_under_the_same_name_is_not_forced_on_it(session):
    language._choose("zh")
    language.from_address("section", ("Colours",))

    assert session["section"] == "Download"  # left to the widget, which knows its own options


STOPS = """
import streamlit as st
from dashboard.shared import internals
try:
    st.stop()
except internals.Stopped:
    st.session_state["known"] = True
    raise
"""


def test_a_page_that_stops_itself_is_known():
    assert AppTest.from_string(STOPS).run().session_state["known"]
