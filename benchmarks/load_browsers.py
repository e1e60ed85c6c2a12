"""Three browsers at once draw, look at results and compare: no errors, quick answers.

    python benchmarks/load_browsers.py [--browsers 3] [--rounds 3]

Real Chromium windows, each a separate visitor. Measured from the end of a stroke to the changed
answer on the page. Errors in a browser's console or on a page, and tracebacks on the server, end
the script with an error.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]
import harness  # noqa: E402
from drawing import draw  # noqa: E402

harness.PATIENCE = 240


def one_more(page, number: int) -> float:
    """Draw one more stroke; seconds from its end to the new answer."""
    seen = "[...document.querySelectorAll('figure img')].map(img => img.src).join()"
    before = page.evaluate(seen)
    left = 50 + 12 * number
    draw(page, [(left, 50), (left, 180), (left + 70, 180 - 5 * number)])
    started = time.perf_counter()
    page.wait_for_function(
        f"before => document.querySelector('.answer') && {seen} !== before", arg=before
    )
    return time.perf_counter() - started


def visitor(app, rounds: int, times: list, errors: list) -> None:
    """Every thread drives its own browser."""
    try:
        with harness.chromium() as browser, harness.visit(browser, app, "classify") as page:
            for number in range(rounds):
                times.append(one_more(page, number))
                page.wait_for_timeout(1000)
            for path in ("compare", "train", "results", ""):
                page.goto(f"{app.url}/{path}")
                harness.settle(page)
    except Exception as error:  # any error is this benchmark's finding
        errors.append(f"{type(error).__name__}: {error}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--browsers", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5, help="strokes of each visitor")
    args = parser.parse_args()
    times, errors = [], []
    with tempfile.TemporaryDirectory() as runs, harness.running_app(Path(runs)) as app:
        threads = [
            threading.Thread(target=visitor, args=(app, args.rounds, times, errors))
            for _ in range(args.browsers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for error in errors:
        print(error)
    if times:
        slow = sorted(times)[int(0.95 * (len(times) - 1))]
        middle = statistics.median(times)
        print(
            f"{len(times)} answers in {args.browsers} browsers: median {middle:.2f} s, "
            f"p95 {slow:.2f} s, {len(errors)} errors"
        )
    return int(bool(errors) or not times or slow > 2)


if __name__ == "__main__":
    sys.exit(main())
