"""`export`: a checkpoint as ONNX, torchvision weights, source, web page or model card."""

import argparse
import json
from pathlib import Path

from vggcore.answers import export, webpage
from vggcore.machine.files import write_atomically
from vggcore.model import checkpoints


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", help="name of a shipped network or a run, or a path")
    parser.add_argument("--format", choices=tuple(export.FORMATS), required=True)
    parser.add_argument("--output", metavar="FILE", help="in .zip: with a page about its use")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    pattern, _ = export.FORMATS[args.format]
    file = Path(args.output or pattern.format(checkpoints.stem(args.checkpoint)))
    zipped = file.suffix == ".zip" and export.has_page(args.format)
    suffix = Path(pattern).suffix
    if file.suffix != suffix and not zipped:  # other programs would take it for another format
        too = " (or in .zip, with its page)" if export.has_page(args.format) else ""
        raise ValueError(f"--output {file} must end in {suffix}{too} for --format {args.format}")
    if args.format == "html" and not args.json:
        print(webpage.expected(checkpoints.read_card(args.checkpoint)))
    make = export.bundle if zipped else export.export
    content = make(args.checkpoint, args.format)
    write_atomically(file, content)
    if args.json:
        print(json.dumps({"file": str(file), "format": args.format, "bytes": len(content)}))
    else:
        print(f"wrote {file} ({len(content):,} bytes)")
        if export.has_page(args.format) and not zipped:
            print("How to use it: --format model-card. An --output in .zip holds both.")
    return 0
