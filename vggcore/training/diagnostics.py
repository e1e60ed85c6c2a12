"""Why a network that guesses does not learn: what reaches its blocks, forward and backward."""

import torch
from torch import Tensor

from vggcore.model.network import VGG


def of(network: VGG, inputs: Tensor) -> dict[str, list[float] | float]:
    """For a row of metrics, right after a step on `inputs` [B, C, S, S], while its gradients exist.

    gradients: norm per block, the classifier last. dead: share of the channels that each
    block leaves at 0 for all inputs. spread: how much the inputs differ from each other,
    as the mean standard deviation of a pixel.
    """
    norms = []
    for block in (*network.feature_blocks(), network.classifier):
        parts = [p.grad.float().norm() for p in block.parameters() if p.grad is not None]
        norms.append(torch.stack(parts).norm().item() if parts else 0.0)
    return {
        "gradients": [float(f"{norm:.4g}") for norm in norms],
        "dead": [round(share, 4) for share in _dead(network, inputs)],
        "spread": float(f"{inputs.float().std(0).mean().item():.4g}") if len(inputs) > 1 else 0.0,
    }


@torch.no_grad()
def _dead(network: VGG, inputs: Tensor) -> list[float]:
    """Dead share of each block's output; leaves the network as it was, running statistics too."""
    was_training = network.training
    network.eval()
    shares = []
    for block in network.feature_blocks():
        inputs = block(inputs)
        shares.append((inputs.amax((0, 2, 3)) <= 0).float().mean().item())
    network.train(was_training)
    return shares
