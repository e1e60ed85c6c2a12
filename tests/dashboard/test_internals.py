"""Private pieces of Streamlit and Starlette: an update that takes one away fails here first."""

import sys

import pytest
from starlette.formparsers import MultiPartParser
from streamlit.runtime.pages_manager import PagesManager

from dashboard.shared import internals


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
