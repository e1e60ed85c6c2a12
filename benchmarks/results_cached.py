"""Results of a checkpoint: computed once, then there at once.

    python benchmarks/results_cached.py [CHECKPOINT]

Times the computation over the whole test set, reading it back from disk, and a run of the
Results page's script with everything on it, for which the aim is one second.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def timed(call):
    started = time.perf_counter()
    result = call()
    return result, time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default="fashion-mnist")
    name = parser.parse_args().checkpoint
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VGGCORE_CACHE"] = folder
        from streamlit.testing.v1 import AppTest

        from dashboard.shared import cpu_share
        from vggcore.answers import making_results, results

        cpu_share.share()
        made, computing = timed(lambda: making_results.compute(name))
        _, reading = timed(lambda: results.cached(name))
        page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=600)
        page.switch_page("pages/results.py")
        page.session_state["network"] = name
        page.run()  # fills what the server keeps in memory
        slowest = 0.0
        for section in ("Scores", "Confusion", "Mistakes", "Map", "Cost"):
            page.session_state["section"] = section
            _, seconds = timed(page.run)
            assert not page.exception and not page.error
            print(f"page, {section:10} {seconds:7.2f} s")
            slowest = max(slowest, seconds)
    print(
        f"computed for {len(made.labels):,} images in {computing:.1f} s; read back in "
        f"{reading:.3f} s ({computing / reading:.0f} times faster)"
    )
    return int(slowest > 1)


if __name__ == "__main__":
    sys.exit(main())
