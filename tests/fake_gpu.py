"""A GPU that is not there: tensors that say they are on `cuda`, without contents.

PyTorch's FakeTensorMode computes their shapes, types and devices, and raises where an operation
mixes devices. Tensors on the CPU stay real, so that what is drawn there is as always.
"""

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
_WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "_unique2", "masked_select")


class FakeGpu(TorchDispatchMode):
    """While it is entered, `cuda` can be asked for; `waits` counts how often the CPU would wait.

    What is read from the GPU is ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0
        self._fake = FakeTensorMode(allow_non_fake_inputs=True)

    def __enter__(self):
        self._fake.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        return self._fake.__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        there = any(isinstance(each, FakeTensor) for each in tensors)
        others = (*args, *kwargs.values())
        wanted = next((each for each in others if isinstance(each, torch.device)), None)
        name = func.overloadpacket.__name__
        if "pin_memory" in name or name == "is_pinned":
            return args[0] if name == "_pin_memory" else True
        if not there and (wanted is None or wanted.type != "cuda"):
            with _disable_current_modes():
                return func(*args, **kwargs)
        if name == "to" and not there:  # in inference mode this is not taken apart
            return aten._to_copy(self._fake.from_tensor(args[0]), device=wanted)
        if there and name == "to" and _leaves(args, wanted):
            return self.__torch_dispatch__(
                aten._to_copy.default, types, args[:1], {"device": wanted}
            )
        if there and (name in _WAITS or _has_a_mask(func, args)):
            self.waits += 1
            if name == "_local_scalar_dense":
                return True if args[0].dtype == torch.bool else 1
        if there and name in ("_to_copy", "copy_") and _leaves(args, wanted):
            self.waits += 1
            with _disable_current_modes(), torch.inference_mode(False):
                return torch.ones(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        return func(*args, **kwargs)

    def put(self, network: nn.Module) -> nn.Module:
        """`network` with its weights on this GPU."""
        for module in network.modules():
            for kept in (module._parameters, module._buffers):
                for name, value in kept.items():
                    if value is not None:
                        moved = value.detach().to("cuda")
                        kept[name] = nn.Parameter(moved) if kept is module._parameters else moved
        return network


def _leaves(args, wanted) -> bool:
    return wanted is not None and wanted.type == "cpu" and args[0].device.type == "cuda"


def _has_a_mask(func, args) -> bool:
    """Whether an index is a mask: its number of true values decides the shape."""
    if not func.overloadpacket.__name__.startswith("index") or len(args) < 2:
        return False
    return any(
        isinstance(each, Tensor) and each.dtype == torch.bool for each in tree_leaves(args[1])
    )
