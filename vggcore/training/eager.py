"""PyTorch's optimizers without their hooks for torch.compile, with which nothing is trained here.

The hooks import the whole compiler into every process that trains: 2 s of processor time, 150 MB.
"""

import inspect
from typing import TypeVar

import torch

_Optimizer = TypeVar("_Optimizer", bound=type[torch.optim.Optimizer])


def eager(optimizer: _Optimizer) -> _Optimizer:
    """Class decorator: replace what is hooked by what is inside the hooks."""
    for name in ("step", "zero_grad", "add_param_group", "state_dict", "load_state_dict"):
        setattr(optimizer, name, torch.no_grad()(inspect.unwrap(getattr(optimizer, name))))
    return optimizer


@eager
class Adam(torch.optim.Adam):
    """As in PyTorch."""


@eager
class AdamW(torch.optim.AdamW):
    """As in PyTorch."""


@eager
class SGD(torch.optim.SGD):
    """As in PyTorch."""
