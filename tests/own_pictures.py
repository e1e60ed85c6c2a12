"""A user's own pictures for tests: coloured shapes, one kind per class, no two alike."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "cross", "square")


def picture(shape: str, number: int, side: int = 40) -> Image.Image:
    """One picture of a class: the same for the same number, another for another number."""
    random = np.random.default_rng([SHAPES.index(shape), number])
    background = tuple(int(c) for c in random.integers(200, 256, 3))
    colour = tuple(int(c) for c in random.integers(0, 120, 3))
    drawn = Image.new("RGB", (side, side), background)
    brush = ImageDraw.Draw(drawn)
    x, y = random.integers(side // 4, side // 3, 2).tolist()
    size = side // 2
    box = (x, y, x + size, y + size)
    if shape == "circle":
        brush.ellipse(box, fill=colour)
    elif shape == "square":
        brush.rectangle(box, fill=colour)
    else:
        brush.line(box, fill=colour, width=4)
        brush.line((x, y + size, x + size, y), fill=colour, width=4)
    return drawn


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def files(count: int = 8, shapes=SHAPES) -> dict[str, bytes]:
    """Encoded pictures by their names: CLASS/NUMBER.png."""
    return {
        f"{shape}/{number:03}.png": encoded(picture(shape, number))
        for shape in shapes
        for number in range(count)
    }


def folder(place: Path, contents: dict[str, bytes] | None = None) -> Path:
    """These files in a folder."""
    for name, content in (files() if contents is None else contents).items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return place


def zipped(contents: dict[str, bytes] | None = None) -> bytes:
    """These files in a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in (files() if contents is None else contents).items():
            archive.writestr(name, content)
    return stream.getvalue()
