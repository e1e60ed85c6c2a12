"""How often the network says "unsure": for other things (it should), for garments (it should not).

    python benchmarks/unsure.py [CHECKPOINT]            # rates per kind, calibration errors
    python benchmarks/unsure.py wild --calibrate    # write them to the card, found anew
    python benchmarks/unsure.py --one-view              # looking only once, calibrated anew

Garments: Fashion-MNIST's validation split and the development pictures held out from training. The
card's temperature and thresholds were found on these same garments. So "apart" repeats the search
on one half of them and judges the other half, and then the other way round.

Others: photos and drawings of kinds of things not seen in training, and made-up pictures from
other seeds. If scikit-learn and scikit-image are installed, also the handwritten digits and photos
that come with them, which were not used for training or tuning.
"""

import argparse
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore.answers import calibration, evaluation, scores  # noqa: E402
from vggcore.data.classes import CLASSES  # noqa: E402
from vggcore.model import checkpoints  # noqa: E402
from vggcore.pictures.prepare import prepare  # noqa: E402
from vggcore.training import calibrating  # noqa: E402
from vggcore.wild import items, no_garments, validation  # noqa: E402

MADE_UP = {
    "blank": no_garments.blank,
    "scribble": no_garments.scribble,
    "noise": no_garments.noise,
    "face": no_garments.face,
    "landscape": no_garments.landscape,
    "writing": no_garments.writing,
    "shapes": no_garments.shapes,
}
PER_KIND = 100
FEWEST = 5  # pictures of a class, for a share to be printed
SEED = 1_000_000  # far from training's seeds
# From scikit-image: people, animals, things, views; none shows clothes alone.
PHOTOS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
)


def real_others() -> dict[str, list]:
    """Handwritten digits and photos without a garment that come with libraries, if installed."""
    found = {}
    with suppress(ImportError):
        from sklearn.datasets import load_digits, load_sample_images

        # 8×8 pixels of pen strokes, 0…16: enlarged, dark on white.
        digits = [Image.fromarray(np.uint8(255 - 255 * one / 16)) for one in load_digits().images]
        found["handwritten digits"] = [
            digit.resize((96, 96), Image.Resampling.BICUBIC) for digit in digits
        ]
        found["photos of other things"] = [Image.fromarray(i) for i in load_sample_images().images]
    with suppress(ImportError):
        import skimage

        folder = Path(skimage.__file__).parent / "data"
        photos = [Image.open(folder / name).convert("RGB") for name in PHOTOS]
        found["photos of other things"] = found.get("photos of other things", []) + photos
    return found


def halves(found: dict) -> dict[str, tuple[float, float]]:
    """By kind: share called unsure, and calibration error, with the results from the other half."""
    flags, errors = {kind: [] for kind in found}, {kind: [] for kind in found}
    for half in (0, 1):
        own = {kind: (logits[half::2], right[half::2]) for kind, (logits, right) in found.items()}
        other = {
            kind: (x[1 - half :: 2], right[1 - half :: 2]) for kind, (x, right) in found.items()
        }
        honest = calibration.calibrate(other)
        temperature, unsure = honest["temperature"], honest["unsure"]
        for kind, (logits, right) in own.items():
            drawn = kind in calibration.DRAWN
            flags[kind] += calibration.is_unsure(logits, temperature, unsure, drawn).tolist()
            chances = (logits / temperature).softmax(1).amax(1)
            correct = calibration.is_right(logits, right)
            errors[kind].append(scores.expected_calibration_error(chances, correct))
    return {kind: (float(np.mean(flags[kind])), float(np.mean(errors[kind]))) for kind in found}


def by_class(pictures: list, kind: str, flags: torch.Tensor, correct: torch.Tensor) -> list[str]:
    """Markdown rows: the share of each class's pictures that are called unsure, and of those right.

    flags, correct: bool and 0 or 1, one for each item of the kind, in order.
    """
    labels = torch.tensor(
        [-1 if i.strict is None else i.strict for i in pictures if i.kind == kind]
    )
    rows = []
    for label, name in enumerate(CLASSES):
        own = labels == label
        right = flags[own & correct.bool()].float()
        if own.sum() >= FEWEST:
            shares = f"{flags[own].float().mean():.3f} | {right.mean():.3f} ({len(right)})"
            rows.append(f"| {kind} | {name} | {int(own.sum())} | {shares} |")
    return rows


