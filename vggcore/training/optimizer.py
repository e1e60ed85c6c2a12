"""How weights are updated: learning rate, optimizers, and the moving average of the weights."""

import torch
from torch import Tensor, nn

from vggcore.model.network import VGG
from vggcore.model.recipe import TrainConfig
from vggcore.training.eager import SGD, Adam, AdamW
from vggcore.training.muon import Muon

WARM_UP = 0.2  # share of a one-cycle schedule in which the learning rate rises


def learning_rate(train: TrainConfig, step: int, total_steps: int) -> float:
    """Learning rate of a step: constant, or linearly up and then down to zero (one cycle)."""
    if train.schedule == "constant":
        return train.learning_rate
    warm_up = max(1, round(WARM_UP * total_steps))
    if step < warm_up:
        return train.learning_rate * (step + 1) / warm_up
    return train.learning_rate * (total_steps - step) / max(1, total_steps - warm_up)


def make_optimizer(train: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Adam, AdamW, SGD (Nesterov, momentum 0.9) or Muon; no weight decay on biases and norms."""
    convolutions: list[Tensor] = []
    if train.optimizer == "muon":
        # Not the first one, which has few filters and sees few channels.
        layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
        convolutions = [layer.weight for layer in layers[1:]]
    own = {id(weight) for weight in convolutions}
    decayed = [p for p in network.parameters() if p.ndim > 1 and id(p) not in own]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups: list[dict] = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    rate, decay = train.learning_rate, train.weight_decay
    if convolutions:
        return Muon(convolutions, groups, lr=rate, weight_decay=decay)
    if train.optimizer == "sgd":
        return SGD(groups, lr=rate, weight_decay=decay, momentum=0.9, nesterov=True, fused=True)
    optimizer = Adam if train.optimizer == "adam" else AdamW
    return optimizer(groups, lr=rate, weight_decay=decay, fused=True)


@torch.no_grad()
def update_average(average: VGG, network: VGG, decay: float, step: int) -> None:
    """Move the averaged weights towards the network's; faster in the first steps."""
    decay = min(decay, (step + 1) / (step + 10))
    ours: list[Tensor] = [*average.parameters()]
    theirs: list[Tensor] = [*network.parameters()]
    torch._foreach_lerp_(ours, theirs, 1 - decay)
    pairs = list(zip(average.buffers(), network.buffers(), strict=True))
    # A few launches for all weights: in a small network, a step waits for every launch.
    floats = [pair for pair in pairs if pair[0].is_floating_point()]
    counts = [pair for pair in pairs if not pair[0].is_floating_point()]
    if floats:
        torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1 - decay)
    if counts:
        torch._foreach_copy_([a for a, _ in counts], [b for _, b in counts])
