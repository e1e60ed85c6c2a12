"""How fast this machine trains: measured once in a few seconds, kept per user, read without torch.

Convolutions run at very different speeds with 8 or 512 channels and on 2×2 or 32×32 maps, so the
measurement is a small grid of real forward and backward passes; `cost` interpolates in it.
"""

import json
import math
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from vggcore.machine import paths
from vggcore.machine.files import parse_json, write_atomically
from vggcore.machine.hardware import device_choices

CHANNELS = (8, 32, 128, 512)
SIDES = (2, 8, 32)  # pixels; larger maps run as fast as 32
_PROBE_MACS = 1e9  # of a forward pass, approximately
_PROBE_IMAGES = 256  # at most
_WIDE = 3072


class Speeds(NamedTuple):
    """Training speeds of one device at one precision, forward and backward together."""

    conv: list[list[float]]  # forward MACs a second, [channels][side] as in CHANNELS, SIDES
    linear: float  # forward MACs a second
    numbers: float  # activations a second through ReLU, norm or pool
    lrn: float  # activations a second through local response norm: ten operations, not fused
    parameters: float  # weights a second of linear layers through copies, gradient and optimizer
    conv_parameters: float  # the same for convolutions, which are also reordered
    layer: float  # seconds that a layer takes, however small
    basis: str  # for people

    def conv_macs_per_second(self, channels: float, side: int) -> float:
        """Interpolated between the measured points, on logarithmic scales."""
        rows = [_between(SIDES, row, side) for row in self.conv]
        return _between(CHANNELS, rows, channels)


def _between(points: tuple, values: list[float], at: float) -> float:
    """Log-log interpolation of `values` at `points`; constant beyond the ends."""
    at = min(max(at, points[0]), points[-1])
    upper = next(n for n in range(1, len(points)) if at <= points[n])
    low, high = points[upper - 1], points[upper]
    share = math.log(at / low) / math.log(high / low)
    return values[upper - 1] ** (1 - share) * values[upper] ** share


# Approximate figures for a small computer: two cores of a server CPU (AMD Zen 4), measured.
TYPICAL = (
    "typical figures of two CPU cores; `python -m vggcore measure-speed` measures this machine"
)
_STATED = {
    "bf16": Speeds(
        conv=[[0.4e9, 3.7e9, 18e9], [6e9, 35e9, 55e9], [6e9, 65e9, 65e9], [6e9, 30e9, 62e9]],
        linear=70e9,
        numbers=1.0e9,
        lrn=0.028e9,
        parameters=0.6e9,
        conv_parameters=0.3e9,
        layer=35e-6,
        basis=TYPICAL,
    ),
    "float32": Speeds(
        conv=[[0.25e9, 2.7e9, 11e9], [10e9, 23e9, 26e9], [27e9, 35e9, 33e9], [19e9, 26e9, 29e9]],
        linear=25e9,
        numbers=0.75e9,
        lrn=0.025e9,
        parameters=0.9e9,
        conv_parameters=0.4e9,
        layer=25e-6,
        basis=TYPICAL,
    ),
}


def file() -> Path:
    """Where measured speeds are kept."""
    return paths.cache_dir() / "calibration.json"


def read(device: str, precision: str) -> Speeds | None:
    """This machine's speeds; None for a GPU that was not measured.

    For a CPU that was not measured they are those stated for a small one.
    """
    device = device_kind(device)
    try:
        values = parse_json(file().read_bytes())[f"{device} {precision}"]
        if values.pop("machine") == _machine():
            return Speeds(**values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # absent or damaged
        pass
    return _STATED.get(precision) if device == "cpu" else None


def device_kind(device: str) -> str:
    """ "cuda", "mps" or "cpu": what a request such as "auto" or "cuda:1" gets."""
    return device_choices(device)[0].partition(":")[0]


def _machine() -> str:
    return f"{platform.node()} {platform.machine()} {os.cpu_count()}"


def measure(device: str = "auto") -> dict[str, Speeds]:
    """Measure `device` (seconds on a GPU, about ten on a small CPU) and save it, by precision.

    Measures float32, and the 16-bit formats that the hardware multiplies.

    Raises ValueError if the device is absent, FileError if the file cannot be written.
    """
    from vggcore.machine import devices, precision

    chosen = devices.resolve(device)
    measured = {name: _measure(chosen, name) for name in precision.hardware(chosen)}
    try:
        known = parse_json(file().read_bytes())
    except (OSError, ValueError):
        known = {}
    for name, speeds in measured.items():
        known[f"{chosen.type} {name}"] = speeds._asdict() | {"machine": _machine()}
    file().parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file(), json.dumps(known, indent=1).encode())
    return measured


