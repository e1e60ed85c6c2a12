"""How soon a new run shows its first point.

    python benchmarks/first_point.py [PRESET …]

Seconds from starting `vggcore train` to the first row of metrics. The data must be there already.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0  # seconds


def first_point(preset: str, folder: Path) -> float | None:
    """Seconds; None if no point came in time."""
    started = time.monotonic()
    command = ["-m", "vggcore", "train", "--preset", preset, "--run-dir", str(folder)]
    with subprocess.Popen(
        [sys.executable, *command], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=sys.stderr
    ) as run:
        metrics = folder / "metrics.jsonl"
        try:
            while time.monotonic() - started < PATIENCE and run.poll() is None:
                if metrics.is_file() and metrics.stat().st_size:
                    return time.monotonic() - started
                time.sleep(0.02)
        finally:
            run.terminate()
    return None


def main() -> None:
    for preset in sys.argv[1:] or ("tutorial", "fast", "best", "try-out"):
        with tempfile.TemporaryDirectory() as folder:
            seconds = first_point(preset, Path(folder) / "run")
        print(f"{preset}: " + ("no point" if seconds is None else f"{seconds:.1f} s"), flush=True)


if __name__ == "__main__":
    main()
