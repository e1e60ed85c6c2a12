"""`python -m vggcore compare`: variants side by side, layer by layer, or against each other."""

import json
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter

import pandas as pd

from vggcore.commands import tables
from vggcore.model import anatomy
from vggcore.model.architectures import CONFIGURATIONS, HEADS, VGGSpec

FORMATS = (*tables.FORMATS, "json")
EXAMPLES = """\
examples:
  python -m vggcore compare                                the six columns of the paper
  python -m vggcore compare --configurations A,D-bn --in-channels 3 --num-classes 1000
  python -m vggcore compare --diff A D                     what VGG-16 adds to VGG-11
  python -m vggcore compare --configurations D --layers --format csv > vgg16.csv
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's options and examples; `run` reads them."""
    parser.epilog, parser.formatter_class = EXAMPLES, RawDescriptionHelpFormatter
    parser.add_argument(
        "--configurations",
        default="",
        metavar="A,D",
        help=(
            "the paper's columns or the usual names, separated by commas; -bn adds "
            "batch norm (default: all)"
        ),
    )
    parser.add_argument(
        "--diff", nargs=2, metavar=("A", "B"), help="align two networks layer by layer instead"
    )
    parser.add_argument(
        "--layers", action="store_true", help="one row per layer instead of one per network"
    )
    parser.add_argument(
        "--width", default="1", help=("factor for all channel counts, such as 1/8 (default: 1)")
    )
    parser.add_argument(
        "--image-size", type=int, default=224, metavar="PX", help="input side (default 224)"
    )
    for name, older, default, what in (
        ("--in-channels", "--channels", 1, "input channels"),
        ("--num-classes", "--classes", 10, "output classes"),
    ):
        number = parser.add_argument(
            name, type=int, default=default, metavar="N", help=f"{what} (default {default})"
        )
        parser.add_argument(older, dest=number.dest, type=int, default=SUPPRESS, help=SUPPRESS)
    parser.add_argument("--batch-norm", action="store_true", help="batch norm in every network")
    parser.add_argument(
        "--head",
        choices=HEADS,
        default="fc",
        help="fc: the paper's three FC layers; pool: global average pooling and one linear layer",
    )
    parser.add_argument(
        "--fc-width", type=int, metavar="N", help="units of the hidden FC layers (4096 × width)"
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="how to print it")
    parser.add_argument(
        "--json", action="store_const", dest="format", const="json", help="same as --format json"
    )


def run(args: Namespace) -> int:
    """Prints what `args` ask for and returns 0. Raises ValueError for impossible networks."""
    if args.diff and (args.configurations or args.layers):
        also = "--configurations" if args.configurations else "--layers"
        raise ValueError(f"--diff shows two networks layer by layer: leave out {also}")
    chosen = args.configurations or ",".join(CONFIGURATIONS)
    names = args.diff or [name for name in chosen.split(",") if name.strip()]
    if not names:
        raise ValueError("--configurations names no network: give one or more, such as A,D")
    specs = [_spec(name, args) for name in names]
    if not args.diff:
        specs = list(dict.fromkeys(specs))  # a network that is named twice gets one row
    if args.format == "json":
        result = _diff_json(*specs) if args.diff else [_network_json(spec) for spec in specs]
        print(json.dumps(result, indent=2))
    else:
        sys.stdout.write(_text(specs, args))
    return 0


def _spec(name: str, args: Namespace) -> VGGSpec:
    return VGGSpec(
        configuration=name,
        width=args.width,
        batch_norm=args.batch_norm,
        head=args.head,
        in_channels=args.in_channels,
        image_size=args.image_size,
        num_classes=args.num_classes,
        fc_width=args.fc_width,
    )


def _network_json(spec: VGGSpec) -> dict:
    layers = anatomy.layers(spec).astype(object)
    layers = layers.where(layers.notna(), None)
    return anatomy.totals(spec)._asdict() | {
        "spec": spec.to_dict(),
        "published": [check._asdict() for check in anatomy.published_checks(spec)],
        "layers": layers.to_dict("records"),
    }


def _diff_json(a: VGGSpec, b: VGGSpec) -> dict:
    table = anatomy.diff(a, b)
    return {
        "a": a.name,
        "b": b.name,
        "parameters": int(table.parameters.sum()),
        "macs": int(table.macs.sum()),
        "layers": table.to_dict("records"),
    }


def _text(specs: list[VGGSpec], args: Namespace) -> str:
    table = _table(specs, args)
    if args.format != "table":
        return tables.render(table, args.format)
    heading = " → ".join(spec.name for spec in specs) + "\n" if args.diff else ""
    text = tables.render(tables.for_people(table), "table")
    return f"{heading}{text}\n{anatomy.CONVENTION}\n"


def _table(specs: list[VGGSpec], args: Namespace) -> pd.DataFrame:
    if args.diff:
        return anatomy.diff(*specs)
    if args.layers:
        return pd.concat(
            {spec.name: anatomy.layers(spec) for spec in specs}, names=["network"]
        ).reset_index("network")
    return tables.variants(specs)
