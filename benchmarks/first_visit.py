"""How soon a newcomer sees the Overview, and a right answer to a sample.

    python benchmarks/first_visit.py

Seconds in a real browser: until the page is shown, on the first visit to a fresh server and on
the second; and from a click on a sample garment to its answer, the first including PyTorch's
import. Needs Chromium and the development requirements.
"""

import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "e2e")]

from harness import chromium, running_app, visit  # noqa: E402
from playwright.sync_api import expect  # noqa: E402

SAMPLES = {"bag": "Bag", "ankle boot": "Ankle boot"}


def main() -> None:
    with tempfile.TemporaryDirectory() as runs, running_app(Path(runs)) as app:
        with chromium() as browser:
            for which in ("first", "second"):
                started = time.monotonic()
                with visit(browser, app, own_window=True) as page:
                    print(f"{which} visit shown: {time.monotonic() - started:.2f} s")
                    if which == "first":
                        continue
                    for sample, answer in SAMPLES.items():
                        started = time.monotonic()
                        page.get_by_role("button", name=sample, exact=True).click()
                        expect(page.locator(".way-answer > b")).to_have_text(answer)
                        print(f"{sample}: {time.monotonic() - started:.2f} s")


if __name__ == "__main__":
    main()
