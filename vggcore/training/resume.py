"""The resumable checkpoint of a run: one safetensors file with everything the next step needs.

`last.safetensors` holds weights, optimizer state and averaged weights as tensors, and the
progress as JSON in the file's header, so that one rename makes all of it current at once. The
file before it is kept as `last-previous.safetensors`, in case the newest one is damaged.
"""

import hashlib
import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from vggcore.machine.files import parse_json, write_atomically
from vggcore.machine.messages import Message
from vggcore.model.checkpoints import CheckpointError
from vggcore.model.network import VGG
from vggcore.runs.folder import RunFolder
from vggcore.runs.names import LAST, PREVIOUS

log = logging.getLogger(__name__)


@dataclass
class ResumeState:
    """The live objects whose state is saved and restored."""

    network: VGG
    average: VGG | None
    optimizer: torch.optim.Optimizer

    def tensors(self) -> dict[str, torch.Tensor]:
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {
                f"optimizer.{index}.{key}": value
                for key, value in state.items()
                if isinstance(value, torch.Tensor)
            }
        return {key: value.detach().cpu().contiguous() for key, value in tensors.items()}

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        def part(prefix: str) -> dict[str, torch.Tensor]:
            start = f"{prefix}."
            return {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}

        self.network.load_state_dict(part("network"))
        if self.average is not None:
            self.average.load_state_dict(part("average"))
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        state: dict[int, dict] = {}
        for key, value in part("optimizer").items():
            index, name = key.split(".", 1)
            parameter = parameters[int(index)]
            if value.shape == parameter.shape:
                # In the parameter's memory layout (channels last): the fused step requires it.
                value = torch.empty_like(parameter).copy_(value)
            state.setdefault(int(index), {})[name] = value
        # Groups hold only the recipe, which the config provides again.
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


def save_last(folder: RunFolder, state: ResumeState, progress: dict) -> None:
    """Write the state as `last`, keeping the one before. Raises FileError."""
    tensors = state.tensors()
    metadata = {"progress": json.dumps(progress), "digest": _digest(tensors)}
    content = to_bytes(tensors, metadata=metadata)
    last = folder.path / LAST
    incoming = folder.path / "last-incoming.safetensors"
    write_atomically(incoming, content)
    # Between these two renames there is no `last`; loading then takes the previous one.
    with suppress(FileNotFoundError):
        os.replace(last, folder.path / PREVIOUS)
    os.replace(incoming, last)


def load_last(folder: RunFolder, state: ResumeState) -> dict | None:
    """Restore the newest complete state; returns its progress, or None for a run that has none.

    Raises CheckpointError if there are files but none can be used.
    """
    problems = []
    for name in (LAST, PREVIOUS):
        file = folder.path / name
        if not file.exists():
            continue
        try:
            tensors, progress = _load(file)
            state.restore(tensors)
        except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
            problems.append(f"{name}: {error}")
            log.warning("%s cannot be used (%s)", name, error)
            continue
        if problems:
            log.warning("going on from %s instead", name)
        return progress
    if problems:
        raise CheckpointError(
            Message(
                "no checkpoint in {path} can be used: {names}",
                path=folder.path,
                names="; ".join(problems),
            )
        )
    return None


def _load(file) -> tuple[dict[str, torch.Tensor], dict]:
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata() or {}
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    if metadata.get("digest") != _digest(tensors):
        raise ValueError(Message("damaged: its contents do not match its digest"))
    return tensors, parse_json(metadata["progress"])


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