def others() -> dict[str, list]:
    """Pictures without a garment, by kind."""
    found = {
        kind: [draw(np.random.default_rng((SEED, n))) for n in range(PER_KIND)]
        for kind, draw in MADE_UP.items()
    }
    unseen = [item for item in items.not_garments() if not items.trained_category(item.folder)]
    found["other drawings"] = [item.picture() for item in unseen]
    for item in items.not_garment_photos():
        if not items.trained_photo(item):
            found.setdefault(item.folder, []).append(item.picture())
    kinds = items.not_garment_kinds(trained=False)[::5]
    found[items.NONE_KINDS] = [item.picture() for item in kinds]
    return found | real_others()


def answer(checkpoint, images: list) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits float32 [N, 10] of pictures; which are blank, and which are drawn: bool [N]."""
    preprocessing = checkpoint.card.preprocessing
    size, style, middle = preprocessing.image_size, preprocessing.style, preprocessing.middle
    prepared = [prepare(image, size, style, middle=middle) for image in images]
    blank = torch.tensor([one.blank for one in prepared])
    drawn = torch.tensor([one.drawn for one in prepared])
    inputs = [one.inputs for one in prepared]
    return evaluation.predict_each(checkpoint.network, inputs, preprocessing), blank, drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default="wild")
    parser.add_argument("--one-view", action="store_true", help="without mirror image and middle")
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="first do `vggcore checkpoints calibrate`: find temperature and thresholds anew, and "
        "write them to the card",
    )
    arguments = parser.parse_args()
    if arguments.calibrate:
        calibrating.calibrate(arguments.checkpoint)
    checkpoint = checkpoints.load(arguments.checkpoint)
    card, way = checkpoint.card, checkpoint.card.preprocessing
    if arguments.one_view:
        way = replace(way, mirror=False, middle=0.0)
    kept_apart = validation.Validation.load(
        way.image_size,
        card.seed or 0,
        style=way.style,
        middle=way.middle,
    )
    found = kept_apart.answers(checkpoint.network, way)
    if arguments.one_view:
        card = replace(card, **calibration.calibrate(found))
    temperature, unsure = card.temperature, card.unsure
    print(f"temperature {temperature}, unsure below {unsure}")
    print(
        "| garments | pictures | right | unsure | calibration error "
        "| unsure, apart | calibration error, apart |",
        "|---|--:|--:|--:|--:|--:|--:|",
        sep="\n",
    )
    apart = halves(found)
    classes = []
    for kind, (logits, right) in found.items():
        chances = (logits / temperature).softmax(1).amax(1)
        correct = calibration.is_right(logits, right)
        error = scores.expected_calibration_error(chances, correct)
        flags = calibration.is_unsure(logits, temperature, unsure, kind in calibration.DRAWN)
        share = flags.float().mean()
        if kind != "fashion-mnist":
            classes += by_class(kept_apart.items, kind, flags, correct)
        accuracy = correct.mean()
        print(
            f"| {kind} | {len(logits)} | {accuracy:.3f} | {share:.3f} | {error:.3f} "
            f"| {apart[kind][0]:.3f} | {apart[kind][1]:.3f} |"
        )
    print("| garments | class | pictures | unsure | unsure, of those named rightly |")
    print("|---|---|--:|--:|--:|", *classes, sep="\n")
    print("| no garment | pictures | unsure |", "|---|--:|--:|", sep="\n")
    shares = []
    for kind, images in others().items():
        logits, blank, drawn = answer(checkpoint, images)
        called = blank | calibration.is_unsure(logits, temperature, unsure, drawn)
        shares.append(called.float().mean().item())
        print(f"| {kind} | {len(images)} | {shares[-1]:.3f} |")
    print(f"mean over the kinds: {np.mean(shares):.3f} unsure")


if __name__ == "__main__":
    main()
