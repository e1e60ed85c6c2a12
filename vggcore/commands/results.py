"""`results`: a checkpoint's answers on every test image, saved beside it."""

import argparse
import json
import sys

from vggcore.model import checkpoints


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    built = actions.add_parser(
        "build",
        help="compute what the Results page shows, and keep it beside the checkpoint",
        description="Compute what the Results page shows of a checkpoint, and write it beside it "
        "as NAME.results.npz: the page then opens at once, also without the data set.",
    )
    built.add_argument(
        "name",
        nargs="?",
        default=checkpoints.DEFAULT,
        help=("name of a shipped network or a run, or a path (default: %(default)s)"),
    )
    built.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    checkpoints.read_card(args.name)  # report a mistake before PyTorch is loaded
    from vggcore.answers import making_results, results

    at_a_terminal = sys.stderr.isatty()

    def draw(share: float) -> None:
        if at_a_terminal:
            print(f"\r{share:4.0%} of the test images", end="", file=sys.stderr, flush=True)

    file = making_results.build(args.name, draw)
    if at_a_terminal:
        print(file=sys.stderr)
    cached = results.cached(args.name)
    assert cached is not None  # it has just been written
    answer = {
        "file": str(file),
        "bytes": file.stat().st_size,
        "images": len(cached.labels),
        "accuracy": cached.scores["accuracy"],
    }
    if args.json:
        print(json.dumps(answer))
    else:
        print(f"{file}: {answer['images']:,} images, accuracy {answer['accuracy']:.4f}")
    return 0
