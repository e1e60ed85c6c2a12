"""What to do when a batch does not fit: the first halving that does."""

from collections.abc import Callable

from torch import Tensor

from vggcore.machine import distributed
from vggcore.machine.messages import Message


def advice(
    step: int, inputs: Tensor, targets: Tensor, fits: Callable[[Tensor, Tensor], bool]
) -> str:
    """One line for people. `fits` tries a training step and returns whether memory sufficed.

    The tries change the weights, which are not saved any more.
    """
    total = size = len(inputs) * distributed.world_size()
    tried = {"step": step, "total": total}
    while distributed.world_size() == 1 and size > 1:
        size //= 2
        if fits(inputs[:size], targets[:size]):
            return Message(
                "out of memory at step {step} with batch size {total}: {size} fits, start again "
                "with --batch-size {size}",
                **tried,
                size=size,
            )
    if size > 1:
        return Message(
            "out of memory at step {step} with batch size {total}: try --batch-size {size}",
            **tried,
            size=size // 2,
        )
    return Message(
        "out of memory at step {step} with batch size {total}, and a single image does not fit: "
        "choose a smaller width or image size",
        **tried,
    )
