"""A running dashboard and a real browser for tests, benchmarks and screenshots.

    with running_app(runs) as app, chromium() as browser, visit(browser, app, "classify") as page:
        page.get_by_label("Network").click()

`running_app` fails if the server logged a traceback; `visit` fails on errors in the browser's
console, on uncaught exceptions and on exceptions that Streamlit shows.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen
from weakref import WeakKeyDictionary

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",  # a camera
]
# Animations never end, and are drawn without a GPU here.
_LAPTOP = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
PATIENCE = 120  # seconds; a busy machine may need as long to import torch
_WINDOWS: WeakKeyDictionary = WeakKeyDictionary()  # contexts by browser and options
# Chromium reports these although nothing is wrong with the page: when it is opened below the root,
# Streamlit first looks for its server there; and the tab's icon comes from the internet.
_HARMLESS = re.compile(r"/\w+/_stcore/(health|host-config)$|^https://fonts\.gstatic\.com/")
# Streamlit 1.67 logs this when a visitor leaves while it is sending to them. It matches only a
# traceback with no other exception in it.
_LEFT_WHILE_SENDING = re.compile(
    r"Exception in ASGI application\n"
    r"(?:(?:Traceback .*| .*|During handling .*|starlette\.websockets\.WebSocketDisconnected: .*|)"
    r"\n)*?"
    r'starlette\.websockets\.WebSocketDisconnected: Cannot call "send" once a close message.*\n'
)


class App(NamedTuple):
    """A dashboard that is being served."""

    url: str
    runs: Path
    log: Path  # standard output and error of the server
    pid: int

    def tracebacks(self) -> str:
        """The server's log from its first traceback on; empty when there is none."""
        text = _LEFT_WHILE_SENDING.sub("", self.log.read_text("utf-8", "replace"))
        start = text.find("Traceback (most recent call last)")
        return "" if start < 0 else text[max(0, start - 500) :]


@contextmanager
def running_app(runs: Path, *options: str, entry: str = "streamlit_app.py", **environment: str):
    """`streamlit run ENTRY` on a free port, with run folders under `runs`.

    `options` go to streamlit, `environment` to the server. Raises AssertionError at the end if
    the server logged a traceback.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        entry,
        "--server.headless=true",
        f"--server.port={port}",
        "--server.address=127.0.0.1",
        *options,
    ]
    with tempfile.NamedTemporaryFile(prefix="vgg-app-", suffix=".log") as log:
        server = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"VGGCORE_RUNS": str(runs)} | environment,
        )
        app = App(f"http://127.0.0.1:{port}", Path(runs), Path(log.name), server.pid)
        try:
            _wait_until_healthy(app, server)
            yield app
            found = app.tracebacks()
            assert not found, f"the server logged:\n{found}"
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_healthy(app: App, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"{app.url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the dashboard did not start:\n{app.log.read_text()}")


@contextmanager
def chromium():
    """Chromium without a window, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser, app: App, path: str = "", prepare=None, *, own_window=False, **options):
    """A visitor's page, opened at `path` and settled.

    `options` are those of a browser context; `prepare` is called with the page before it opens
    anything; with `own_window` nothing is in the browser's cache. Raises AssertionError at the end
    if the browser or Streamlit reported an error.
    """
    from playwright.sync_api import expect

    page, leave = _new_page(browser, app, options, own_window)
    page.set_default_timeout(PATIENCE * 1000)
    expect.set_options(timeout=PATIENCE * 1000)
    errors = []
    page.on("pageerror", lambda error: errors.append(f"uncaught: {error}"))
    page.on("console", lambda message: _collect(message, errors))
    try:
        if prepare:
            prepare(page)
        page.goto(f"{app.url}/{path}")
        settle(page)
        yield page
        shown = page.get_by_test_id("stException").all_inner_texts()
        assert not errors + shown, "the browser reported: " + "; ".join(errors + shown)
    finally:
        leave()


def _new_page(browser, app: App, options: dict, own_window: bool):
    """A new visitor's page, and how to close it.

    A context of its own takes Chromium a second, for its window. So visitors with the same options
    who come one after another have tabs of one window, whose first is empty and stays.
    """
    place = str(sorted(options.items()))
    contexts = _WINDOWS.setdefault(browser, {})
    if place not in contexts:
        contexts[place] = browser.new_context(**(_LAPTOP | options))
        contexts[place].new_page()
    context = contexts[place]
    if own_window or len(context.pages) > 1:  # another visitor is there, and must not be met
        context = browser.new_context(**(_LAPTOP | options))
        return context.new_page(), context.close
    session = context.new_cdp_session(context.pages[0])
    stored = {"origin": app.url, "storageTypes": "all"}
    session.send("Storage.clearDataForOrigin", stored)
    session.detach()
    context.clear_cookies()
    page = context.new_page()
    return page, page.close


def _collect(message, errors: list[str]) -> None:
    address = message.location.get("url", "")
    if message.type == "error" and not _HARMLESS.search(address):
        errors.append(f"console: {message.text} ({address})")


def settle(page) -> None:
    """Wait until the page is there and its script has stopped running."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_selector('[data-testid="stMain"] [data-testid="stHeading"]')


def choose(page, label: str, option: str) -> None:
    """Pick an option of a selectbox; open its list again where a rerun has just closed it."""
    from playwright.sync_api import TimeoutError as TookTooLong
    from playwright.sync_api import expect

    box = page.get_by_role("combobox", name=label, exact=True)
    offered = page.get_by_role("option", name=option, exact=True)
    deadline = time.monotonic() + PATIENCE
    while True:
        box.click()
        box.fill(option)
        try:
            offered.click(timeout=5_000)
            break
        except TookTooLong:
            if time.monotonic() > deadline:
                raise
    settle(page)
    expect(box).to_have_value(option)
