"""No address ends in an error page: a parameter is what its page allows, or is left out."""

import json
import re
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from untrained import save_untrained

from dashboard.classify import panel as classify
from dashboard.compare import inputs as compare
from dashboard.learn import steps as learn
from dashboard.pictures import panel as pictures
from dashboard.results import panel as results
from dashboard.shared import address
from dashboard.train import controls as train

ROOT = Path(__file__).resolve().parents[2]
PAGES: dict[str, dict[str, address.Reader]] = {
    "overview": {},
    "learn": learn.PARAMETERS,
    "compare": compare.parameters(),
    "train": train.PARAMETERS,
    "classify": classify.PARAMETERS,
    "results": results.PARAMETERS,
    "pictures": pictures.PARAMETERS,
}
HOSTILE: list[list[str]] = [
    *([each] for each in ("", "inf", "-1e999", "1e999", "nan", "-1", "0", "9" * 5_000)),
    *([each] for each in ("１２", "٣")),
    *([each] for each in ("[", "[x](y)", "{}", "(" * 2_000, "a\0b", "\u202egnp.exe", "%00", " ")),
    *([each] for each in ("<img src=x onerror=alert(1)>", "../../etc/passwd", "x" * 10_000)),
    *([each] for each in ("1.5", "1_0", "0x10", "True", "0010.0011.0012.0017", "1/0", "99999/1")),
    ["1", "2"], ["", ""], ["x"] * 50,
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_every_parameter_of_every_page_reads_what_it_may_be_or_nothing(page, monkeypatch):
    for name, reader in PAGES[page].items():
        for values in HOSTILE:
            monkeypatch.setattr(st, "query_params", _Address({name: values}))
            found = address.value(name, reader)
            if isinstance(found, str):
                assert found.isprintable() and len(found) <= 4_096 and found == values[-1]
            elif isinstance(found, list):
                assert found == []
            elif isinstance(found, set):
                assert found <= set(range(1, len(learn.STEPS) + 1))
            elif found is not None:  # a number within its control's range
                assert re.fullmatch(r"-?\d+(\.\d+)?|true|1/0", values[0].lower(), re.ASCII)


class _Address(dict):
    def get_all(self, name):
        return self.get(name, [])


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for name in ("CHECKPOINTS", "CACHE", "DATA"):
        monkeypatch.setenv(f"VGGCORE_{name}", str(tmp_path / name.lower()))
    save_untrained(tmp_path / "checkpoints", "drawn")
    card = tmp_path / "checkpoints" / "drawn.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"data": {"name": "synthetic"}}))


@pytest.mark.parametrize("turn", range(0, len(HOSTILE), 8))
@pytest.mark.parametrize("name", PAGES)
def test_pages_open_whatever_their_address_says(name, turn, folders):
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    asked = {"": ["x"], "lang": ["\0"], "strange": ["<b>"]}
    for place, parameter in enumerate(PAGES[name]):
        if parameter not in ("run", "group", "recorded") or place == turn // 8:
            asked[parameter] = HOSTILE[(turn + place) % len(HOSTILE)]
    page.query_params.update(asked)

    page.switch_page(f"pages/{name}.py").run()

    assert not page.exception and page.title[0].value
    for element in (*page.markdown, *page.error, *page.warning, *page.toast):
        assert not re.search(r"(?<!\\)<img src=x|root:", element.value)
    assert not any("<img src=x" in element.body for element in page.html)


@pytest.mark.parametrize("page", PAGES)
def test_pages_read_their_address_only_here(page):
    source = (ROOT / "pages" / f"{page}.py").read_text()

    assert "address.take(" in source
    assert not re.search(r"query_params\.get|in st\.query_params", source)


def test_what_was_ignored_is_told_once():
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params.update({"step": "1 Small kernels", "done": "1.2", "colour": "[x](y)"})
    page.switch_page("pages/learn.py").run()

    assert [toast.value for toast in page.toast] == ["Ignored in the link: colour=\\[x\\]\\(y\\)"]
    assert page.query_params["done"] == "1.2" and "colour" not in page.query_params
    assert not page.run().toast