def _measure(device, precision: str) -> Speeds:
    from torch import nn

    layer = _seconds(nn.ReLU(), (1, 8, 2, 2), device, precision)
    convs = [nn.Conv2d(c, c, 3, padding=1) for c in CHANNELS]
    heavy = convs[-1]
    conv_parameters = heavy.weight.numel() / _seconds(
        heavy, (1, heavy.in_channels, 2, 2), device, precision, optimized=True
    )
    conv = [
        [_conv_speed(c, side, layer, conv_parameters, device, precision) for side in SIDES]
        for c in convs
    ]
    shape = (64, 32, 32, 32)
    norm = _seconds(nn.BatchNorm2d(32), shape, device, precision)
    pool = _seconds(nn.MaxPool2d(2), shape, device, precision)
    lrn = _seconds(nn.LocalResponseNorm(5, k=2.0), shape, device, precision)
    # So wide that its weights, like a whole network's, hardly fit in the processor's cache.
    wide = nn.Linear(_WIDE, _WIDE)
    one = _seconds(wide, (1, _WIDE), device, precision, optimized=True)
    many = _seconds(wide, (64, _WIDE), device, precision, optimized=True)
    return Speeds(
        conv=conv,
        linear=63 * _WIDE**2 / max(many - one, many / 4),
        numbers=2 * math.prod(shape) / (norm + pool),
        lrn=math.prod(shape) / lrn,
        parameters=_WIDE**2 / one,
        conv_parameters=conv_parameters,
        layer=layer,
        basis=f"this machine, measured {datetime.now(UTC):%Y-%m-%d}",
    )


def _conv_speed(conv, side: int, layer: float, parameters: float, device, precision: str) -> float:
    """MACs a second, without the time of the layer (seconds) and its `parameters` (a second)."""
    from torch import nn

    macs = conv.weight.numel() * side**2
    images = max(1, min(_PROBE_IMAGES, int(_PROBE_MACS / macs)))
    shape = (images, conv.in_channels, side, side)
    with_relu = nn.Sequential(conv, nn.ReLU(inplace=True))
    seconds = _seconds(with_relu, shape, device, precision, optimized=True)
    overhead = layer + conv.weight.numel() / parameters
    return images * macs / max(seconds - overhead, seconds / 4)


def _seconds(module, shape, device, precision: str, *, optimized: bool = False) -> float:
    """Seconds of one forward and backward pass (and optimizer step): the fastest of a few."""
    import torch

    from vggcore.machine import devices
    from vggcore.machine.precision import autocast
    from vggcore.training.eager import AdamW

    dtypes = {"bf16": torch.bfloat16, "fp16": torch.float16, "float32": torch.float32}
    module = module.to(device)
    inputs = torch.randn(shape, device=device, dtype=dtypes[precision])
    if len(shape) == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        module = module.to(memory_format=torch.channels_last)
    inputs.requires_grad_()
    optimizer = AdamW(module.parameters(), fused=True) if optimized else None
    times = []
    for _ in range(5):
        devices.synchronise(device)
        started = time.perf_counter()
        with autocast(precision, device):
            outputs = module(inputs)
        module.zero_grad(set_to_none=True)
        outputs.backward(outputs.detach())
        if optimizer:
            optimizer.step()
        devices.synchronise(device)
        times.append(time.perf_counter() - started)
    return min(times)
