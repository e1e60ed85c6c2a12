"""`evaluate`: accuracy, loss and confusion of a checkpoint on a split."""

import argparse
import json

from vggcore import checkpoints
from vggcore.classes import CLASSES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", default=checkpoints.DEFAULT, help="shipped name, run name or path"
    )
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    checkpoint = checkpoints.load(args.checkpoint)
    from vggcore import data, evaluation

    trained_on = checkpoint.card.get("data", {})
    dataset = "synthetic" if trained_on.get("name") == "synthetic" else "fashion-mnist"
    images, labels = data.load_split(args.split, dataset, trained_on.get("split_seed", 0))
    logits = evaluation.predict(checkpoint.network, images, checkpoint.card["preprocessing"])
    scores = evaluation.score(logits, labels)
    if args.json:
        print(json.dumps({"checkpoint": checkpoint.name, "split": args.split} | scores))
        return 0
    print(f"{checkpoint.name} on {scores['n']:,} {args.split} images of {dataset}")
    print(f"accuracy {scores['accuracy']:.4f}, loss {scores['loss']:.4f}")
    for name, row in zip(CLASSES, scores["confusion"], strict=True):
        print(f"{name:>12} " + " ".join(f"{count:5}" for count in row))
    return 0
