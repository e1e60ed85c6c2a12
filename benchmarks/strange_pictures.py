"""How many pictures are still named rightly when strangers frame, shrink, turn or crowd them.

`python benchmarks/strange_pictures.py [CHECKPOINT]` takes 180 development photos held out from
training, and 200 of Fashion-MNIST's validation images. Right: a class that a fair judge accepts.
"Sure and wrong" matters most: a wrong answer that is not called unsure.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore.answers.classifier import load_classifier  # noqa: E402
from vggcore.data import fashion_mnist  # noqa: E402
from vggcore.pictures import objects  # noqa: E402
from vggcore.wild.items import development_items  # noqa: E402

Picture = tuple[Image.Image, tuple[int, ...]]  # and the classes that count as right
PHOTOS, IMAGES = 180, 200
SIDES = (224, 900, 1800, 2400)  # of the picture around a garment of 224 px


def bars(picture: Image.Image, ratio: float, colour: str) -> Image.Image:
    """The picture on a background of this width by height, keeping its own height or width."""
    width, height = picture.size
    size = (max(width, round(height * ratio)), max(height, round(width / ratio)))
    background = Image.new("RGB", size, colour)
    background.paste(picture, ((size[0] - width) // 2, (size[1] - height) // 2))
    return background


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


def shop_page(picture: Image.Image, width: int = 540, height: int = 1080) -> Image.Image:
    """A phone's screenshot of a shop: the picture below a heading, with texts and a button."""
    page = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(page)
    pen.text((20, 8), "9:41", "black", font_size=18)
    pen.rectangle([width - 60, 12, width - 24, 24], outline="black")
    pen.rounded_rectangle([20, 44, width - 90, 88], 22, fill="#eeeeee")
    pen.text((44, 54), "Search this shop", "#777777", font_size=18)
    pen.ellipse([width - 70, 48, width - 34, 84], outline="black", width=3)
    shown = ImageOps.contain(picture.convert("RGB"), (width, 560))
    page.paste(shown, ((width - shown.width) // 2, 110 + (560 - shown.height) // 2))
    for row, (text, size) in enumerate((("New season, many sizes", 30), ("49.90", 36))):
        pen.text((24, 700 + 52 * row), text, "black", font_size=size)
    for row in range(4):
        line = "Soft and light. Washes at 30 degrees. Sent to you in two days."
        pen.text((24, 820 + 26 * row), line[row:], "#555555", font_size=16)
    pen.rounded_rectangle([24, 960, width - 24, 1016], 28, fill="#1a1a1a")
    pen.text((width / 2 - 60, 974), "Add to bag", "white", font_size=24)
    pen.rectangle([width / 2 - 70, height - 14, width / 2 + 70, height - 9], fill="black")
    return page


def plot(picture: Image.Image) -> Image.Image:
    """The picture between the axes of a plot, with ticks, their numbers and a title."""
    page = Image.new("RGB", (640, 480), "white")
    pen = ImageDraw.Draw(page)
    page.paste(picture.convert("RGB").resize((368, 368)), (144, 58))
    pen.rectangle([143, 57, 512, 426], outline="black")
    for tick in range(0, 28, 5):
        at = round(tick * 368 / 28) + 7
        pen.line([138, 58 + at, 143, 58 + at], "black")
        pen.line([144 + at, 427, 144 + at, 432], "black")
        pen.text((118, 50 + at), f"{tick:2}", "black", font_size=13)
        pen.text((138 + at, 436), f"{tick:2}", "black", font_size=13)
    pen.text((290, 34), "label: 7", "black", font_size=16)
    return page


def side_by_side(pictures: list[Picture], step: int = 1) -> Iterator[Picture]:
    """Each picture joined with the next one; right: a class of either."""
    for (left, of_left), (right, of_right) in zip(
        pictures, pictures[step:] + pictures[:step], strict=True
    ):
        height = max(left.height, right.height)
        sides = [ImageOps.contain(side, (height, height)) for side in (left, right)]
        height = min(side.height for side in sides)
        sides = [ImageOps.fit(side, (side.width, height)) for side in sides]
        joined = Image.new("RGB", (sum(side.width for side in sides), height), "white")
        joined.paste(sides[0], (0, 0))
        joined.paste(sides[1], (sides[0].width, 0))
        yield joined, (*of_left, *of_right)


def photos() -> list[Picture]:
    """Photos held out from training, and the classes that count as right for each."""
    items = [item for item in development_items() if item.kind == "photos" and item.held_out]
    items = [item for item in items if item.strict is not None]
    chosen = np.random.default_rng(0).permutation(len(items))[:PHOTOS]
    return [(items[index].picture(), items[index].accepted) for index in chosen]


def garments(side: int) -> Iterator[Picture]:
    """Fashion-MNIST images as dark garments of 224 px on a white background of `side` pixels."""
    images, labels = fashion_mnist.load_split("validation")
    for image, label in zip(images[:IMAGES].numpy(), labels[:IMAGES].tolist(), strict=True):
        garment = Image.fromarray(255 - image).resize((224, 224), Image.Resampling.BICUBIC)
        background = Image.new("RGB", (side, side), "white")
        background.paste(garment.convert("RGB"), ((side - 224) // 2, (side - 224) // 2))
        yield background, (label,)


def row(classifier, name: str, pictures) -> str:
    right = wrong = count = 0
    for picture, accepted in pictures:
        answer = classifier.classify(picture)
        is_right = classifier.classes.index(answer.label) in accepted
        right, count = right + is_right, count + 1
        wrong += not is_right and not answer.unsure
    return f"| {name} | {count} | {right} | {wrong} |"


def price(classifier) -> str:
    """The cost of looking for turns and things, on upright pictures that show one garment."""
    items = [item for item in development_items() if item.held_out]
    images, labels = fashion_mnist.load_split("validation")
    upright: list[Picture] = [(item.picture(), item.accepted) for item in items]
    upright += list(garments(SIDES[0])) + [
        (Image.fromarray(image), (label,))
        for image, label in zip(images[:IMAGES].numpy(), labels[:IMAGES].tolist(), strict=True)
    ]
    good = turned = 0
    for picture, accepted in upright:
        answer = classifier.classify(picture)
        right = classifier.classes.index(answer.label) in accepted
        good += right
        turned += right and bool(answer.turn)
    found = sum(objects.find(item.picture()) != objects.Things() for item in items)
    return (
        f"of {good} upright pictures that are named rightly {turned} are called turned; things are "
        f"found in {found} of {len(items)} development pictures of one garment"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default="wild")
    classifier = load_classifier(parser.parse_args().checkpoint)
    print(price(classifier), flush=True)
    print("| picture | pictures | right | sure and wrong |", "|---|--:|--:|--:|", sep="\n")
    originals = photos()
    for name, form in PHOTO_FORMS.items():
        print(row(classifier, name, ((form(p), right) for p, right in originals)), flush=True)
    for side in SIDES:
        print(row(classifier, f"garment of 224 px in {side} px", garments(side)), flush=True)
    images, labels = fashion_mnist.load_split("validation")
    alone = list(garments(300))
    crowded = {
        "photo on a shop's page": ((shop_page(p), right) for p, right in originals),
        "garment on a shop's page": ((shop_page(p), right) for p, right in alone),
        "two photos side by side": side_by_side(originals),
        "two garments side by side": side_by_side(alone),
        "Fashion-MNIST's image in a plot": (
            (plot(Image.fromarray(image)), (label,))
            for image, label in zip(images[:IMAGES].numpy(), labels[:IMAGES].tolist(), strict=True)
        ),
    }
    for name, pictures in crowded.items():
        print(row(classifier, name, pictures), flush=True)


if __name__ == "__main__":
    main()
