"""Muon: momentum with an orthogonalised update, for convolutions (Jordan et al., 2024).

PyTorch's own `torch.optim.Muon` takes matrices only. Here a convolution's weight counts as the
matrix [out_channels, in_channels · height · width], and its length is kept constant: batch norm
undoes its scale anyway, so the learning rate alone decides how far a step turns it.
"""

from functools import lru_cache

import torch
from torch import Tensor

from vggcore.machine.precision import multiplies
from vggcore.training.eager import AdamW, eager

RATE = 25.0  # so that usual AdamW rates, 0.001 to 0.005, turn convolutions by 0.025 to 0.125
MOMENTUM = 0.6
ITERATIONS = 3  # of Newton-Schulz; singular values end between about 0.5 and 1.2
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan's quintic


@eager
class Muon(torch.optim.Optimizer):
    """Muon for the weights of convolutions followed by batch norm, AdamW for everything else.

    Updates of the first group have length `RATE` × lr, as a share of the weight's own length.
    """

    def __init__(self, convolutions: list, others: list[dict], *, lr: float, weight_decay: float):
        self._adamw = AdamW(others, lr=lr, weight_decay=weight_decay, fused=True)
        groups = [{"params": convolutions}, *self._adamw.param_groups]
        super().__init__(groups, self._adamw.defaults)

    def step(self, closure=None):
        """One update. `closure` is not used."""
        own, *others = self.param_groups
        for weight in own["params"]:
            if weight.grad is not None:
                self._turn(weight, RATE * own["lr"])
        # One state for both, so that saving and loading need not know about the second optimizer.
        self._adamw.state, self._adamw.param_groups = self.state, others
        self._adamw.step()

    def _turn(self, weight: Tensor, rate: float) -> None:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        gradient = weight.grad
        assert gradient is not None  # `step` skips weights without one
        state["momentum"].mul_(MOMENTUM).add_(gradient)
        nesterov = gradient.add(state["momentum"], alpha=MOMENTUM)
        update = orthogonalised(nesterov.flatten(1)).view(weight.shape)
        weight.mul_(len(weight) ** 0.5 / weight.norm().clamp(min=1e-7))
        weight.add_(update, alpha=-rate * max(1.0, len(weight) / weight[0].numel()) ** 0.5)


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix [M, N] with all its singular values near 1, by Newton-Schulz.

    In bfloat16 if the hardware multiplies it: its rounding does no harm here.
    """
    a, b, c = _COEFFICIENTS
    quick = matrix.to(_quick(matrix.device))
    wide = quick if len(matrix) <= matrix.shape[1] else quick.T
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(ITERATIONS):
        gram = wide @ wide.T
        gram = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        wide = torch.addmm(wide, gram, wide, beta=a)
    return (wide if len(matrix) <= matrix.shape[1] else wide.T).to(matrix.dtype)


@lru_cache
def _quick(device: torch.device) -> torch.dtype:
    return torch.bfloat16 if multiplies(device)[0] else torch.float32
