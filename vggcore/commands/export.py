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
    parser.add_argument("--output", metavar="FILE", help="default: named after the checkpoint")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    pattern, _ = export.FORMATS[args.format]
    file = Path(args.output or pattern.format(Path(args.checkpoint).name))
    suffix = Path(pattern).suffix
    if file.suffix != suffix:  # other programs would take it for another format
        raise ValueError(f"--output {file} must end in {suffix} for --format {args.format}")
    if args.format == "html" and not args.json:
        print(webpage.expected(checkpoints.read_card(args.checkpoint)))
    content = export.export(args.checkpoint, args.format)
    write_atomically(file, content)
    if args.json:
        print(json.dumps({"file": str(file), "format": args.format, "bytes": len(content)}))
    else:
        print(f"wrote {file} ({len(content):,} bytes)")
    return 0
