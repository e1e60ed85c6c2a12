"""Start a network from another's weights: progressive pre-training (arXiv 1409.1556, section 3.1).

The paper trained its shallowest network from random weights, then used its first four
convolutions and fully connected layers to start the deeper ones. Nothing is frozen. A network can
also be made deeper without changing its answers: added layers start by passing on what they get
(Net2DeeperNet, arXiv 1511.05641).
"""

import math

import torch
from torch import nn

from vggcore.machine.messages import Message
from vggcore.model.network import VGG

LAYERS = ("all", "paper", "deeper")
_PAPER_CONVS = 4


@torch.no_grad()
def copy_weights(
    source: VGG, target: VGG, layers: str = "all", *, same_classes: bool = True
) -> list[str]:
    """Copy `source`'s layers into their namesakes in `target`, in place; returns their names.

    Namesakes are at the same place of the same block: the first convolutions of block 2 belong
    together, whatever block 1 has. "paper" takes the source's first four convolutions, counted from
    the input, and the fully connected layers; "all" takes everything; "deeper" takes everything
    too, and lets the convolutions that the source lacks pass on what they get, so that the target
    answers as the source does.

    A layer is copied only if all its shapes are equal, with one exception: a first convolution of
    one channel can also start one that sees colours, which then gives the same answers at first. A
    convolution's batch norm and its running statistics are copied only along with it. The last
    layer is copied only if both name the `same_classes`. Raises ValueError for other `layers`, and
    with "deeper" if a layer of the source finds no place, or if only one network has batch norm.
    """
    if layers not in LAYERS:
        raise ValueError(
            Message(
                "unknown init_layers {layers!r}: choose one of {names}",
                layers=layers,
                names=", ".join(LAYERS),
            )
        )
    offered, wanted = _weight_layers(source), _weight_layers(target)
    convs = [name for name in offered if ".conv" in name]
    left_out = convs[_PAPER_CONVS:] if layers == "paper" else []
    if not same_classes:
        left_out = [*left_out, list(offered)[-1]]
    copied = []
    for name, theirs in offered.items():
        if name in wanted and name not in left_out and _fits(theirs, wanted[name]):
            wanted[name].load_state_dict(_widened(theirs, wanted[name]))
            copied.append(name)
            _copy_batch_norm(name, source, target)
    if layers == "deeper":
        lost = [name for name in offered if name not in [*copied, *left_out]]
        if lost:
            raise ValueError(
                Message(
                    "init_layers 'deeper' copies every layer, and {name} has no place for "
                    "{names}: choose 'all'",
                    name=target.spec.name,
                    names=", ".join(lost),
                )
            )
        if source.spec.batch_norm != target.spec.batch_norm:
            raise ValueError(
                Message("init_layers 'deeper' needs batch_norm in both networks, or in none")
            )
        _pass_on_in_others(target, copied)
    return copied


def _pass_on_in_others(target: VGG, copied: list[str]) -> None:
    """Make each convolution that was not `copied` pass on its input."""
    modules = dict(target.named_modules())
    before: nn.Module | None = None
    before_is_copied = True
    for name, layer in modules.items():
        if not isinstance(layer, nn.Conv2d):
            continue
        norm, is_copied = modules.get(name.replace(".conv", ".bn")), name in copied
        if not is_copied:
            nn.init.dirac_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if isinstance(norm, nn.BatchNorm2d) and isinstance(before, nn.BatchNorm2d):
                if before_is_copied:
                    _undo_itself(norm, before)
                else:  # it gets just what the one before gets
                    norm.load_state_dict(before.state_dict())
        before, before_is_copied = norm, is_copied


def _undo_itself(norm: nn.BatchNorm2d, before: nn.BatchNorm2d) -> None:
    """Let a batch norm give back what it gets: the output of `before`, after its ReLU.

    `before` gives each channel mean β and standard deviation γ; with a normal distribution, the
    mean and variance after ReLU follow, and become both the statistics and what they are undone by.
    """
    shift, scale = before.bias, before.weight.abs().clamp_min(1e-3)
    ratio = shift / scale
    share = 0.5 * (1 + torch.erf(ratio / math.sqrt(2)))  # of values above 0
    density = torch.exp(-ratio.square() / 2) / math.sqrt(2 * math.pi)
    mean = shift * share + scale * density
    square = (shift.square() + scale.square()) * share + shift * scale * density
    variance = (square - mean.square()).clamp_min(1e-4)
    assert norm.running_mean is not None and norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.bias.copy_(mean)
    norm.weight.copy_((variance + norm.eps).sqrt())


def _weight_layers(network: VGG) -> dict[str, nn.Conv2d | nn.Linear]:
    """Convolutions and linear layers by name, in order: "block1.conv1" … "classifier.fc3"."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    }


def _fits(theirs: nn.Conv2d | nn.Linear, ours: nn.Conv2d | nn.Linear) -> bool:
    return theirs.weight.shape == ours.weight.shape or _sees_more(theirs, ours)


def _sees_more(theirs: nn.Module, ours: nn.Module) -> bool:
    """Whether both are first convolutions, theirs of one channel, ours of several."""
    if not (isinstance(theirs, nn.Conv2d) and isinstance(ours, nn.Conv2d)):
        return False
    same = theirs.out_channels == ours.out_channels and theirs.kernel_size == ours.kernel_size
    return same and theirs.in_channels == 1 and ours.in_channels in (3, 4)


def _widened(theirs: nn.Conv2d | nn.Linear, ours: nn.Conv2d | nn.Linear) -> dict[str, torch.Tensor]:
    """Their weights for our channels: put on the outline (the fourth), or spread over colours."""
    state = theirs.state_dict()
    if theirs.weight.shape != ours.weight.shape:
        weight = torch.zeros_like(ours.weight)
        if ours.weight.shape[1] == 4:
            weight[:, 3:] = state["weight"]
        else:
            weight[:] = state["weight"] / ours.weight.shape[1]
        state["weight"] = weight
    return state


def _copy_batch_norm(conv: str, source: VGG, target: VGG) -> None:
    """Copy the batch norm after a convolution too, where both networks have one."""
    norm = conv.replace(".conv", ".bn")
    theirs, ours = dict(source.named_modules()), dict(target.named_modules())
    if norm != conv and norm in theirs and norm in ours:
        ours[norm].load_state_dict(theirs[norm].state_dict())
