"""Import strangers' weights: our own checkpoints from elsewhere, and torchvision's VGGs.

A safetensors file is only data. A .pth is a pickle: it is read with PyTorch's `weights_only`
unpickler, which builds tensors and nothing else.
"""

import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vggcore.machine import paths
from vggcore.machine.files import parse_json
from vggcore.machine.messages import Message
from vggcore.model import checkpoints, page_weights
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec
from vggcore.model.card import Card
from vggcore.model.checkpoints import CheckpointError
from vggcore.pictures.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

    from vggcore.model.network import VGG

MAX_BYTES = 700_000_000  # VGG-19's 1,000 classes in float32 are 575 million
_MAX_CARD_BYTES = 1_000_000
# Under these names training scripts keep the state dict, and these wrap a network's own names.
_NESTED = ("state_dict", "model_state_dict", "model")
_WRAPPERS = ("module.", "_orig_mod.")
_PICKLES = (".pth", ".pt", ".bin")
# What torchvision's weights expect of pictures, red, green and blue in 0…1.
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def add(file: Path, name: str, classes: tuple[str, ...]) -> Path:
    """Add a checkpoint or torchvision's weights to our checkpoints; its path without suffix.

    file: NAME.safetensors with its card NAME.json beside it; a page that `export --format html`
    made; or a state dict of torchvision's VGG as .safetensors or .pth. classes: the names for
    weights without a card; () leaves them numbered. Raises CheckpointError in one line: unreadable,
    too large, no VGG, name taken, not as many classes.
    """
    target = paths.checkpoints_dir() / name
    if target.with_name(f"{name}.json").exists():
        raise CheckpointError(
            Message("there is a checkpoint named {name!r} already: give another --name", name=name)
        )
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            head = stream.read(40)
    except OSError as error:
        raise CheckpointError(
            Message("{file} cannot be read: {error}", file=file, error=error.strerror)
        ) from None
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            Message(
                "{file} is only Git LFS's pointer to the weights: fetch them with `git lfs pull`",
                file=file,
            )
        )
    if size > MAX_BYTES:
        raise CheckpointError(
            Message(
                "{file} has {megabytes:,.0f} MB: no VGG here is so large",
                file=file,
                megabytes=size / 1e6,
            )
        )
    card_file = file.with_suffix(".json")
    if file.suffix == ".safetensors" and card_file.is_file():
        if classes:
            raise CheckpointError(
                Message("{file} names the classes: leave out --classes", file=card_file)
            )
        card = _card(card_file)
        network = checkpoints.network_from(file.with_suffix(""), card)
    elif file.suffix == ".html":
        if classes:
            raise CheckpointError(
                Message("{file} names the classes: leave out --classes", file=file)
            )
        try:
            card, network = page_weights.from_page(file.read_bytes())
        except (OSError, ValueError) as error:
            raise CheckpointError(
                Message("{file} cannot be read: {error}", file=file, error=error)
            ) from None
    else:
        from vggcore.model.network import from_torchvision

        state = _state(file)
        spec = spec_of(state)
        try:
            network = from_torchvision(state, spec).float()
        except ValueError as error:
            raise CheckpointError(
                Message("{file} is no VGG of torchvision's: {error}", file=file, error=error)
            ) from None
        card = _card_of(spec, file, classes)
    _check_answer(file, network, card)
    target.parent.mkdir(parents=True, exist_ok=True)
    checkpoints.save(target, network, replace(card, name=name))
    return target


def _card(file: Path) -> Card:
    try:
        if file.stat().st_size > _MAX_CARD_BYTES:
            raise ValueError(Message("it is too large for a card"))
        return Card.from_dict(parse_json(file.read_bytes()))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            Message("the card {file} cannot be read: {error}", file=file, error=error)
        ) from None


def _check_answer(file: Path, network: "VGG", card: Card) -> None:
    """Raises CheckpointError unless the network answers a picture with finite numbers."""
    import torch

    try:
        card.check_classes()
    except ValueError as error:
        raise CheckpointError(
            Message("{file} cannot be used: {error}", file=file, error=error)
        ) from None
    spec, way = card.spec, card.preprocessing
    picture = torch.linspace(0, 1, spec.in_channels * spec.image_size**2)
    picture = picture.reshape(1, spec.in_channels, spec.image_size, spec.image_size)
    mean, std = (torch.tensor(each).reshape(1, -1, 1, 1) for each in (way.mean, way.std))
    with torch.inference_mode():
        answer = network.eval()((picture - mean) / std)
    if not answer.isfinite().all():
        raise CheckpointError(
            Message("{file} answers a picture with numbers that are not finite: refused", file=file)
        )


