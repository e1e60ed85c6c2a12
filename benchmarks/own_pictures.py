"""Own pictures: training from scratch against starting from `wild`, in equal processor time.

    python benchmarks/own_pictures.py [--minutes 4] [--pictures FOLDER] [--start wild]

Each way trains for the given time: its seconds per epoch are measured first, and its number of
epochs is chosen from them. By default on the 2,921 phone photos of the development data, in their
ten folders (one is "other footwear", for which `wild` has no class). Note that `wild` has seen nine
in ten of these in its own training; with `--objects`, on 2,000 photos of ten kinds of animals and
vehicles, half of which it has seen as "no garment".
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from vggcore.commands.recipe_options import for_pictures
from vggcore.machine import paths
from vggcore.model.architectures import VGGSpec
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.runs import folder
from vggcore.training import loop


def ways(start: str) -> dict[str, tuple[VGGSpec, TrainConfig]]:
    """Name, network and recipe of each way to train."""
    scratch, wild = PRESETS["own"], PRESETS["own-from-wild"]
    from_nothing = replace(wild.train, init_from="", freeze_epochs=0)
    return {
        "scratch, whole pictures": (scratch.spec, scratch.train),
        "scratch, the object": (wild.spec, from_nothing),
        f"from {start}, classifier alone": (
            wild.spec,
            replace(wild.train, init_from=start, freeze_epochs=wild.train.epochs),
        ),
        f"from {start}, then all layers": (wild.spec, replace(wild.train, init_from=start)),
    }


def trained(spec: VGGSpec, train: TrainConfig, name: str) -> dict:
    """The run's summary, with its processor seconds and accuracies by epoch."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / name
        folder.create(path, spec, train, preset="own")
        started = time.process_time()
        summary = loop.fit(folder.RunFolder(path))
        seconds = time.process_time() - started
        rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        accuracies = [round(row["val_accuracy"], 4) for row in rows if row["kind"] == "epoch"]
        return summary | {"cpu_seconds": seconds, "accuracies": accuracies}


def table_of_objects(place: Path) -> str:
    """A CSV of the development data's objects, whose kinds are in their names."""
    photos = paths.data_dir() / "garments-dev" / "not-garments" / "photos-objects"
    rows = [f"{file},{file.name.split('_')[0]}" for file in sorted(photos.resolve().glob("*.jpg"))]
    table = place / "objects.csv"
    table.write_text("\n".join(["path,label", *rows]))
    return str(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--start", default="wild")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--pictures",
        default=str(paths.data_dir() / "garments-dev" / "photos" / "clothing-small"),
    )
    parser.add_argument("--objects", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if args.objects:
            args.pictures = table_of_objects(Path(place))
        compare(args)


def compare(args: argparse.Namespace) -> None:
    """One line for each way, as soon as it is known."""
    for name, (spec, train) in ways(args.start).items():
        train = replace(train, pictures=args.pictures, patience=0, seed=args.seed)
        frozen = train.freeze_epochs
        spec, train = for_pictures(spec, train)
        # Two epochs of each kind are timed: with frozen convolutions they take a third.
        quick = slow = 0.0
        if frozen:
            two = replace(train, epochs=2, freeze_epochs=2)
            quick = trained(spec, two, "timing")["cpu_seconds"] / 2
        if frozen < train.epochs:
            two = replace(train, epochs=2, freeze_epochs=0)
            slow = trained(spec, two, "timing")["cpu_seconds"] / 2
        if not slow:
            epochs = frozen = max(1, int(60 * args.minutes / quick))
        else:
            epochs = frozen + max(1, int((60 * args.minutes - frozen * quick) / slow))
        train = replace(train, epochs=epochs, freeze_epochs=frozen)
        done = trained(spec, train, "run")
        print(
            json.dumps(
                {
                    "way": name,
                    "epochs": epochs,
                    "seconds": round(done["cpu_seconds"]),
                    "validation": round(done["best_val_accuracy"], 4),
                    "test": round(done["test_accuracy"], 4),
                    "by_epoch": done["accuracies"],
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
