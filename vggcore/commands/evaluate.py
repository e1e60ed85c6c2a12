"""`evaluate`: accuracy, calibration and confusion of a checkpoint on a split."""

import argparse
import json

from vggcore.model import checkpoints


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint",
        default=checkpoints.DEFAULT,
        help=("name of a shipped network or a run, or a path (default: %(default)s)"),
    )
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    checkpoint = checkpoints.load(args.checkpoint)
    from vggcore.answers import evaluation, making_results, scores, test_data

    card = checkpoint.card
    logits, labels = making_results.answers_on(checkpoint.network, card, args.split)
    result = evaluation.score(logits, labels)
    confidence, named = (logits / card.temperature).softmax(1).max(1)
    result["calibration_error"] = scores.expected_calibration_error(confidence, named == labels)
    right = round(result["accuracy"] * result["n"])
    result["accuracy_interval"] = scores.wilson_interval(right, result["n"])
    per_class = scores.class_scores(result["confusion"])
    if args.json:
        result["classes"] = {
            name: row._asdict() for name, row in zip(card.classes, per_class, strict=True)
        }
        print(json.dumps({"checkpoint": checkpoint.name, "split": args.split} | result))
        return 0
    dataset = test_data.dataset_of(card)
    low, high = result["accuracy_interval"]
    print(f"{checkpoint.name} on {result['n']:,} {args.split} images of {dataset}")
    print(f"accuracy {result['accuracy']:.4f} (95 %: {low:.4f} to {high:.4f})")
    if "top5" in result:
        print(f"top-5 accuracy {result['top5']:.4f}")
    print(f"loss {result['loss']:.4f}, calibration error {result['calibration_error']:.4f}")
    width = max(12, *map(len, card.classes))
    many = len(card.classes) > scores.TOP5_ABOVE
    columns = "most often taken for" if many else "taken for (columns in the rows' order)"
    print(f"{'':>{width}}  precision  recall      F1   {columns}")
    for place, (name, one) in enumerate(zip(card.classes, per_class, strict=True)):
        row = result["confusion"][place]
        others = _worst(card.classes, row, place) if many else "".join(f"{n:5} " for n in row)
        print(f"{name:>{width}}{one.precision:11.3f} {one.recall:7.3f} {one.f1:7.3f}  {others}")
    return 0


def _worst(classes: tuple[str, ...], row: list[int], place: int) -> str:
    """The class that this one was taken for most often, and how often; empty if never."""
    count, worst = max((count, n) for n, count in enumerate(row) if n != place)
    return f"{classes[worst]} ({count})" if count else ""
