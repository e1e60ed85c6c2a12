"""Command line: `python -m vggcore compare|train|runs|classify|evaluate|export …`.

Each command lives in a module that is imported only when it is asked for, so that help and
mistakes answer at once. Whatever the user can mend ends in one line on standard error and exit
code 2; a training that failed exits with 1.
"""

import argparse
import importlib
import logging
import os
import sys

COMMANDS = {
    "compare": ("compare", "parameters, MACs and shapes of VGG variants, side by side"),
    "calibrate": ("calibrate", "measure this machine once, for its own time estimates"),
    "train": ("train", "train a network; stop with Ctrl-C, go on with --resume"),
    "runs": ("runs", "background training: launch, list, show, stop, resume, delete"),
    "classify": ("classify", "what garment is on a picture"),
    "evaluate": ("evaluate", "accuracy, calibration and confusion of a checkpoint"),
    "export": ("export", "a checkpoint as ONNX, torchvision weights, source or model card"),
}


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Parser that knows all commands, and the arguments of `command`."""
    parser = argparse.ArgumentParser(
        prog="python -m vggcore",
        description="VGG networks on clothing images: compare, train, classify.",
        epilog="Every command takes --help and --json.",
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
    argv = sys.argv[1:] if argv is None else argv
    chosen = argv[0] if argv and argv[0] in COMMANDS else None
    args = make_parser(chosen).parse_args(argv)
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
