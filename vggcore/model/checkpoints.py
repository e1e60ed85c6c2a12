"""Checkpoints: weights as safetensors, and beside them a JSON card that describes them fully.

Saving is atomic and never leaves a half-written file under the final name. Loading verifies the
card's SHA-256 and every shape, and builds the network from the card alone; pickles are never
read. Listing and reading cards needs no PyTorch.
"""

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vggcore.machine import paths
from vggcore.machine.files import FileError, parse_json, write_atomically, write_json
from vggcore.machine.messages import Message
from vggcore.model.card import Card

if TYPE_CHECKING:
    from vggcore.model.network import VGG

DEFAULT = "wild"


class CheckpointError(FileError):
    """A checkpoint that cannot be used; the message is one clear line."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: its card, and its network in evaluation mode on the CPU."""

    path: Path  # without suffix
    card: Card
    network: "VGG"

    @property
    def name(self) -> str:
        return self.path.name


def save(path: Path | str, network: "VGG", card: Card, *, half: bool = False) -> Card:
    """Write PATH.safetensors and PATH.json; returns the card as written, with its sha256.

    `card` gains the network's spec and the weights' sha256. `half` stores float weights as
    float16. Raises FileError when the folder cannot be written; an earlier checkpoint of that
    name then stays intact.
    """
    import torch
    from safetensors.torch import save as to_bytes

    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    if half:
        state = {k: v.to(torch.float16) if v.is_floating_point() else v for k, v in state.items()}
    weights = to_bytes(state)
    card = replace(
        card,
        spec=network.spec,
        sha256=hashlib.sha256(weights).hexdigest(),
        weights_bytes=len(weights),
    )
    path = Path(path)
    write_atomically(path.with_name(path.name + ".safetensors"), weights)
    write_json(path.with_name(path.name + ".json"), card.to_dict())
    return card


def is_whole(path: Path) -> bool:
    """Whether the weights and card of PATH (no suffix) exist and belong together."""
    try:
        card = parse_json(path.with_name(path.name + ".json").read_bytes())
        weights = path.with_name(path.name + ".safetensors").read_bytes()
        return card["sha256"] == hashlib.sha256(weights).hexdigest()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def available() -> list[str]:
    """Names of people's own checkpoints and of the shipped ones, the default first."""
    names = {card.stem for folder in paths.checkpoint_folders() for card in folder.glob("*.json")}
    return sorted(sorted(names), key=lambda name: name != DEFAULT)


def find(name: str | Path) -> Path:
    """Path without suffix of a checkpoint: a name of `available`, a run's name, or a path.

    Of the same name, an own checkpoint comes before a shipped one.

    Raises CheckpointError listing the known names.
    """
    text = str(name)
    stem = text.removesuffix(".safetensors").removesuffix(".json")
    places = [folder / stem for folder in paths.checkpoint_folders()]
    places += [paths.runs_dir() / stem / paths.BEST, Path(stem)]
    if os.sep in stem:  # a path is meant, whatever is in our own folders
        places = [Path(stem), Path(stem) / paths.BEST]
    for place in places if stem else []:
        if place.with_name(place.name + ".json").is_file():
            return place
    if why := _why_not(Path(text)):
        raise CheckpointError(Message("{text} cannot be used: {why}", text=text, why=why))
    known = ", ".join(available()) or "none yet"
    raise CheckpointError(
        Message("unknown checkpoint {text!r}: known ones are {known}", text=text, known=known)
    )


def stem(name: str | Path) -> str:
    """What files made from a checkpoint are named after: a run's, or the checkpoint's own name.

    Raises CheckpointError.
    """
    path = find(name)
    return (path.resolve().parent if path.name == paths.BEST else path).name


def _why_not(path: Path) -> str:
    """Why an existing file or folder is no checkpoint of ours; empty if nothing exists there."""
    if path.suffix in (".pth", ".pt", ".bin", ".ckpt", ".pkl") and path.is_file():
        return (
            "it is a pickle, which can run any code when it is read: only safetensors "
            "files are read. `vggcore checkpoints add` adds torchvision's VGG weights"
        )
    if path.suffix == ".safetensors" and path.is_file():
        card = path.with_suffix(".json").name
        return f"its card, {card}, is not beside it, and only that says what network it is"
    if (path / "config.json").is_file():
        return "it is a run that has no checkpoint yet: its first comes after the first epoch"
    return ""


def read_card(name: str | Path) -> Card:
    """The card of a checkpoint. Raises CheckpointError when it is missing or damaged."""
    path = find(name)
    file = path.with_name(path.name + ".json")
    try:
        return Card.from_dict(parse_json(file.read_bytes()))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            Message("the card {file} cannot be read: {error}", file=file, error=error)
        ) from None


def version(name: str | Path) -> str:
    """A string that changes with a checkpoint's weights or card. Raises CheckpointError."""
    return json.dumps(read_card(name).to_dict(), sort_keys=True)


def load(name: str | Path = DEFAULT) -> Checkpoint:
    """Verify and load a checkpoint on the CPU, in evaluation mode, float32.

    Raises CheckpointError for damaged, foreign or mismatched files.
    """
    path, card = find(name), read_card(name)
    network = network_from(path, card)
    return Checkpoint(path=path, card=card, network=network)


def network_from(path: Path, card: Card) -> "VGG":
    """The card's network with the weights beside it. Raises CheckpointError."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    from vggcore.model.network import VGG

    file = path.with_name(path.name + ".safetensors")
    try:
        card.check_classes()
    except ValueError as error:
        raise CheckpointError(
            Message("the card of {file} cannot be used: {error}", file=file, error=error)
        ) from None
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CheckpointError(
            Message(
                "the weights {file} cannot be read: {strerror}", file=file, strerror=error.strerror
            )
        ) from None
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise CheckpointError(
            Message("the weights {file} are damaged: their SHA-256 is not the card's", file=file)
        )
    try:
        state = from_bytes(content)
    except (ValueError, TypeError, SafetensorError) as error:
        raise CheckpointError(
            Message("the checkpoint {path} cannot be read: {error}", path=path, error=error)
        ) from None
    with torch.device("meta"):
        network = VGG(card.spec)
    needed = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    if {key: tuple(value.shape) for key, value in state.items()} != needed:
        raise CheckpointError(
            Message(
                "the weights {file} do not fit the card's network, {name}",
                file=file,
                name=card.spec.name,
            )
        )
    state = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    network.load_state_dict(state, assign=True)
    # As in training: on a CPU it takes half the memory and less time than the default layout.
    return network.to(memory_format=torch.channels_last).eval()
