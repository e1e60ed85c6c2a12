"""From pointer-up on the canvas to new bars, in a real browser, and how much of it is computing.

    python benchmarks/draw_latency.py [--strokes 40]
    python benchmarks/draw_latency.py --busy    # beside two background trainings and a test suite

The browser's own clock measures it: from the pointerup event to the first frame after the bars
have changed. In the same run, it also measures the time that Python needs for the same strokes:
check, draw, prepare and classify. It does so with one thread, as the server answers, and with as
many as PyTorch uses by itself.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests"), str(PROJECT / "tests" / "e2e")]

import torch  # noqa: E402
from drawing import draw  # noqa: E402
from harness import chromium, running_app, visit  # noqa: E402
from PIL import Image  # noqa: E402

from vggcore.answers.classifier import load_classifier  # noqa: E402
from vggcore.model import checkpoints  # noqa: E402
from vggcore.pictures.strokes import parse_strokes, render  # noqa: E402

BUDGET = 0.300  # seconds, at the median
WATCH = """() => {
  window.waits = []
  let started = null
  const bars = () => document.querySelector('.answer')?.parentElement.innerHTML
  let shown = bars()
  document.addEventListener('pointerup', () => { started = performance.now() }, true)
  new MutationObserver(() => {
    if (started === null || bars() === shown) return
    const since = started
    started = null
    shown = bars()
    requestAnimationFrame(() => window.waits.push(performance.now() - since))
  }).observe(document.body, { subtree: true, childList: true, characterData: true,
                              attributes: true })
}"""


def strokes(count: int) -> list[list[list[float]]]:
    """Short lines round a ring: each changes the drawing a little."""
    angles = [2 * math.pi * number / count for number in range(count)]
    return [
        [[128 + r * math.cos(a), 128 + r * math.sin(a)] for r in range(40, 110, 6)] for a in angles
    ]


@contextmanager
def busy():
    """Two background trainings on the CPU and a test suite, as long as the block lasts."""
    launch = [sys.executable, "-m", "vggcore", "runs", "launch", "--preset", "best"]
    options = ["--dataset", "synthetic", "--device", "cpu", "--name", "busy"]
    suite = [sys.executable, "-m", "pytest", "-q", "-n", "2", "tests/pictures", "tests/model"]
    with ExitStack() as stack:
        for _ in range(2):  # a folder of runs each: of one folder, one would wait for the other
            runs = stack.enter_context(tempfile.TemporaryDirectory())
            environment = os.environ | {"VGGCORE_RUNS": runs}
            subprocess.run([*launch, *options], env=environment, check=True, stdout=sys.stderr)
            stop = [sys.executable, "-m", "vggcore", "runs", "stop", "busy"]
            stack.callback(subprocess.run, stop, env=environment, stdout=sys.stderr)
        tests = subprocess.Popen(suite, cwd=PROJECT, stdout=subprocess.DEVNULL)
        stack.callback(tests.wait)
        stack.callback(tests.terminate)
        time.sleep(30)  # until they train
        yield


def in_the_browser(lines) -> list[float]:
    """Seconds from pointer-up to new bars, for every stroke but the first two."""
    with (
        tempfile.TemporaryDirectory() as runs,
        running_app(Path(runs)) as app,
        chromium() as browser,
        visit(browser, app, "classify") as page,
    ):
        page.evaluate(WATCH)
        for number, line in enumerate(lines, start=1):
            draw(page, line)
            page.wait_for_function(f"() => window.waits.length >= {number}")
            page.wait_for_timeout(150)  # the rest of the page settles
        return [wait / 1000 for wait in page.evaluate("() => window.waits")][2:]


def in_python(lines, name: str, threads: int) -> list[float]:
    """Seconds of computing for the same growing drawing."""
    torch.set_num_threads(threads)
    classifier, seconds = load_classifier(name), []
    for count in range(1, len(lines) + 1):
        sent = json.dumps({"strokes": [{"points": line, "size": 8} for line in lines[:count]]})
        started = time.perf_counter()
        classifier.classify(Image.fromarray(render(parse_strokes(sent))))
        seconds.append(time.perf_counter() - started)
    return seconds[2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strokes", type=int, default=40)
    parser.add_argument("--busy", action="store_true", help="beside two trainings and a test suite")
    args = parser.parse_args()
    lines = strokes(args.strokes)
    name = checkpoints.available()[0]
    with busy() if args.busy else nullcontext():
        browser = in_the_browser(lines)
        rows = {"pointer-up to new bars": browser, "of it computing": in_python(lines, name, 1)}
        if (usual := os.cpu_count() or 1) > 1:
            rows[f"… with {usual} threads"] = in_python(lines, name, usual)
    for label, values in rows.items():
        twentieths = statistics.quantiles(values, n=20)
        print(
            f"{label:24} median {1000 * statistics.median(values):6.0f} ms, "
            f"p90 {1000 * twentieths[17]:6.0f} ms, p95 {1000 * twentieths[18]:6.0f} ms, "
            f"best {1000 * min(values):6.0f} ms"
        )
    share = statistics.median(browser) / BUDGET
    print(
        f"{name}, {len(browser)} strokes: {share:.2f} of the {1000 * BUDGET:.0f} ms budget; "
        f"load of the machine {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
