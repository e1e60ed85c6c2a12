"""What share of the training time do checkpoints take?

    python benchmarks/resume_cost.py [--preset best] [--saves 7]

Trains a preset for a few steps, measures how long it takes to save the resumable state, and
compares that with the time between two saves (60 s by default): the share of a run's time.
"""

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore.model.presets import PRESETS  # noqa: E402
from vggcore.runs import folder as run_folder  # noqa: E402
from vggcore.training import loop as training  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="best")
    parser.add_argument("--saves", type=int, default=7)
    args = parser.parse_args()
    preset = PRESETS[args.preset]
    train = dataclasses.replace(
        preset.train, dataset="synthetic", epochs=1, batch_size=32, train_limit=64, device="cpu"
    )
    save, seconds = training.Loop._save, []

    def timed(loop):
        for _ in range(args.saves):
            started = time.perf_counter()
            save(loop)
            seconds.append(time.perf_counter() - started)

    training.Loop._save = timed
    with tempfile.TemporaryDirectory() as place:
        folder = run_folder.create(Path(place) / "run", preset.spec, train)
        training.fit(folder)
        size = (folder.path / "last.safetensors").stat().st_size
    median, every = statistics.median(seconds), preset.train.checkpoint_seconds
    figures = {
        "preset": args.preset,
        "megabytes": round(size / 1e6, 1),
        "seconds_a_save": median,
        "checkpoint_every_seconds": every,
        "share_of_time": median / every,
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
