"""Progressive pre-training 11 → 13 → 16 → 19 against Kaiming and against batch norm.

    OMP_NUM_THREADS=1 python benchmarks/progressive_pretraining.py [--seeds 3] [--out FILE]
    python benchmarks/progressive_pretraining.py --page FILE   # only write the page, from FILE

Every way ends with a VGG-19 at 1/8 width on 32 px, trained on the same 6,000 images of
Fashion-MNIST, and gets the same number of steps in total: four stages of the chain, or one run
four times as long. Shallower networks cost less per step, so the chain also uses fewer
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

from vggcore.machine import devices  # noqa: E402
from vggcore.model import anatomy, checkpoints  # noqa: E402
from vggcore.model.architectures import VGGSpec  # noqa: E402
from vggcore.model.recipe import TrainConfig  # noqa: E402
from vggcore.runs import folder as run_folder  # noqa: E402
from vggcore.training import loop  # noqa: E402

OUT = Path(__file__).with_name("progressive_pretraining.json")
PAGE = Path(__file__).resolve().parent.parent / "docs" / "progressive-pretraining.md"
CHAIN = ("A", "B", "D", "E")
STAGE_EPOCHS = 3
SPEC = VGGSpec(configuration="E", width="1/8", image_size=32, fc_width=64, dropout=0.0)
TRAIN = TrainConfig(
    train_limit=6_000,
    epochs=STAGE_EPOCHS * len(CHAIN),
    batch_size=64,
    learning_rate=0.001,
    flip=True,
    device="cpu",
    checkpoint_seconds=0.0,
)
# "paper": random N(0, variance 0.01), as the paper initialises layers that it does not copy.
WAYS = {
    "kaiming": [(SPEC, TRAIN)],
    "batch norm": [(dataclasses.replace(SPEC, batch_norm=True), TRAIN)],
    "paper init": [(SPEC, dataclasses.replace(TRAIN, init="paper"))],
    "progressive, all that fits": [
        (
            dataclasses.replace(SPEC, configuration=column),
            dataclasses.replace(TRAIN, epochs=STAGE_EPOCHS, init_layers="all"),
        )
        for column in CHAIN
    ],
    "progressive, paper's layers": [
        (
            dataclasses.replace(SPEC, configuration=column),
            dataclasses.replace(TRAIN, epochs=STAGE_EPOCHS, init_layers="paper"),
        )
        for column in CHAIN
    ],
}


def train_stages(stages, seed: int, place: Path) -> dict:
    """Train each stage from the one before; returns rows of all epochs and the test accuracy."""
    rows, seconds, work, before = [], 0.0, 0.0, ""
    for number, (spec, train) in enumerate(stages, start=1):
        train = dataclasses.replace(train, seed=seed, init_from=before)
        folder = run_folder.create(place / f"stage{number}", spec, train)
        summary = loop.fit(folder)
        # Forward and backward take about three times the forward's multiply-accumulates.
        epoch_work = 3 * anatomy.totals(spec).macs * train.train_limit
        for line in (folder.path / "metrics.jsonl").read_text().splitlines():
            row = json.loads(line)
            if row["kind"] == "epoch":
                work += epoch_work
                rows.append(
                    {
                        "network": spec.name,
                        "seconds": round(seconds + row["seconds"], 1),
                        "tera_macs": round(work / 1e12, 4),
                        "train_loss": row["train_loss"],
                        "val_accuracy": row["val_accuracy"],
                    }
                )
        seconds += summary["seconds"]
        before = str(folder.path / "best")
    card = checkpoints.read_card(before)
    return {"seed": seed, "epochs": rows, "test_accuracy": card.test_accuracy}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--page", type=Path, metavar="FILE", help="only write the page, from FILE")
    args = parser.parse_args()
    if args.page:
        return write_page(json.loads(args.page.read_text()))
    results = {name: [] for name in WAYS}
    for seed in range(args.seeds):
        for name, stages in WAYS.items():
            with tempfile.TemporaryDirectory() as place:
                results[name].append(train_stages(stages, seed, Path(place)))
            print(f"seed {seed}, {name}: {results[name][-1]['test_accuracy']:.4f}", flush=True)
            _write(args.out, results)
    write_page(json.loads(args.out.read_text()))


def write_page(record: dict) -> None:
    """`docs/progressive-pretraining.md`, from the recorded runs."""
    finished = {name: runs for name, runs in record["results"].items() if runs}
    lines = []
    for name, runs in sorted(finished.items(), key=lambda item: -_mean(item[1], "test_accuracy")):
        tests = [run["test_accuracy"] for run in runs]
        last = [run["epochs"][-1] for run in runs]
        lines.append(
            f"| {name} | {len(runs)} | {statistics.mean(tests):.4f} | "
            f"{min(tests):.4f} to {max(tests):.4f} | {last[0]['tera_macs']:.2f} | "
            f"{_mean(last, 'seconds'):.0f} |"
        )
    halves = [
        f"| {name} | "
        + " | ".join(
            f"{statistics.mean(run['epochs'][epoch - 1]['val_accuracy'] for run in runs):.3f}"
            for epoch in range(STAGE_EPOCHS, TRAIN.epochs + 1, STAGE_EPOCHS)
        )
        + " |"
        for name, runs in finished.items()
    ]
    PAGE.write_text(
        _PAGE.format(
            images=TRAIN.train_limit,
            epochs=TRAIN.epochs,
            stage=STAGE_EPOCHS,
            machine=record["machine"],
            date=record["date"],
            results="\n".join(lines),
            curves="\n".join(halves),
            best=max(finished, key=lambda name: _mean(finished[name], "test_accuracy")),
            columns=" | ".join(
                f"epoch {e}" for e in range(STAGE_EPOCHS, TRAIN.epochs + 1, STAGE_EPOCHS)
            ),
        )
    )


def _mean(rows: list[dict], key: str) -> float:
    return statistics.mean(row[key] for row in rows)


_PAGE = """# Progressive pre-training, tried

