"""Fixtures of the browser tests: one server and one browser for all, a fresh visitor each.

@pytest.mark.browser
def test_something(open_page):
    page = open_page("classify")
"""

from contextlib import ExitStack

import pytest
from harness import chromium, running_app, visit


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    with running_app(tmp_path_factory.mktemp("runs"), VGGCORE_CACHE=cache) as running:
        yield running


@pytest.fixture(scope="session")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(app, browser):
    """Function: path and options of `harness.visit` to a settled page, checked when it closes."""
    with ExitStack() as visits:
        yield lambda path="", **options: visits.enter_context(visit(browser, app, path, **options))
