"""`pictures`: look at your own pictures before training, and save them under a name."""

import argparse
import json
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser(
        "check",
        help="what a folder, zip or CSV of pictures holds, before training on it",
        description="Read all pictures in a folder of class folders, a zip of one, a CSV "
        "with path and label (group and split are optional), or a known data "
        "set. Report counts, sizes, damaged files, copies and imbalance.",
    )
    check.add_argument(
        "source", help=("a path, or the name of kept pictures or of a known data set")
    )
    check.add_argument("--sheet", type=Path, metavar="FILE.png", help="write a contact sheet here")
    check.add_argument("--image-size", type=int, default=64, help=("pixels per side (default: 64)"))
    check.add_argument("--seed", type=int, default=0, help="seed of the split (default: 0)")
    check.add_argument("--json", action="store_true", help="print JSON")
    add = actions.add_parser(
        "add",
        help="keep a zip of pictures under a name, for the dashboard too",
        description="Copy a zip of class folders to where the dashboard finds it.",
    )
    add.add_argument("zip", type=Path)
    add.add_argument("--name", help="name to keep it under (default: the file's name)")
    listed = actions.add_parser("list", help="the pictures that are kept, and the known sets")
    listed.add_argument("--json", action="store_true", help="print JSON")
    delete = actions.add_parser("delete", help="delete pictures that are kept")
    delete.add_argument("name")


def run(args: argparse.Namespace) -> int:
    return {"check": _check, "add": _add, "list": _list, "delete": _delete}[args.action](args)


def _check(args: argparse.Namespace) -> int:
    from vggcore.data.own import prepared
    from vggcore.data.own.report import contact_sheet, legend, report

    at_a_terminal = sys.stderr.isatty()
    reached = ""

    def draw(done: int, total: int) -> None:
        nonlocal reached
        reached = f"{done:,} of {total:,} pictures"
        if at_a_terminal:
            print(f"\r{reached}", end="", file=sys.stderr, flush=True)

    if not 8 <= args.image_size <= 512:
        raise ValueError(f"--image-size {args.image_size} is out of range: 8 to 512")
    form = prepared.form_of("whole", 3, args.image_size)
    try:
        pictures = prepared.prepared(args.source, form, draw)
    except KeyboardInterrupt:
        if reached:
            print(f"\nstopped: {reached} have been read, and are not read again", file=sys.stderr)
        raise
    if at_a_terminal:
        print(file=sys.stderr)
    checked = report(pictures, in_memory=prepared.fits_memory(pictures.images), seed=args.seed)
    if args.sheet:
        try:
            contact_sheet(pictures).save(args.sheet)
        except (OSError, ValueError) as error:
            raise ValueError(f"cannot write {args.sheet}: {error}") from None
        for number, name in legend(pictures.classes).items():
            print(f"{args.sheet}: {number} is {name}", file=sys.stderr)
    if args.json:
        print(json.dumps(checked.to_dict()))
        return 0
    print(f"{args.source}: {checked.pictures:,} pictures of {len(checked.classes):,} classes")
    width = max(len(one.name) for one in checked.classes)
    print(f"{'':>{width}}  pictures   train  validation    test")
    for one in checked.classes:
        print(
            f"{one.name:>{width}}  {one.pictures:8,} {one.train:7,} {one.validation:11,} "
            f"{one.test:7,}"
        )
    sizes = (checked.smallest, checked.median, checked.largest)
    print(
        "sizes in pixels: "
        + ", ".join(f"{w}×{h}" for w, h in sizes)
        + (" (smallest, median, largest)")
    )
    if not checked.in_memory:
        print("they are too large to keep in memory: training reads them from disk")
    for warning in checked.warnings():
        print(f"note: {warning}")
    return 0


def _add(args: argparse.Namespace) -> int:
    from vggcore.data.own import places
    from vggcore.runs import slug

    try:
        content = args.zip.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {args.zip}: {error.strerror}") from None
    name = args.name or slug(args.zip.stem)
    print(f"kept as {name}: {places.keep_zip(name, content)}")
    return 0


def _list(args: argparse.Namespace) -> int:
    from vggcore.data.own import known_sets, places

    names = places.names()
    if args.json:
        print(json.dumps({"kept": names, "known": list(known_sets.NAMES)}))
        return 0
    print(f"kept in {places.folder()}: {', '.join(names) or 'none yet'}")
    print(f"known by name, through torchvision: {', '.join(known_sets.NAMES)}")
    return 0


def _delete(args: argparse.Namespace) -> int:
    from vggcore.data.own import places

    places.delete(args.name)
    print(f"deleted {args.name}")
    return 0