The paper (arXiv 1409.1556, section 3.1) trained VGG-11 from random weights and started the deeper
networks from its first four convolutions and fully connected layers; later it notes that a good
initialisation makes that unnecessary. The tutorial goes step by step, 11 → 13 → 16 → 19. A
controlled comparison does not seem to have been published, so here is a small one.

Every way ends with a VGG-19 at 1/8 width (32 px, hidden layers of 64), trained on the same
{images:,} images of Fashion-MNIST with the same recipe (AdamW, one cycle, batch 64), for the same
number of steps in all: {epochs} epochs, or four stages of {stage}, each with a cycle of its own.
Shallower networks cost less a step, so the chain spends fewer multiply-accumulates (MACs; forward
and backward counted as three forwards). Seconds are those of a busy machine and say little; MACs
are exact.

| VGG-19 from | seeds | test accuracy, mean | range | 10¹² MACs | seconds |
|---|---|---|---|---|---|
{results}

At this size and budget, "{best}" came out best. The chain pays for its cheap first stages with a
last one that is short: the deep network itself sees only {stage} of the {epochs} epochs.

Validation accuracy on the way, mean of the seeds (in the chain: of the network of that stage):

| VGG-19 from | {columns} |
|---|---|---|---|---|
{curves}

- "kaiming", "batch norm": He initialisation, without and with BatchNorm. "paper init": all weights
  from N(0, variance 0.01), as the paper drew those that it did not copy.
- "all that fits" copies every layer that has a namesake in the next network, "paper's layers" only
  the first four convolutions and the fully connected ones; the rest starts as "kaiming".
- What it cannot show: one small network, one data set, few images, short training, three seeds at
  most. Differences within the ranges above mean nothing.

Recorded on {machine}, {date}: `benchmarks/progressive_pretraining.json`. Again:
`OMP_NUM_THREADS=1 python benchmarks/progressive_pretraining.py`.
"""


def _write(file: Path, results: dict) -> None:
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": devices.describe(torch.device("cpu")),
        "spec": SPEC.to_dict(),
        "train": TRAIN.to_dict(),
        "results": results,
    }
    file.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
