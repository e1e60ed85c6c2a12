"""Command line: `vggcore compare|train|runs|classify|…`, or `python -m vggcore …`.

Each command lives in a module that is imported only when it is needed, so that help and
mistakes answer at once. Whatever the user can fix ends in one line on standard error and exit
code 2; a training that failed exits with 1.
"""

import argparse
import importlib
import logging
import os
import sys

COMMANDS = {
    "compare": ("compare", "parameters, MACs and shapes of VGG variants, side by side"),
    "measure-speed": ("measure_speed", "measure this machine once, for its own time estimates"),
    "train": ("train", "train a network; stop with Ctrl-C, go on with --resume"),
    "runs": ("runs", "background training: launch, list, show, stop, resume, delete"),
    "pictures": ("pictures", "check, add, list and delete your own pictures"),
    "classify": ("classify", "name the garment in a picture"),
    "evaluate": ("evaluate", "accuracy, calibration and confusion of a checkpoint"),
    "checkpoints": ("checkpoints", "list the checkpoints; add weights from elsewhere"),
    "results": ("results", "compute what the Results page shows and save it beside a checkpoint"),
    "doctor": ("doctor", "check what works on this machine and in this installation"),
    "app": ("app", "start the dashboard in a browser"),
    "export": ("export", "a checkpoint as ONNX, torchvision weights, source or model card"),
}

_FORMER = {"calibrate": "measure-speed"}  # former names of commands


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Parser that knows all commands, and the arguments of `command`."""
    parser = argparse.ArgumentParser(
        prog="vggcore",
        description="VGG networks on clothing images: compare, train, classify.",
        epilog="Every command has --help; those that print results also have --json.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        description = summary[0].upper() + summary[1:] + "."
        described = commands.add_parser(name, help=summary, description=description)
        if name == command:
            _module(module).add_arguments(described)
            described.add_argument("--verbose", action="store_true", help="log what is done")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    argv = [*(sys.argv[1:] if argv is None else argv)]
    if argv:
        argv[0] = _FORMER.get(argv[0], argv[0])
    chosen = argv[0] if argv and argv[0] in COMMANDS else None
    parser = make_parser(chosen)
    args, others = parser.parse_known_args(argv)
    args.others = others
    if others and args.command != "app":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING, format="%(message)s"
    )
    try:
        return _module(COMMANDS[args.command][0]).run(args)
    except ValueError as error:  # every mistake of the user's, in our own words
        print(f"vggcore {args.command}: {_one_line(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `… | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _module(name: str):
    return importlib.import_module(f"vggcore.commands.{name}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
