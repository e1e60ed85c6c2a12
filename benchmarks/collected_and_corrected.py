"""A collected set trained as on the page, and wrong answers of `wild` corrected.

    python benchmarks/collected_and_corrected.py [--photos FOLDER]

Prints the seconds of the whole command on 36 drawn shapes of three classes, how many of 60 new
shapes are right, and how many of 10 pictures of noise are unsure. Then, for two photos each of
worn sandals, dresses and shirts that `wild` names wrongly, how many are right before and after a
training on them, and Fashion-MNIST's test accuracy before and after. Uses all threads there are.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

import own_pictures as made  # noqa: E402

from vggcore.answers.classifier import load_classifier  # noqa: E402
from vggcore.data.own import places  # noqa: E402
from vggcore.machine import paths  # noqa: E402
from vggcore.pictures.decode import open_image  # noqa: E402

WRONG = {"sandal": "Sandal", "dress": "Dress", "shirt": "Shirt"}  # folders, classes
EACH = 2  # photos per class


def train(*arguments: str) -> float:
    """Seconds of `vggcore train` with these arguments."""
    started = time.monotonic()
    command = [sys.executable, "-m", "vggcore", "train", *arguments]
    subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def collected(place: Path) -> None:
    source = made.folder(place / "shapes", made.files(12))
    run = place / "shapes-run"
    seconds = train("--preset", "own-from-wild", "--pictures", str(source), "--run-dir", str(run))
    network = load_classifier(run / "best")
    new = [
        (s, network.classify(made.picture(s, 500 + n, 100))) for s in made.SHAPES for n in range(20)
    ]
    random = np.random.default_rng(0)
    noise = [
        network.classify(random.integers(0, 255, (64, 64, 3)).astype(np.uint8)) for _ in range(10)
    ]
    print(
        f"36 collected pictures: {seconds:.0f} s; of {len(new)} new ones "
        f"{sum(answer.label == shape for shape, answer in new)} right, "
        f"{sum(answer.unsure for _, answer in new)} unsure; "
        f"of {len(noise)} of noise {sum(answer.unsure for answer in noise)} unsure",
        flush=True,
    )


def corrected(place: Path, photos: Path) -> None:
    network, wrong = load_classifier("wild"), []
    for folder, label in WRONG.items():
        found = 0
        for file in sorted((photos / folder).iterdir()):
            picture = open_image(file, 256)
            if network.classify(picture).label != label:
                stream = BytesIO()
                picture.save(stream, "PNG")
                wrong.append((label, stream.getvalue()))
                found += 1
            if found == EACH:
                break
    source, run = places.keep_corrections(wrong), place / "corrected"
    seconds = train("--preset", "corrections", "--pictures", source, "--run-dir", str(run))
    told = json.loads((run / "best.json").read_bytes())["corrections"]
    before, after = (
        sum(a == b for a, b in zip(told["labels"], told[said], strict=True))
        for said in ("before", "after")
    )
    print(
        f"{len(wrong)} corrections: {before} right before, {after} after; test accuracy "
        f"{told['accuracy_before']:.4f} before, {told['accuracy_after']:.4f} after; {seconds:.0f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--photos",
        type=Path,
        default=paths.data_dir() / "garments-dev" / "photos" / "street-worn",
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["VGGCORE_PICTURES"] = str(place / "pictures")
        os.environ["VGGCORE_CACHE"] = str(place / "cache")
        collected(place)
        corrected(place, args.photos.resolve())


if __name__ == "__main__":
    main()
