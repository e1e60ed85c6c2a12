"""What to do when a batch does not fit: the first halving that does."""

from collections.abc import Callable

from torch import Tensor

from vggcore.machine import distributed


def advice(
    step: int, inputs: Tensor, targets: Tensor, fits: Callable[[Tensor, Tensor], bool]
) -> str:
    """One line for people. `fits` tries a training step and returns whether memory sufficed.

    The tries change the weights, but nobody saves those any more.
    """
    total = size = len(inputs) * distributed.world_size()
    message = f"out of memory at step {step} with batch size {total}"
    while distributed.world_size() == 1 and size > 1:
        size //= 2
        if fits(inputs[:size], targets[:size]):
            return f"{message}: {size} fits, start again with --batch-size {size}"
    if size > 1:
        return f"{message}: try --batch-size {size // 2}"
    return f"{message}, and a single image does not fit: choose a smaller width or image size"
