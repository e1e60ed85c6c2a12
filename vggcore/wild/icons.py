"""Icons of garments from open icon sets, to train on; `docs/make_icons.py` drew them."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent / "garment_icons"
SIDE = 128  # pixels of a cell of the sheet
COLUMNS = 24  # cells in a row of the sheet


class Icon(NamedTuple):
    """An icon, and the class folder that it belongs to."""

    set: str
    name: str
    folder: str


def names() -> list[Icon]:
    """All icons, in the order of the sheet."""
    with (FOLDER / "icons.csv").open(newline="", encoding="utf-8") as file:
        return [Icon(**row) for row in csv.DictReader(file)]


def load() -> list[tuple[Icon, np.ndarray]]:
    """Each icon with its picture, uint8 [128, 128], black on white."""
    with Image.open(FOLDER / "icons.png") as sheet:
        pixels = np.asarray(sheet.convert("L"))
    cells = []
    for place, icon in enumerate(names()):
        row, column = divmod(place, COLUMNS)
        top, left = row * SIDE, column * SIDE
        cells.append((icon, pixels[top : top + SIDE, left : left + SIDE]))
    return cells
