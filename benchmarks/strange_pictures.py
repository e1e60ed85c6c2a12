"""How many pictures are still named right when strangers frame, shrink or turn them.

`python benchmarks/strange_pictures.py [CHECKPOINT]` takes 180 development photos that no training
saw, and 200 of Fashion-MNIST's validation images. Right: a class that a fair judge accepts. "Sure
and wrong" is what matters most: a wrong answer that is not called unsure.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore.answers.classifier import load_classifier  # noqa: E402
from vggcore.data import fashion_mnist  # noqa: E402
from vggcore.wild.items import development_items  # noqa: E402

PHOTOS, IMAGES = 180, 200
SIDES = (224, 900, 1800, 2400)  # of the picture around a garment of 224 px


def bars(picture: Image.Image, ratio: float, colour: str) -> Image.Image:
    """The picture on a ground of this width by height, its own height or width kept."""
    width, height = picture.size
    size = (max(width, round(height * ratio)), max(height, round(width / ratio)))
    ground = Image.new("RGB", size, colour)
    ground.paste(picture, ((size[0] - width) // 2, (size[1] - height) // 2))
    return ground


def frame(share: float) -> Callable[[Image.Image], Image.Image]:
    def framed(picture: Image.Image) -> Image.Image:
        across, down = (round(side * share) for side in picture.size)
        return ImageOps.expand(picture, (across, down, across, down), "white")

    return framed


PHOTO_FORMS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda picture: picture,
    "frame, 4 px black": lambda picture: ImageOps.expand(picture, 4, "black"),
    "frame, white, 10 % a side": frame(0.1),
    "16:9, black bars": lambda picture: bars(picture, 16 / 9, "black"),
    "9:16, white bars": lambda picture: bars(picture, 9 / 16, "white"),
    "a quarter turn": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "a half turn": lambda picture: picture.transpose(Image.Transpose.ROTATE_180),
}


def photos() -> list[tuple[Image.Image, tuple[int, ...]]]:
    """Photos kept from training, and the classes that count as right for each."""
    items = [item for item in development_items() if item.kind == "photos" and item.held_out]
    items = [item for item in items if item.strict is not None]
    chosen = np.random.default_rng(0).permutation(len(items))[:PHOTOS]
    return [(items[index].picture(), items[index].accepted) for index in chosen]


def garments(side: int) -> Iterator[tuple[Image.Image, tuple[int, ...]]]:
    """Fashion-MNIST's images as dark garments of 224 px on a white ground of `side` pixels."""
    images, labels = fashion_mnist.load_split("validation")
    for image, label in zip(images[:IMAGES].numpy(), labels[:IMAGES].tolist(), strict=True):
        garment = Image.fromarray(255 - image).resize((224, 224), Image.Resampling.BICUBIC)
        ground = Image.new("RGB", (side, side), "white")
        ground.paste(garment.convert("RGB"), ((side - 224) // 2, (side - 224) // 2))
        yield ground, (label,)


def row(classifier, name: str, pictures) -> str:
    right = wrong = count = 0
    for picture, accepted in pictures:
        answer = classifier.classify(picture)
        is_right = classifier.classes.index(answer.label) in accepted
        right, count = right + is_right, count + 1
        wrong += not is_right and not answer.unsure
    return f"| {name} | {count} | {right} | {wrong} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default="wild")
    classifier = load_classifier(parser.parse_args().checkpoint)
    print("| picture | pictures | right | sure and wrong |", "|---|--:|--:|--:|", sep="\n")
    originals = photos()
    for name, form in PHOTO_FORMS.items():
        print(row(classifier, name, ((form(p), right) for p, right in originals)), flush=True)
    for side in SIDES:
        print(row(classifier, f"garment of 224 px in {side} px", garments(side)), flush=True)


if __name__ == "__main__":
    main()