def _state(file: Path) -> "dict[str, Tensor]":
    """The tensors of a file, by name. Raises CheckpointError."""
    import torch
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            loaded = load_file(file)
        elif file.suffix in _PICKLES:
            with warnings.catch_warnings():  # about the pickle's protocol; failures are reported
                warnings.simplefilter("ignore")
                loaded = torch.load(file, map_location="cpu", weights_only=True)
        else:
            raise CheckpointError(
                Message(
                    "{file} cannot be read: its name ends in neither .safetensors nor {endings}",
                    file=file,
                    endings=", ".join(_PICKLES),
                )
            )
    except CheckpointError:
        raise
    except Exception as error:  # a stranger's file may fail in any way at all
        if type(error).__name__ == "UnpicklingError" and "nsupported global" in str(error):
            raise CheckpointError(
                Message(
                    "{file} holds more than tensors and could run any code when it is read: "
                    "refused",
                    file=file,
                )
            ) from None
        raise CheckpointError(
            Message("{file} cannot be read: it is damaged or incomplete", file=file)
        ) from None
    state = _unwrapped(loaded)
    if not state or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise CheckpointError(Message("{file} is not a state dict: names with tensors", file=file))
    return state


def _unwrapped(loaded: object) -> dict:
    """The state dict in what a training script saved, without the prefixes of wrappers."""
    while isinstance(loaded, dict) and (inner := [key for key in _NESTED if key in loaded]):
        loaded = loaded[inner[0]]
    state = loaded if isinstance(loaded, dict) else {}
    for prefix in _WRAPPERS * 2:  # either may be around the other
        if all(str(key).startswith(prefix) for key in state):
            state = {str(key).removeprefix(prefix): value for key, value in state.items()}
    return state


def spec_of(state: "dict[str, Tensor]") -> VGGSpec:
    """The network that torchvision's state dict belongs to, judging by its shapes.

    Raises CheckpointError if it is none of torchvision's VGGs.
    """
    layers = {  # a file may hold them in any order
        int(key.split(".")[1]): value.shape[0]
        for key, value in state.items()
        if key.startswith("features.") and value.ndim == 4 and key.split(".")[1].isdecimal()
    }
    channels = [layers[place] for place in sorted(layers)]
    norm = any(key.endswith("running_mean") for key in state)
    try:
        first, last = state["features.0.weight"], state["classifier.6.weight"]
        hidden = state["classifier.0.weight"]
        width = Fraction(channels[0], 64)
        fitting = [
            column.name
            for column in CONFIGURATIONS.values()
            if column.torchvision
            and [conv.channels * width for block in column.blocks for conv in block] == channels
        ]
        side = 32 * round((hidden.shape[1] / channels[-1]) ** 0.5)
        return VGGSpec(
            configuration=fitting[0],
            width=width,
            batch_norm=norm,
            in_channels=first.shape[1],
            num_classes=last.shape[0],
            fc_width=hidden.shape[0],
            image_size=side,
        )
    except (KeyError, IndexError, ValueError, ZeroDivisionError):
        raise CheckpointError(
            Message("its tensors are not those of torchvision's VGG-11, 13, 16 or 19")
        ) from None


def _card_of(spec: VGGSpec, file: Path, classes: tuple[str, ...]) -> Card:
    """What can be said about weights that came without a card."""
    colour = spec.in_channels == 3
    if "" in classes or len(set(classes)) < len(classes):
        raise CheckpointError(Message("names of classes must differ, and none may be empty"))
    if classes and len(classes) != spec.num_classes:
        raise CheckpointError(
            Message(
                "{file} has {count} classes, and {given} names were given",
                file=file,
                count=spec.num_classes,
                given=len(classes),
            )
        )
    return Card(
        spec=spec,
        preprocessing=Preprocessing(
            style="colour" if colour else "fashion-mnist",
            image_size=spec.image_size,
            mean=_IMAGENET_MEAN if colour else (0.286,),
            std=_IMAGENET_STD if colour else (0.353,),
            fit="resize",
        ),
        classes=classes or tuple(f"class {number}" for number in range(spec.num_classes)),
        network=spec.name,
        others={"taken_from": file.name},
    )
