"""How long the Compare page takes to redraw after a slider moved, in a real browser.

Starts the app and Chromium, moves the width slider with the arrow keys, and waits until all three
charts of "Side by side" show the new numbers. Two times: from the key press (Streamlit waits a
moment for further moves before it asks the server), and from the question to the server.

    python benchmarks/compare_redraw.py [--moves 20]
"""

import argparse
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
BROWSER = {
    "executable_path": "/usr/bin/chromium",
    "args": ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync"],
}  # fmt: skip
CHARTS = 3
# Notes when the page asks the server.
WATCH = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (...message) {
  window.askedAt = performance.now();
  return send.apply(this, message);
};
"""
# Resolves with [ms since the key press, ms since the question] once every chart was redrawn.
MOVE = """
(charts) => new Promise((resolve, reject) => {
  const plots = [...document.querySelectorAll('.js-plotly-plot')];
  if (plots.length !== charts) reject(new Error(`${plots.length} charts`));
  const shown = () => plots.map((plot) => JSON.stringify(plot.data.map((d) => [...d.x])));
  const before = shown();
  window.pressedAt = null;
  setTimeout(() => reject(new Error('no redraw within a minute')), 60000);
  document.addEventListener('keydown', () => { window.pressedAt = performance.now(); },
                            { once: true, capture: true });
  let redrawn = 0;
  for (const plot of plots) plot.on('plotly_afterplot', () => { redrawn = performance.now(); });
  const check = () => {
    const now = shown();
    if (window.pressedAt && redrawn > window.askedAt && now.every((x, n) => x !== before[n])) {
      // Two frames later the browser has painted it.
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(
        [performance.now() - window.pressedAt, performance.now() - window.askedAt])));
    } else requestAnimationFrame(check);
  };
  check();
})
"""


def start_app() -> tuple[subprocess.Popen, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    app = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true",
         f"--server.port={port}", "--server.address=127.0.0.1"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health").close()
            return app, url
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the app did not start")


def measure(page, moves: int) -> list[tuple[float, float]]:
    page.wait_for_function(
        f"document.querySelectorAll('.js-plotly-plot .bars').length >= {CHARTS}", timeout=120_000
    )
    slider = page.get_by_role("slider", name="Width")
    slider.focus()
    times = []
    for move in range(moves):
        # A function without a result: a promise would be waited for before the key is pressed.
        page.evaluate(f"() => {{ window.result = ({MOVE})({CHARTS}); }}")
        page.keyboard.press("ArrowLeft" if move % 2 == 0 else "ArrowRight")
        times.append(tuple(page.evaluate("window.result")))
        page.wait_for_timeout(500)
    return times[2:]  # the first moves warm up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=22)
    args = parser.parse_args()
    app, url = start_app()
    try:
        with sync_playwright() as playwright:
            page = playwright.chromium.launch(**BROWSER).new_page()
            page.set_default_timeout(120_000)
            page.add_init_script(WATCH)
            page.goto(url)
            page.get_by_text("Overview").first.wait_for()
            page.goto(f"{url}/compare")
            times = measure(page, args.moves)
    finally:
        app.terminate()
        app.wait()
    for name, column in zip(("key press", "question"), zip(*times, strict=True), strict=True):
        print(f"from {name} to redraw, 6 networks, 3 charts, {len(column)} moves: median "
              f"{statistics.median(column):.0f} ms, slowest {max(column):.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
