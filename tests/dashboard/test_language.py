"""`dashboard.shared.language`: what was chosen on a page stays when its language changes."""

import ast
from pathlib import Path

import pytest
import streamlit as st
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from streamlit.testing.v1 import AppTest

from dashboard.shared import language
from vggcore.machine.messages import Message

ROOT = Path(__file__).resolve().parents[2]

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
    session["section"] = "Scores"  # Streamlit's new widget, in a run that another run interrupts
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


def test_on_a_page_that_stops_itself_the_visitor_soon_chooses_anew(session, monkeypatch):
    language._choose("zh")
    monkeypatch.setattr(language, "_KEPT_SECONDS", 0.0)
    language._choose("en")
    session["section"] = "Scores"
    language.from_address("section", SECTIONS)

    assert session["section"] == "Scores"


def test_a_tab_stays_open_too(session):
    tabs = ("Parameters", "Layers")
    session["view"] = language.tab_labels("view", tabs)[1]
    language._choose("zh")
    session["view"] = "Parameters"  # the first tab, in a run that another run interrupts
    language._choose("en")

    labels = language.tab_labels("view", tabs)

    assert session["view"] == labels[1]


@pytest.mark.parametrize(
    "error, said",
    [
        (Message("no run named {name}", name="first"), "No run named first."),
        (Message("{name}: not a picture", name="a.png"), "a.png: not a picture."),
        (Message("in_channels must be 1, 3 or 4"), "in_channels must be 1, 3 or 4."),
        (Message("the zip is empty: add pictures."), "The zip is empty: add pictures."),
        (Message("{name} is no picture", name="scan"), "scan is no picture."),
        (Message("train in a terminal, `vggcore train`"), "Train in a terminal, `vggcore train`."),
        ("already a text of some library", "already a text of some library"),
    ],
)
def test_an_error_on_a_page_is_a_sentence(error, said):
    assert language.sentence(ValueError(error)) == said


def test_in_chinese_a_sentence_ends_with_its_own_full_stop(monkeypatch):
    monkeypatch.setattr(language, "current", lambda: "zh")
    error = ValueError(Message("{text!r} is not X,Y,WIDTH,HEIGHT in whole pixels", text="1,2"))

    said = language.sentence(error)

    assert said.endswith("。") and "whole pixels" not in said


def _two_texts():
    import streamlit as st

    from dashboard.shared import language

    language.switch()
    st.title(language.tr("Learn"))


def test_a_third_language_needs_one_line_and_can_be_chosen(tmp_path, monkeypatch):
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalog = Catalog(locale="fr")
    catalog.add("Learn", "Apprendre")
    with (folder / "dashboard.mo").open("wb") as stream:
        write_mo(stream, catalog)
    monkeypatch.setattr(language, "LOCALES", tmp_path)
    monkeypatch.setitem(language.LANGUAGES, "fr", language.Language("Français", "fr"))

    page = AppTest.from_function(_two_texts).run()
    assert [button.label for button in page.button] == ["中文", "Français"]
    page.button(key="switch-language-fr").click().run()

    assert not page.exception and page.title[0].value == "Apprendre"
    assert page.query_params["lang"] == "fr"
    assert [button.label for button in page.button] == ["English", "中文"]


def test_streamlits_own_words_are_replaced_by_letters_that_css_reads():
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params["lang"] = "zh"
    page.run()
    assert any('content: "拍照"' in element.body for element in page.html)


def test_an_uploader_states_its_limit_in_every_language(monkeypatch):
    """Streamlit's own words do so in English only: CSS replaces them."""
    assert language.with_limit("Zip", 200) == "Zip"
    monkeypatch.setattr(language, "current", lambda: "zh")
    assert "200 MB" in language.with_limit("Zip", 200)
    uploaders = [
        call
        for file in (*ROOT.glob("pages/*.py"), *ROOT.glob("dashboard/**/*.py"))
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "st.file_uploader"
    ]
    assert len(uploaders) > 2
    for call in uploaders:
        limit = next(each.value for each in call.keywords if each.arg == "max_upload_size")
        label = ast.unparse(call.args[0])
        assert "with_limit(" in label and label.endswith(f", {ast.unparse(limit)})")
