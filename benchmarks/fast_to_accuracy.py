"""How long to reach the tutorial's final test accuracy, 0.918, and how much faster than its way?

    python benchmarks/fast_to_accuracy.py [--seeds 5]

`--preset fast` is trained from start to end with several seeds. Its recipe was chosen on the
validation split and is not changed here; the test accuracy counts once, at the end of each run.
Before, between and after these runs the tutorial's way trains for a few steps; its five epochs are
extrapolated from them. The seconds of a run cover everything in the process: data set, network,
every step, validation and test; only importing PyTorch is left out, for both.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import turns, tutorial_way  # noqa: E402

TARGET = 0.918


def fast(before_step) -> None:
    """One training from start to end per step, each with the next seed."""
    import dataclasses

    from vggcore.model.presets import PRESETS
    from vggcore.runs import folder as run_folder
    from vggcore.training import loop

    preset = PRESETS["fast"]
    results = before_step.report = {"test_accuracy": [], "val_accuracy": []}
    for seed in range(1_000):
        before_step()
        train = dataclasses.replace(preset.train, seed=seed, device="cpu")
        with tempfile.TemporaryDirectory() as place:
            folder = run_folder.create(Path(place) / "run", preset.spec, train)
            summary = loop.fit(folder)
        results["test_accuracy"].append(summary["test_accuracy"])
        results["val_accuracy"].append(summary["best_val_accuracy"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--steps", type=int, default=4, help="steps of the tutorial's way in a turn"
    )
    args = parser.parse_args()
    seconds, tutorial_steps = [], []
    with turns.workers(tutorial=tutorial_way.work, fast=fast) as workers:
        workers["tutorial"].seconds_per_step(3)  # warm-up, not counted
        for _ in range(args.seeds):
            tutorial_steps.append(workers["tutorial"].seconds_per_step(args.steps))
            seconds.append(workers["fast"].seconds_per_step(1))
        tutorial_steps.append(workers["tutorial"].seconds_per_step(args.steps))
        results = workers["fast"].end()
    tutorial = statistics.median(tutorial_steps)
    five_epochs = tutorial * tutorial_way.STEPS_PER_EPOCH * tutorial_way.EPOCHS
    accuracies = results["test_accuracy"]
    figures = {
        "fast_seconds": [round(s, 1) for s in seconds],
        "fast_test_accuracy": accuracies,
        "fast_val_accuracy": results["val_accuracy"],
        "mean_test_accuracy": statistics.mean(accuracies),
        "spread_test_accuracy": [min(accuracies), max(accuracies)],
        "seeds_at_target": sum(accuracy >= TARGET for accuracy in accuracies),
        "tutorial_ms_a_step": 1e3 * tutorial,
        "tutorial_five_epochs_seconds": five_epochs,
        "times_sooner": five_epochs / statistics.mean(seconds),
        "date": time.strftime("%Y-%m-%d"),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
