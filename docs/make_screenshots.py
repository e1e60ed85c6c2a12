"""Take the README's screenshots: start the app, open every page, save a picture of each.

`python docs/make_screenshots.py [--folder docs/screenshots] [--dark] [--width 1280] [PAGE …]`
needs Chromium and the development requirements. Pages are shown as a visitor finds them: a drawing
on Classify, the tutorial's recorded run on Train.
"""

import argparse
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "e2e")]

from drawing import draw  # noqa: E402
from harness import chromium, running_app, settle, visit  # noqa: E402

from vggcore.answers import export  # noqa: E402

PAGES = {
    "overview": "",
    "compare": "compare",
    "train": "train?recorded=tutorial-published",
    "classify": "classify",
    "results": "results",
    "web-page": "",  # no page of the app: a network in one file
}
T_SHIRT = (
    (92, 38),
    (164, 38),
    (236, 84),
    (215, 123),
    (179, 102),
    (179, 225),
    (77, 225),
    (77, 102),
    (41, 123),
    (20, 84),
    (92, 38),
)
SETTLE_MS = 3000  # charts draw themselves after the page's script has ended


def web_page(browser, file: Path, look: dict) -> None:
    """The exported web page of the shipped network, with a drawing."""
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder) / "wild.html"
        html.write_bytes(export.export("wild", "html"))
        page = browser.new_page(**look)
        page.goto(html.as_uri())
        draw(page, T_SHIRT)
        page.wait_for_timeout(SETTLE_MS)
        page.screenshot(path=file)
        print(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=PROJECT / "docs" / "screenshots")
    parser.add_argument("--dark", action="store_true", help="dark theme")
    parser.add_argument("--width", type=int, default=1280, help="browser width, pixels")
    parser.add_argument("--full", action="store_true", help="the whole page, not its first screen")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"of {', '.join(PAGES)}")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    look = {
        "viewport": {"width": args.width, "height": 900},
        "color_scheme": "dark" if args.dark else "light",
    }
    with tempfile.TemporaryDirectory() as runs, running_app(Path(runs)) as app:
        with chromium() as browser:
            for name in args.pages or PAGES:
                if name == "web-page":
                    web_page(browser, args.folder / "web-page.png", look)
                    continue
                with visit(browser, app, PAGES[name], **look) as page:
                    if name == "classify":
                        draw(page, T_SHIRT)
                        page.wait_for_timeout(SETTLE_MS)
                        settle(page)
                    if name == "results":  # counted anew the first time
                        page.get_by_test_id("stMetric").first.wait_for()
                    page.wait_for_timeout(SETTLE_MS)
                    file = args.folder / f"{name}.png"
                    page.screenshot(path=file, full_page=args.full)
                    print(file)


if __name__ == "__main__":
    main()
