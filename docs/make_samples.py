"""Makes the Overview page's sample garments, and the strip that it shows first.

    python docs/make_samples.py

Run it again when the shipped network's weights change: the strip shows what they make of a sample.
The garments are made up by `vggcore.wild.shapes`, so that everybody may use them.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dashboard.overview import journey  # noqa: E402
from vggcore.answers.classifier import load_classifier  # noqa: E402
from vggcore.data.classes import Label  # noqa: E402
from vggcore.wild import shapes  # noqa: E402

SIDE, FINER = 256, 4  # pixels; drawn so many times larger
BACKGROUND = (244, 241, 234)
WANTED = {  # class, seed of the cut, colour
    "T-shirt": (Label.T_SHIRT, 10, (214, 69, 65)),
    "bag": (Label.BAG, 9, (150, 95, 50)),
    "ankle boot": (Label.ANKLE_BOOT, 12, (110, 70, 45)),
}


def garment(label: Label, seed: int, colour: tuple[int, int, int]) -> Image.Image:
    """A made-up garment in one colour, its seams darker."""
    outline, lines = shapes.template(np.random.default_rng(seed), label)
    everything = np.vstack([outline, *lines])
    low, high = everything.min(axis=0), everything.max(axis=0)
    side = SIDE * FINER
    scale = 0.8 * side / (high - low).max()
    offset = (side - (low + high) * scale) / 2
    darker = tuple(int(0.55 * channel) for channel in colour)
    picture = Image.new("RGB", (side, side), BACKGROUND)
    pen = ImageDraw.Draw(picture)

    def line(points: np.ndarray, width: float) -> None:
        placed = [tuple(point) for point in points * scale + offset]
        pen.line(placed, fill=darker, width=round(width * FINER), joint="curve")

    if label == Label.BAG:
        line(lines[0], 7)  # the handle, behind
    pen.polygon([tuple(point) for point in outline * scale + offset], fill=colour)
    line(np.vstack([outline, outline[:1]]), 2)
    for each in lines:
        line(each, 1.6)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def main() -> None:
    journey.SAMPLES.mkdir(parents=True, exist_ok=True)
    for name, wanted in WANTED.items():
        picture = garment(*wanted).quantize(64).convert("RGB")
        picture.save(journey.sample_file(name), optimize=True)
    first = journey.NAMES[0]
    way = journey.Journey.of(load_classifier(), journey.sample_picture(first), first)
    journey.STORED.write_text(way.to_json() + "\n", "utf-8")
    print(f"{journey.STORED}: {way.verdict}, {journey.STORED.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
