"""Memory of the server after every page has been used, as on a public deployment.

    python benchmarks/app_memory.py

Starts the entry point of Streamlit Community Cloud, opens every page and its contents in a real
browser, one after the other, and reads the server's resident memory after each.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]
import harness  # noqa: E402

harness.PATIENCE = 300
AIM_MB = 700
VISITS = (
    "",
    "compare",
    "train",
    "train?recorded=tutorial",
    "classify?source=Sample",
    "classify",
    "results?section=Scores",
    "results?section=Confusion",
    "results?section=Map",
    "results?section=Take%20away",
    "compare",
    "",
)


def memory_mb(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(field))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        harness.running_app(
            Path(folder) / "runs", entry="community_cloud.py", VGGCORE_CACHE=f"{folder}/cache"
        ) as app,
        harness.chromium() as browser,
    ):
        print(f"{'started':34} {memory_mb(app.pid, 'VmRSS'):5.0f} MB")
        for path in VISITS:
            with harness.visit(browser, app, path):
                print(f"{path or 'overview':34} {memory_mb(app.pid, 'VmRSS'):5.0f} MB")
        peak = memory_mb(app.pid, "VmHWM")
    import torch

    print(f"peak {peak:.0f} MB with PyTorch {torch.__version__}; the aim is {AIM_MB} MB")
    return int(peak > AIM_MB)


if __name__ == "__main__":
    sys.exit(main())
