"""Progressive pre-training 11 → 13 → 16 → 19 against Kaiming and against batch norm.

    OMP_NUM_THREADS=1 python benchmarks/progressive_pretraining.py [--seeds 3] [--out FILE]

Every way ends with a VGG-19 at 1/8 width on 32 px, trained on the same 6,000 images of
Fashion-MNIST, and gets the same number of steps in all: four stages of the chain, or one run
four times as long. Shallower networks cost less a step, so the chain also spends fewer
multiply-accumulates; both these and the seconds are recorded. Writes every epoch's validation
accuracy, and the final test accuracy, of every seed.
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

import torch  # noqa: E402

from vggcore import anatomy, checkpoints, devices, run_folder, training  # noqa: E402
from vggcore.architectures import VGGSpec  # noqa: E402
from vggcore.config import TrainConfig  # noqa: E402

OUT = Path(__file__).with_name("progressive_pretraining.json")
CHAIN = ("A", "B", "D", "E")
STAGE_EPOCHS = 3
SPEC = VGGSpec(configuration="E", width="1/8", image_size=32, fc_width=64, dropout=0.0)
TRAIN = TrainConfig(
    train_limit=6_000, epochs=STAGE_EPOCHS * len(CHAIN), batch_size=64, learning_rate=0.001,
    flip=True, device="cpu", checkpoint_seconds=0.0,
)  # fmt: skip
# "paper": random N(0, variance 0.01), as the paper draws what it does not copy.
WAYS = {
    "kaiming": [(SPEC, TRAIN)],
    "batch norm": [(dataclasses.replace(SPEC, batch_norm=True), TRAIN)],
    "paper init": [(SPEC, dataclasses.replace(TRAIN, init="paper"))],
    "progressive, all that fits": [
        (dataclasses.replace(SPEC, configuration=column),
         dataclasses.replace(TRAIN, epochs=STAGE_EPOCHS, init_layers="all"))
        for column in CHAIN
    ],
    "progressive, paper's layers": [
        (dataclasses.replace(SPEC, configuration=column),
         dataclasses.replace(TRAIN, epochs=STAGE_EPOCHS, init_layers="paper"))
        for column in CHAIN
    ],
}  # fmt: skip


def train_stages(stages, seed: int, place: Path) -> dict:
    """Train each stage from the one before; rows of all epochs, and the final test accuracy."""
    rows, seconds, work, before = [], 0.0, 0.0, ""
    for number, (spec, train) in enumerate(stages, start=1):
        train = dataclasses.replace(train, seed=seed, init_from=before)
        folder = run_folder.create(place / f"stage{number}", spec, train)
        summary = training.fit(folder)
        # Forward and backward take about three times the forward's multiply-accumulates.
        epoch_work = 3 * anatomy.totals(spec).macs * train.train_limit
        for line in (folder.path / "metrics.jsonl").read_text().splitlines():
            row = json.loads(line)
            if row["kind"] == "epoch":
                work += epoch_work
                rows.append(
                    {"network": spec.name, "seconds": round(seconds + row["seconds"], 1),
                     "tera_macs": round(work / 1e12, 4), "train_loss": row["train_loss"],
                     "val_accuracy": row["val_accuracy"]}
                )  # fmt: skip
        seconds += summary["seconds"]
        before = str(folder.path / "best")
    card = checkpoints.read_card(before)
    return {"seed": seed, "epochs": rows, "test_accuracy": card["test_accuracy"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    results = {name: [] for name in WAYS}
    for seed in range(args.seeds):
        for name, stages in WAYS.items():
            with tempfile.TemporaryDirectory() as place:
                results[name].append(train_stages(stages, seed, Path(place)))
            print(f"seed {seed}, {name}: {results[name][-1]['test_accuracy']:.4f}", flush=True)
            _write(args.out, results)
    for name, runs in results.items():
        tests = [run["test_accuracy"] for run in runs]
        last = [run["epochs"][-1] for run in runs]
        print(
            f"{name:28} test {statistics.mean(tests):.4f} ({min(tests):.4f} to {max(tests):.4f}), "
            f"{statistics.mean(row['seconds'] for row in last):.0f} s, "
            f"{last[0]['tera_macs']:.2f} TMAC"
        )


def _write(file: Path, results: dict) -> None:
    record = {
        "date": time.strftime("%Y-%m-%d"), "machine": devices.describe(torch.device("cpu")),
        "spec": SPEC.to_dict(), "train": TRAIN.to_dict(), "results": results,
    }  # fmt: skip
    file.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
