"""Take the README's screenshots: start the app, open every page, save a picture of each.

`python docs/make_screenshots.py [--folder docs/screenshots] [--dark] [--width 1280]` needs
Chromium and the development requirements. Pages are shown as a visitor finds them: a drawing on
Classify, a recorded run on Train.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PAGES = {"overview": "", "compare": "compare", "train": "train", "classify": "classify",
         "results": "results"}  # fmt: skip
SETTLE_SECONDS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--dark", action="store_true", help="dark theme")
    parser.add_argument("--width", type=int, default=1280, help="browser width, pixels")
    parser.add_argument("--full", action="store_true", help="the whole page, not its first screen")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"of {', '.join(PAGES)}")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with tempfile.TemporaryDirectory() as runs, serving(port, runs), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(
            viewport={"width": args.width, "height": 900},
            color_scheme="dark" if args.dark else "light",
        )
        for name in args.pages or PAGES:
            page.goto(f"http://localhost:{port}/{PAGES[name]}")
            settle(page)
            if name == "classify":
                draw_t_shirt(page)
            file = args.folder / f"{name}.png"
            page.screenshot(path=file, full_page=args.full)
            print(file)
        browser.close()


class serving:
    """The app as a subprocess, with run folders of its own."""

    def __init__(self, port: int, runs: str):
        self.port, self.runs = port, runs

    def __enter__(self):
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        command += ["--server.port", str(self.port), "--server.headless", "true"]
        environment = os.environ | {"VGGCORE_RUNS": self.runs}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://localhost:{self.port}/_stcore/health", timeout=5)
                return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        raise SystemExit("the app did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def settle(page: Page) -> None:
    """Wait until the page has stopped running and drawing."""
    page.wait_for_selector("h1", timeout=60_000)
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stStatusWidget]')", timeout=60_000
    )
    page.wait_for_timeout(SETTLE_SECONDS * 1000)


def draw_t_shirt(page: Page) -> None:
    """Draw an outline on the page's first canvas."""
    canvas = page.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    outline = (
        (.36, .15), (.64, .15), (.92, .33), (.84, .48), (.7, .4), (.7, .88), (.3, .88), (.3, .4),
        (.16, .48), (.08, .33), (.36, .15),
    )  # fmt: skip
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in outline]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()
    settle(page)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    main()
