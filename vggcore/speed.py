"""How fast this machine trains: measured once in a few seconds, kept per user, read without torch.

Convolutions run at very different speeds with 8 or 512 channels and on 2×2 or 32×32 maps, so the
calibration is a small grid of real forward and backward passes; `cost` interpolates in it.
"""

import json
import math
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from vggcore.checkpoints import write_atomically
from vggcore.run_locks import device_choices

CHANNELS = (8, 32, 128, 512)
SIDES = (2, 8, 32)  # pixels; larger maps run as fast as 32
_PROBE_MACS = 1e9  # of a forward pass, about
_PROBE_IMAGES = 256  # at most


class Speeds(NamedTuple):
    """Training speeds of one device at one precision, forward and backward together."""

    conv: list[list[float]]  # forward MACs a second, [channels][side] as in CHANNELS, SIDES
    linear: float  # forward MACs a second
    numbers: float  # activations a second through ReLU, norm or pool
    parameters: float  # weights a second through gradient and optimizer
    layer: float  # seconds that a layer takes however small
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


# What a small computer does, about: measured on two cores of a server CPU (AMD Zen 4).
_TYPICAL = "typical figures of two CPU cores; `python -m vggcore calibrate` measures this machine"
_STATED = {
    "bf16": Speeds(
        conv=[[0.4e9, 3.7e9, 18e9], [6e9, 35e9, 55e9], [6e9, 65e9, 65e9], [6e9, 30e9, 62e9]],
        linear=70e9, numbers=1.0e9, parameters=0.75e9, layer=35e-6, basis=_TYPICAL,
    ),
    "float32": Speeds(
        conv=[[0.25e9, 2.7e9, 11e9], [10e9, 23e9, 26e9], [27e9, 35e9, 33e9], [19e9, 26e9, 29e9]],
        linear=25e9, numbers=0.75e9, parameters=1.0e9, layer=25e-6, basis=_TYPICAL,
    ),
}  # fmt: skip


def file() -> Path:
    """The per-user file of calibrations."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "vggcore" / "calibration.json"


def read(device: str, precision: str) -> Speeds | None:
    """This machine's speeds; stated ones of a small CPU where it was not measured; None for a
    GPU that was not measured.
    """
    device = device_kind(device)
    try:
        kept = json.loads(file().read_bytes())[f"{device} {precision}"]
        if kept.pop("machine") == _machine():
            return Speeds(**kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # absent or damaged
        pass
    return _STATED.get(precision) if device == "cpu" else None


def device_kind(device: str) -> str:
    """ "cuda", "mps" or "cpu": what a request such as "auto" or "cuda:1" gets."""
    return device_choices(device)[0].partition(":")[0]


def _machine() -> str:
    return f"{platform.node()} {platform.machine()} {os.cpu_count()}"


def calibrate(device: str = "auto") -> dict[str, Speeds]:
    """Measure `device` at both precisions (seconds on a GPU, about ten on a small CPU); keep it.

    Raises ValueError where the device is absent, CheckpointError where the file cannot be written.
    """
    from vggcore import devices

    chosen = devices.resolve(device)
    measured = {precision: _measure(chosen, precision) for precision in ("bf16", "float32")}
    try:
        kept = json.loads(file().read_bytes())
    except (OSError, ValueError):
        kept = {}
    for precision, speeds in measured.items():
        kept[f"{chosen.type} {precision}"] = speeds._asdict() | {"machine": _machine()}
    file().parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file(), json.dumps(kept, indent=1).encode())
    return measured


def _measure(device, precision: str) -> Speeds:
    from torch import nn

    layer = _seconds(nn.ReLU(), (1, 8, 2, 2), device, precision)
    conv = [[_conv_speed(c, side, layer, device, precision) for side in SIDES] for c in CHANNELS]
    shape = (64, 32, 32, 32)
    norm = _seconds(nn.BatchNorm2d(32), shape, device, precision)
    pool = _seconds(nn.MaxPool2d(2), shape, device, precision)
    wide = nn.Linear(2048, 2048)
    one = _seconds(wide, (1, 2048), device, precision, optimized=True)
    many = _seconds(wide, (256, 2048), device, precision, optimized=True)
    return Speeds(
        conv=conv,
        linear=255 * 2048**2 / max(many - one, 1e-6),
        numbers=2 * math.prod(shape) / (norm + pool),
        parameters=2048**2 / one,
        layer=layer,
        basis=f"this machine, measured {datetime.now(UTC):%Y-%m-%d}",
    )


def _conv_speed(channels: int, side: int, overhead: float, device, precision: str) -> float:
    from torch import nn

    macs = 9 * channels**2 * side**2
    images = max(1, min(_PROBE_IMAGES, int(_PROBE_MACS / macs)))
    conv = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True))
    seconds = _seconds(conv, (images, channels, side, side), device, precision)
    return images * macs / max(seconds - overhead, seconds / 4)


def _seconds(module, shape, device, precision: str, *, optimized: bool = False) -> float:
    """Seconds of one forward and backward pass (and optimizer step): the fastest of a few."""
    import torch

    from vggcore import devices

    bf16 = precision == "bf16"
    module = module.to(device)
    inputs = torch.randn(shape, device=device, dtype=torch.bfloat16 if bf16 else torch.float32)
    if len(shape) == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        module = module.to(memory_format=torch.channels_last)
    inputs.requires_grad_()
    optimizer = torch.optim.AdamW(module.parameters(), fused=True) if optimized else None
    times = []
    for _ in range(5):
        devices.synchronise(device)
        started = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            outputs = module(inputs)
        module.zero_grad(set_to_none=True)
        outputs.backward(outputs.detach())
        if optimizer:
            optimizer.step()
        devices.synchronise(device)
        times.append(time.perf_counter() - started)
    return min(times)
