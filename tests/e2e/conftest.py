"""Fixtures for the browser tests: one server and one browser for all, a new visitor for each.

@pytest.mark.browser
def test_something(open_page):
    page = open_page("classify")
"""

from contextlib import ExitStack

import own_pictures as made
import pytest
from harness import chromium, running_app, visit

_PAGES = pytest.StashKey[list]()


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    pictures = tmp_path_factory.mktemp("pictures")
    (pictures / "shapes.zip").write_bytes(made.zipped())
    places = {
        "VGGCORE_CACHE": str(tmp_path_factory.mktemp("cache")),
        "VGGCORE_PICTURES": str(pictures),
    }
    with running_app(tmp_path_factory.mktemp("runs"), **places) as running:
        yield running


@pytest.fixture(scope="session")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(request, app, browser):
    """Opens a settled page: path and options as for `harness.visit`; checked when it closes."""
    pages = request.node.stash[_PAGES] = []
    with ExitStack() as visits:

        def visited(path: str = "", **options):
            pages.append(visits.enter_context(visit(browser, app, path, **options)))
            return pages[-1]

        yield visited


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test reports what its pages showed: what it waited for is rarely the cause."""
    report = yield
    if report.failed and call.when == "call":
        from playwright.sync_api import Error

        for page in item.stash.get(_PAGES, []):
            try:
                shown = page.locator("body").inner_text(timeout=5000)
            except Error as error:  # the page or the browser is gone
                shown = str(error)
            report.sections.append((f"page {page.url}", shown))
    return report
