"""Which learning rate suits a network and a recipe: one short sweep from tiny to far too large.

Smith, "Cyclical learning rates for training neural networks", WACV 2017: while the rate rises by
a constant factor per step, the loss stays flat, falls, and blows up. The weights are discarded.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from vggcore.machine.messages import Message
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.model.recipe_checks import check

if TYPE_CHECKING:
    import torch

LOWEST, HIGHEST = 1e-6, 3.0
STEPS = 120
SECONDS = 60.0  # a sweep that would take longer gets fewer steps
_FEWEST = 30
_SMOOTHING = 0.85
_BLOWN_UP = 3.0  # times the lowest loss so far
_FALLS = 0.05  # share of the first loss by which it must fall before a rate is suggested


@dataclass(frozen=True)
class Sweep:
    """Loss against learning rate, and what follows from it."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]  # smoothed, nats
    suggested: float | None  # None: no rate made the loss fall
    lowest: float | None = None  # where the loss starts to fall
    highest: float | None = None  # beyond it, the loss is about to blow up

    def to_dict(self) -> dict:
        """JSON-ready."""
        return asdict(self)

    def summary(self) -> str:
        """One line for people."""
        if not self.rates:
            return Message(
                "the loss of the very first step is not a number: try batch norm, another "
                "initialisation, or precision float32"
            )
        if self.suggested is None:
            return Message(
                "no rate between {lowest:.1g} and {highest:.2g} made the loss fall in {count} "
                "steps: try batch norm, another initialisation or a smaller network",
                lowest=self.rates[0],
                highest=self.rates[-1],
                count=len(self.rates),
            )
        return Message(
            "try a learning rate of {suggested:.2g}; the loss falls from {lowest:.1g} to "
            "{highest:.1g}",
            suggested=self.suggested,
            lowest=self.lowest,
            highest=self.highest,
        )


def find(
    spec: VGGSpec,
    train: TrainConfig,
    *,
    seconds: float = SECONDS,
    on_step: Callable[[float], None] = lambda share: None,
) -> Sweep:
    """Sweep this recipe's learning rate on its own batches.

    `on_step` receives the share done. Raises ValueError if the network cannot be trained like this,
    or if memory does not suffice.
    """
    check(spec, train)
    from vggcore.machine import devices

    try:
        return _swept(spec, train, seconds, on_step)
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error):
            raise
        raise ValueError(
            Message("out of memory: choose a smaller batch size, width or image size")
        ) from None


def _swept(
    spec: VGGSpec, train: TrainConfig, seconds: float, on_step: Callable[[float], None]
) -> Sweep:
    import torch

    from vggcore.machine import devices
    from vggcore.model.network import build
    from vggcore.training.data import make_training_data
    from vggcore.training.loop import start_from
    from vggcore.training.optimizer import make_optimizer

    device = devices.resolve(train.device)
    data = make_training_data(spec, train, device)
    network = build(spec, init=train.init, seed=train.seed).to(device)
    start_from(network, train, data.classes)
    network = network.to(memory_format=torch.channels_last).train()
    optimizer = make_optimizer(train, network)
    rates: list[float] = []
    losses: list[float] = []
    average, lowest, steps = 0.0, math.inf, STEPS
    started = time.monotonic()
    step = 0
    while step < steps:
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(train.seed * 1_000_003 + step)
        loss = _one_step(data, network, optimizer, train, device, step)
        if not math.isfinite(loss):
            break
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        smooth = average / (1 - _SMOOTHING ** (step + 1))
        rates.append(rate)
        losses.append(smooth)
        lowest = min(lowest, smooth)
        if smooth > _BLOWN_UP * lowest and step > _FEWEST // 2:
            break
        step += 1
        if step == 5:  # the first steps show how many there is time for
            a_step = (time.monotonic() - started) / step
            steps = int(min(STEPS, max(_FEWEST, seconds / a_step)))
        on_step(step / steps)
    return judge_rates(rates, losses)


def _one_step(data, network, optimizer, train: TrainConfig, device: "torch.device", step: int):
    """The loss of one batch, after an optimizer step."""
    import torch

    from vggcore.machine import precision

    inputs, targets = data.batch(step)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    with precision.autocast(precision.resolve(train.precision, device), device):
        logits = network(inputs)
    loss = data.loss(logits.float(), targets)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


def judge_rates(rates: list[float], losses: list[float]) -> Sweep:
    """The sweep and its suggestion: where the loss falls fastest, before its lowest point."""
    if len(losses) < 4:
        return Sweep(tuple(rates), tuple(losses), None)
    curve = np.array(losses)
    end = int(curve.argmin())
    start = float(curve[: max(1, end // 3)].max()) if end else float(curve[0])
    fall = start - float(curve[end])
    if fall < _FALLS * start:
        return Sweep(tuple(rates), tuple(losses), None)
    slopes = np.gradient(curve[: end + 1], np.log10(rates[: end + 1])) if end else np.zeros(1)
    # Steep enough, and before the bottom: at most a third of the rate where the loss is lowest.
    highest = rates[end] / 3
    steepest = min(rates[int(slopes.argmin())], highest)
    begun = int(np.flatnonzero(curve <= start - 0.1 * fall)[0])
    return Sweep(
        tuple(rates), tuple(losses), steepest, lowest=min(rates[begun], steepest), highest=highest
    )
