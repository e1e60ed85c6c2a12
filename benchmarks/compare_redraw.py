"""How long the Compare page takes to redraw after a slider moved, in a real browser.

Starts the app and Chromium, moves the width slider with the arrow keys, and waits until all three
charts of "Side by side" are painted with the new numbers. Two times: from the key press
(Streamlit waits a moment for further moves before it sends a request), and from the request to
the server.

    python benchmarks/compare_redraw.py [--moves 22]
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "e2e"))

from harness import chromium, running_app, visit  # noqa: E402

CHARTS = 3
# Records when a key goes down, and when the page sends a request to the server.
WATCH = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (...message) {
  window.askedAt = performance.now();
  return send.apply(this, message);
};
document.addEventListener('keydown', () => { window.pressedAt = performance.now(); },
                          { capture: true });
"""
# Resolves with [ms since the key press, ms since the request] once every chart was repainted.
REDRAWN = """
(charts) => new Promise((resolve, reject) => {
  // What is drawn, not what it is drawn from: bars and the numbers along the axes.
  const drawn = () => [...document.querySelectorAll('.js-plotly-plot')].map((plot) =>
    [...plot.querySelectorAll('.bars path, .xtick text')]
      .map((e) => (e.getAttribute('d') || '') + e.textContent).join());
  const before = drawn();
  if (before.length !== charts) reject(new Error(`${before.length} charts`));
  window.pressedAt = null;
  setTimeout(() => reject(new Error('no redraw within a minute')), 60000);
  const check = () => {
    const now = drawn();
    if (window.pressedAt && now.length === charts && now.every((x, n) => x && x !== before[n])) {
      // In the next frame the browser has painted it.
      requestAnimationFrame(() => resolve(
        [performance.now() - window.pressedAt, performance.now() - window.askedAt]));
    } else requestAnimationFrame(check);
  };
  check();
})
"""


def measure(page, moves: int) -> list[tuple[float, float]]:
    """Milliseconds from key press and from request to redraw, per move."""
    page.wait_for_function(f"document.querySelectorAll('.js-plotly-plot .bars').length >= {CHARTS}")
    page.get_by_role("slider", name="Width").focus()
    times = []
    for move in range(moves):
        # A function without a result: a promise would be awaited before the key is pressed.
        page.evaluate(f"() => {{ window.result = ({REDRAWN})({CHARTS}); }}")
        page.keyboard.press("ArrowLeft" if move % 2 == 0 else "ArrowRight")
        times.append(tuple(page.evaluate("window.result")))
        page.wait_for_timeout(500)
    return times[2:]  # the first moves warm up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=22)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as runs,
        running_app(Path(runs)) as app,
        chromium() as browser,
        visit(browser, app, "compare", lambda page: page.add_init_script(WATCH)) as page,
    ):
        times = measure(page, args.moves)
    for name, column in zip(("key press", "question"), zip(*times, strict=True), strict=True):
        print(
            f"from {name} to redraw, 6 networks, 3 charts, {len(column)} moves: median "
            f"{statistics.median(column):.0f} ms, slowest {max(column):.0f} ms"
        )


if __name__ == "__main__":
    main()
