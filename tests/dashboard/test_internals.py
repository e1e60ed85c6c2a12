"""Private pieces of Streamlit and Starlette: an update that takes one away fails here first."""

import ast
import sys
from pathlib import Path

import pytest
from starlette.formparsers import MultiPartParser
from streamlit.runtime.pages_manager import PagesManager

from dashboard.shared import internals

ROOT = Path(__file__).resolve().parents[2]


def test_whatever_a_page_computes_takes_one_core():
    """With more, threads wait for each other as soon as a training holds a core."""
    computing = {"torch", "load_classifier", "making_results"}
    found = []
    for file in (*ROOT.glob("pages/*.py"), *ROOT.glob("dashboard/**/*.py")):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                names = {each.id for each in ast.walk(function) if isinstance(each, ast.Name)}
                if names & computing and file.name != "cpu_share.py":
                    found.append((f"{file.name}, {function.name}", "cpu_share" in names))
    assert len(found) > 5 and all(shares for _, shares in found), found


def test_streamlit_still_tells_its_older_kind_of_app():
    assert isinstance(PagesManager.uses_pages_directory, bool | None)


def test_starlette_still_has_a_limit_above_which_uploads_go_to_disk(monkeypatch):
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 1024 * 1024)

    internals.keep_uploads_in_memory()

    assert MultiPartParser.spool_max_size > 20 * 1024 * 1024


@pytest.mark.parametrize(
    ("call", "module"),
    [
        (internals.through_entry_point, "streamlit.runtime.pages_manager"),
        (internals.keep_uploads_in_memory, "starlette.formparsers"),
    ],
)
def test_without_them_the_pages_go_on(call, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)

    call()


def test_the_limit_of_uploads_is_raised_and_never_lowered():
    from streamlit import config

    before = config.get_option("server.maxUploadSize")
    try:
        internals.take_uploads_up_to(before + 5)
        assert config.get_option("server.maxUploadSize") == before + 5
        internals.take_uploads_up_to(1)
        assert config.get_option("server.maxUploadSize") == before + 5
    finally:
        config.set_option("server.maxUploadSize", before)
