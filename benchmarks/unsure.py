"""How often the network says "unsure": on what is no garment (should), on garments (should not).

    python benchmarks/unsure.py [CHECKPOINT]            # rates per kind, calibration errors
    python benchmarks/unsure.py CHECKPOINT --calibrate  # find temperature and thresholds first,
                                                        # and write them into the card

Garments: Fashion-MNIST's validation split and the development pictures held out of training.
Others: drawings of categories that no training saw, and made-up pictures from other seeds.
Temperature and thresholds are found on the garments alone, never on the others.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore import checkpoints, evaluation, honesty, wild  # noqa: E402
from vggcore import wild_pictures as pictures  # noqa: E402
from vggcore.garments import prepare  # noqa: E402

ALLOWED = 0.10  # share of rightly named garments, of any kind, that may be called unsure
ECE_LIMITS = {"fashion-mnist": 0.03, "photos": 0.08}  # calibration errors asked for
MADE_UP = {
    "blank": pictures.blank, "scribble": pictures.scribble, "noise": pictures.noise,
    "face": pictures.face, "landscape": pictures.landscape, "writing": pictures.writing,
    "shapes": pictures.shapes,
}  # fmt: skip
PER_KIND = 100
SEED = 1_000_000  # far from those of training


def others() -> dict[str, list]:
    """Pictures that are no garment, by kind."""
    found = {
        kind: [draw(np.random.default_rng((SEED, n))) for n in range(PER_KIND)]
        for kind, draw in MADE_UP.items()
    }
    unseen = [item for item in wild.not_garments() if not wild.trained_category(item.folder)]
    found["other drawings"] = [item.picture() for item in unseen]
    return found


def answer(checkpoint, images: list) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits float32 [N, 10] of pictures, and which of them are blank: bool [N]."""
    preprocessing = checkpoint.card["preprocessing"]
    prepared = [prepare(image, preprocessing["image_size"]) for image in images]
    stack = torch.from_numpy(np.stack([one.network_input for one in prepared]))
    blank = torch.tensor([one.blank for one in prepared])
    return evaluation.predict(checkpoint.network, stack, preprocessing), blank


def garments(checkpoint) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Logits [N, 10] and which classes count as right, bool [N, 10], by kind."""
    card = checkpoint.card
    size = card["preprocessing"]["image_size"]
    validation = wild.Validation.load(size, card.get("seed", 0))
    logits = evaluation.predict(checkpoint.network, validation.fashion, card["preprocessing"])
    right = torch.nn.functional.one_hot(validation.fashion_labels, 10).bool()
    found = {"fashion-mnist": (logits, right)}
    logits = evaluation.predict(checkpoint.network, validation.real, card["preprocessing"])
    right = torch.zeros(len(validation.items), 10, dtype=torch.bool)
    for row, item in zip(right, validation.items, strict=True):
        row[list(item.accepted)] = True
    for kind in ("photos", "sketches"):
        chosen = torch.tensor([item.kind == kind for item in validation.items])
        found[kind] = (logits[chosen], right[chosen])
    return found


def balanced_temperature(found: dict) -> float:
    """Where the worse of two calibration errors, each as a share of its limit, is smallest.

    One temperature serves all. Broad labels leave the network too modest on photos when it is
    just right on Fashion-MNIST, whose likelihood alone would decide otherwise.
    """

    def worst(temperature: float) -> float:
        shares = []
        for kind, limit in ECE_LIMITS.items():
            logits, right = found[kind]
            chances, named = (logits / temperature).softmax(1).max(1)
            correct = right[torch.arange(len(right)), named]
            shares.append(honesty.expected_calibration_error(chances, correct) / limit)
        return max(shares)

    return min((n / 100 for n in range(50, 200, 2)), key=worst)


def calibrated(card: dict, found: dict) -> dict:
    """The card with its temperature and thresholds; no kind of garment loses more than allowed."""
    temperature = balanced_temperature(found)
    right_ones = [logits[right[torch.arange(len(right)), logits.argmax(1)]]
                  for logits, right in found.values()]  # fmt: skip
    choices = [honesty.thresholds(good, temperature, ALLOWED) for good in right_ones]
    unsure = min(choices, key=lambda choice: choice["evidence"])
    return card | {"temperature": temperature, "unsure": unsure}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default="wild")
    parser.add_argument("--calibrate", action="store_true")
    arguments = parser.parse_args()
    checkpoint = checkpoints.load(arguments.checkpoint)
    card, found = checkpoint.card, garments(checkpoint)
    if arguments.calibrate:
        card = calibrated(card, found)
        checkpoints.save(checkpoint.path, checkpoint.network, card, half=True)
    temperature, unsure = card["temperature"], card["unsure"]
    print(f"temperature {temperature}, unsure below {unsure}")
    print(
        "| garments | pictures | right | unsure | calibration error |",
        "|---|--:|--:|--:|--:|",
        sep="\n",
    )
    for kind, (logits, right) in found.items():
        chances, named = (logits / temperature).softmax(1).max(1)
        correct = right[torch.arange(len(right)), named]
        error = honesty.expected_calibration_error(chances, correct)
        share = honesty.is_unsure(logits, temperature, unsure).float().mean()
        accuracy = correct.float().mean()
        print(f"| {kind} | {len(logits)} | {accuracy:.3f} | {share:.3f} | {error:.3f} |")
    print("| no garment | pictures | unsure |", "|---|--:|--:|", sep="\n")
    flags = []
    for kind, images in others().items():
        logits, blank = answer(checkpoint, images)
        called = blank | honesty.is_unsure(logits, temperature, unsure)
        flags.append(called.float().mean().item())
        print(f"| {kind} | {len(images)} | {flags[-1]:.3f} |")
    print(f"mean over the kinds: {np.mean(flags):.3f} unsure")


if __name__ == "__main__":
    main()
