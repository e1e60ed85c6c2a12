"""Results of a checkpoint: computed once, then available at once.

    python benchmarks/results_cached.py [CHECKPOINT]

Times the computation over the whole test set, reading it back from disk, and a run of the
Results page's script with all its sections; the target for that is one second.
"""

import argparse
import os
import shutil
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
    parser.add_argument("--compute", action="store_true", help="also time the computing itself")
    args = parser.parse_args()
    name = args.checkpoint
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VGGCORE_CACHE"] = folder
        if args.compute:
            compute(name, Path(folder))
        from streamlit.testing.v1 import AppTest

        from vggcore.answers import results

        found, reading = timed(lambda: results.cached(name))
        assert found is not None, "this checkpoint has no results beside it: vggcore results build"
        page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=600)
        page.switch_page("pages/results.py")
        page.session_state["network"] = name
        _, first = timed(page.run)
        print(f"first page in a fresh process, imports included: {first:.2f} s")
        slowest = 0.0
        for section in ("Scores", "Confusion", "Mistakes", "Map", "Cost"):
            page.session_state["section"] = section
            _, seconds = timed(page.run)
            assert not page.exception and not page.error
            print(f"page, {section:10} {seconds:7.2f} s")
            slowest = max(slowest, seconds)
    print(f"results of {len(found.labels):,} images read in {reading:.3f} s")
    if not args.compute:
        print("PyTorch was", "loaded" if "torch" in sys.modules else "not loaded")
    return int(slowest > 1)


def compute(name: str, folder: Path) -> None:
    """Time the work for a checkpoint without stored results."""
    from vggcore.answers import making_results
    from vggcore.model import checkpoints

    path = checkpoints.find(name)
    for suffix in (".json", ".safetensors"):
        shutil.copy(path.with_name(path.name + suffix), folder)
    made, seconds = timed(lambda: making_results.compute(folder / path.name))
    print(f"computed for {len(made.labels):,} images in {seconds:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
