"""`checkpoints`: list the networks that are here, import weights, calibrate, average."""

import argparse
import json
from pathlib import Path

from vggcore import runs
from vggcore.data.classes import CLASSES
from vggcore.machine import paths
from vggcore.model import checkpoints
from vggcore.model.card import Card


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="the networks in the checkpoints folder")
    added = actions.add_parser(
        "add",
        help="import a checkpoint, or torchvision's VGG weights",
        description="Copy weights into the checkpoints folder. FILE is NAME.safetensors "
        "with its card NAME.json beside it, a web page from `export --format html`, or "
        "a state dict of torchvision's VGG-11, 13, 16 or 19 as .safetensors or .pth. "
        "Only tensors and the card are read from it.",
    )
    added.add_argument("file", type=Path, metavar="FILE")
    added.add_argument("--name", default="", help="name of the checkpoint (default: the file's)")
    added.add_argument(
        "--classes",
        default="",
        metavar="A,B,…",
        help="names of the classes of weights without a card, in order; `garments`: those of "
        "Fashion-MNIST (default: class 0, class 1, …)",
    )
    calibrated = actions.add_parser(
        "calibrate",
        help="find temperature and thresholds of a network anew",
        description="Find anew, on a network's validation pictures, how sure it is of its "
        "answers and when it is unsure, and write that to its card. The weights stay as they are.",
    )
    calibrated.add_argument("name", help="name of a network or a run, or a path")
    averaged = actions.add_parser(
        "average",
        help="average the weights of two networks",
        description="Save the mean of two networks' weights as a new network, and test and "
        "calibrate it. It makes sense where SECOND was trained from FIRST, or both from a third: "
        "what training changed is then taken back in part.",
    )
    averaged.add_argument("first", metavar="FIRST", help="name of a network or a run, or a path")
    averaged.add_argument("second", metavar="SECOND", help="another with the same layers")
    averaged.add_argument("--name", required=True, help="name of the new network")
    averaged.add_argument(
        "--share", type=float, default=0.5, help="of SECOND, between 0 and 1 (default: 0.5)"
    )
    for each in (listed, added, calibrated, averaged):
        each.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    if args.action == "list":
        entries = [_entry(name) for name in checkpoints.available()]
        if args.json:
            print(json.dumps(entries))
        for entry in [] if args.json else entries:
            print("  ".join(str(value) for value in entry.values() if value not in (None, "")))
        if not entries and not args.json:
            print(f"no checkpoints in {paths.checkpoints_dir()}")
        return 0
    if args.action == "calibrate":
        return _calibrate(args.name, args.json)
    if args.action == "average":
        return _average(args)
    from vggcore.model import importing

    name = runs.check_name(args.name or runs.slug(args.file.stem) or "network")
    runs.check_free(name)
    classes = tuple(each.strip() for each in args.classes.split(",")) if args.classes else ()
    path = importing.add(args.file, name, CLASSES if classes == ("garments",) else classes)
    entry = _entry(name) | {"path": str(path)}
    if args.json:
        print(json.dumps(entry))
    else:
        print(f"{path}: {entry['network']}, {entry['classes']} classes")
        if not runs.names_garments(checkpoints.read_card(path)):
            print("it does not name garments: start a run from it with --init-from " + name)
    return 0


def _calibrate(name: str, as_json: bool) -> int:
    checkpoints.read_card(name)  # report a mistake before PyTorch is loaded
    from vggcore.training import calibrating

    before, after = map(_calibration, calibrating.calibrate(name))
    if as_json:
        print(json.dumps({"name": name, "before": before, "after": after}))
    else:
        for key in before | after:
            print(f"{key}: {before.get(key, 'none')} → {after.get(key, 'none')}")
    return 0


def _average(args: argparse.Namespace) -> int:
    if not 0 < args.share < 1:
        raise ValueError(f"--share must be between 0 and 1, not {args.share:g}")
    name = runs.check_name(args.name)
    runs.check_free(name)
    for each in (args.first, args.second):
        checkpoints.read_card(each)  # report a mistake before PyTorch is loaded
    from vggcore.training import averaging

    path = paths.checkpoints_dir() / name
    card = averaging.average(args.first, args.second, args.share, path)
    entry = _entry(name) | {"path": str(path)}
    print(json.dumps(entry) if args.json else f"{path}: test accuracy {card.test_accuracy}")
    return 0


def _calibration(card: Card) -> dict:
    unsure = card.unsure.to_dict() if card.unsure else {}
    thresholds = {f"unsure {key.replace('_', ' ')}": value for key, value in unsure.items()}
    return {"temperature": card.temperature} | thresholds


def _entry(name: str) -> dict:
    try:
        card = checkpoints.read_card(name)
    except checkpoints.CheckpointError as error:
        return {"name": name, "error": str(error)}
    return {
        "name": name,
        "network": card.network or card.spec.name,
        "classes": len(card.classes) or card.spec.num_classes,
        "test_accuracy": card.test_accuracy,
    }
