"""`measure-speed`: measure this machine, so that time estimates fit it."""

import json
from argparse import ArgumentParser, Namespace

from vggcore.model.presets import PRESETS
from vggcore.training import speed


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's options; `run` reads them."""
    parser.add_argument("--device", default="auto", help="cuda, mps, cpu, or auto (default)")
    parser.add_argument("--json", action="store_true", help="print the measured speeds as JSON")


def run(args: Namespace) -> int:
    """Measures, saves the result for this user, and prints what it means. Returns 0."""
    measured = speed.measure(args.device)
    if args.json:
        print(json.dumps({name: speeds._asdict() for name, speeds in measured.items()}, indent=2))
        return 0
    from vggcore.machine import devices, precision
    from vggcore.training import cost

    print(f"Saved in {speed.file()}. An epoch of each preset takes about:")
    for name, preset in PRESETS.items():
        wanted = preset.train.precision
        speeds = measured[precision.resolve(wanted, devices.resolve(args.device))]
        seconds = cost.seconds_per_epoch(preset.spec, preset.train, speeds)
        print(f"  {name:10} {seconds:8.0f} s   {preset.summary}")
    return 0
