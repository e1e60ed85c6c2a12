"""The page "About this machine"."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from vggcore.commands import doctor
from vggcore.commands.doctor import Finding

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def findings(monkeypatch):
    """Quick findings in place of the checks; each examination is counted."""
    asked = []

    def examine(serving=None):
        asked.append(serving)
        yield Finding("Python", True, "3.11.7")
        yield Finding("disk", False, "0.0 GB free for runs in <b>: free some")

    monkeypatch.setattr(doctor, "examine", examine)
    return asked


def machine_page() -> AppTest:
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    return page.switch_page("pages/machine.py").run()


def test_what_is_wrong_stands_first_and_letter_by_letter(findings):
    page = machine_page()

    assert not page.exception and "1 of 2 checks" in page.warning[0].value
    lines = [text.value for text in page.markdown if "material" in text.value]
    assert "disk" in lines[0] and "\\<b\\>" in lines[0] and "Python" in lines[1]


def test_checks_run_once_until_asked_again(findings):
    page = machine_page()
    page.run()
    assert len(findings) == 1

    page.button[0].click().run()

    assert findings == [st.get_option("server.port")] * 2 and not page.exception


def test_a_public_page_tells_nothing(monkeypatch, findings):
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert not page.exception

    page = AppTest.from_file(str(ROOT / "pages" / "machine.py"), default_timeout=60).run()

    assert not findings and "says nothing" in page.info[0].value
