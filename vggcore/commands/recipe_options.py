"""Network and recipe on the command line: arguments generated from the dataclasses' fields.

`add` declares them, `chosen` turns what was typed into a `VGGSpec` and a `TrainConfig`: the
preset's values, changed by whatever was given. No PyTorch.
"""

import argparse
import dataclasses
import os
import shlex
import sys
from pathlib import Path

from vggcore.machine.hardware import device_choices
from vggcore.machine.memory import free_memory
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.presets import DEFAULT_PRESET, PRESETS
from vggcore.model.recipe import CORRECTIONS, OWN, TrainConfig, on_from
from vggcore.model.recipe_checks import check
from vggcore.runs.folder import RunFolder

OWN_PRESET = "own"  # if pictures are named but no preset


def add(parser: argparse.ArgumentParser) -> None:
    """Declare --preset, the network's and the recipe's arguments."""
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help=f"recipe to start from (default: {DEFAULT_PRESET}); the other options change it. "
        + "; ".join(f"{name}: {preset.summary}" for name, preset in PRESETS.items()),
    )
    parser.add_argument(
        "--largest-batch",
        action="store_true",
        default=None,
        help="set the batch size to the largest power of two that should fit into free memory",
    )
    groups: dict[str, argparse._ArgumentGroup] = {}
    for field in (*dataclasses.fields(VGGSpec), *dataclasses.fields(TrainConfig)):
        if field.name == "num_classes":  # ten kinds of garments, or as many as the pictures have
            continue
        meta = field.metadata
        group = groups.setdefault(meta["group"], parser.add_argument_group(meta["group"]))
        text = meta["help"] + (f" ({meta['unit']})" if meta["unit"] else "")
        flag = _flag(field.name)
        if meta["kind"] is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            kind = str if meta["parse"] else meta["kind"]
            group.add_argument(flag, type=kind, choices=meta["choices"], help=text)


def chosen(args: argparse.Namespace) -> tuple[str, VGGSpec, TrainConfig]:
    """The preset, network and recipe asked for. Raises ValueError for impossible ones."""
    name = args.preset or (OWN_PRESET if getattr(args, "pictures", None) else DEFAULT_PRESET)
    train = _replaced(PRESETS[name].train, args)
    if train.pictures and args.dataset is None and train.dataset != CORRECTIONS:
        train = dataclasses.replace(train, dataset=OWN)
    if train.init_from and _is_a_path(train.init_from):  # a background run trains elsewhere
        train = dataclasses.replace(train, init_from=str(Path(train.init_from).resolve()))
    spec = _replaced(PRESETS[name].spec, args)
    if train.dataset == OWN:
        spec, train = for_pictures(spec, train)
    elif train.dataset == CORRECTIONS:
        check(spec, train)
        spec = checkpoints.read_card(train.init_from).spec  # always the network being corrected
    if getattr(args, "largest_batch", None):
        train = _with_largest_batch(spec, train, given=args.batch_size)
    return name, spec, train


def _is_a_path(checkpoint: str) -> bool:
    """Whether a checkpoint is meant by its path, not by the name of one of ours or of a run.

    Raises CheckpointError.
    """
    return os.sep in checkpoint or len(checkpoints.find(checkpoint).parts) == 1


def for_pictures(spec: VGGSpec, train: TrainConfig) -> tuple[VGGSpec, TrainConfig]:
    """A network with as many classes as the pictures, and a path that a background run finds too.

    Raises ValueError: PicturesError, or whatever `recipe_checks.check` refuses.
    """
    from vggcore.data.own.places import is_named
    from vggcore.data.own.sources import numbers

    check(spec, train)
    classes = numbers(train.pictures).classes
    if not is_named(train.pictures):
        path = str(Path(train.pictures).expanduser().resolve())
        train = dataclasses.replace(train, pictures=path)
    return dataclasses.replace(spec, num_classes=classes), train


def _with_largest_batch(spec: VGGSpec, train: TrainConfig, given: int | None) -> TrainConfig:
    from vggcore.training import cost

    if given is not None:
        raise ValueError("--largest-batch chooses the batch size: leave out --batch-size")
    device = device_choices(train.device)[0]
    free = free_memory(device)
    if free is None:
        raise ValueError(
            f"--largest-batch: this system does not say how much memory {device} has free"
        )
    size = cost.largest_batch(spec, train, free)
    print(f"batch size {size}: the largest that fits, by the estimate", file=sys.stderr)
    return dataclasses.replace(train, batch_size=size)


def given(args: argparse.Namespace) -> list[str]:
    """The flags among these arguments that were actually typed, such as "--epochs"."""
    names = [field.name for kind in (VGGSpec, TrainConfig) for field in dataclasses.fields(kind)]
    return [
        _flag(name)
        for name in ("preset", "largest_batch", *names)
        if getattr(args, name, None) is not None
    ]


def command_line(preset: str, spec: VGGSpec, train: TrainConfig) -> list[str]:
    """The arguments that give this network and recipe: the preset and what differs from it."""
    base, arguments = PRESETS[preset], ["--preset", preset]
    for ours, theirs in ((base.spec, spec), (base.train, train)):
        for field in dataclasses.fields(ours):
            value = getattr(theirs, field.name)
            if value == getattr(ours, field.name) or field.name == "num_classes":
                continue
            if isinstance(value, bool):
                arguments.append(_flag(field.name) if value else "--no-" + _flag(field.name)[2:])
            else:
                arguments += [_flag(field.name), str(value)]
    return arguments


def longer(run: RunFolder, epochs: int | None = None) -> str:
    """The command that trains on from a finished run's weights, for as many epochs as it or these.

    Raises ValueError if the run's recipe cannot be read.
    """
    preset = str(run.config.get("preset"))
    changes = on_from(str(run.path.resolve())) | {"epochs": epochs or run.train.epochs}
    train = dataclasses.replace(run.train, **changes)
    preset = preset if preset in PRESETS else DEFAULT_PRESET
    return f"vggcore train {shlex.join(command_line(preset, run.spec, train))}"


def _replaced(original, args: argparse.Namespace):
    names = [field.name for field in dataclasses.fields(original)]
    given = {name: getattr(args, name, None) for name in names}
    return dataclasses.replace(original, **{k: v for k, v in given.items() if v is not None})


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
