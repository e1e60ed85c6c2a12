"""Which precision a network computes in: bfloat16, float16 or float32, to suit the hardware.

A processor without bfloat16 instructions emulates them, a hundred times slower than float32.
NVIDIA's GPUs before Ampere multiply float16 but not bfloat16. PyTorch is imported only when a
device is asked about.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from vggcore.machine.gpus import BF16_CAPABILITY

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "bf16", "fp16", "float32")
BYTES = {"bf16": 2, "fp16": 2, "float32": 4}  # per number

_FP16_CAPABILITY = (5, 3)
_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # the last one is ARM's


def best(kind: str, *, bf16: bool, fp16: bool) -> str:
    """The precision that best suits this kind of hardware ("cuda", "cpu", …).

    bf16, fp16: whether it multiplies these. Float16 overflows easily: it is the default only on
    GPUs, where it is much faster than float32.
    """
    if bf16:
        return "bf16"
    return "fp16" if fp16 and kind == "cuda" else "float32"


def resolve(wanted: str, device: torch.device) -> str:
    """What "auto" means on this device; anything else is returned as it is."""
    if wanted != "auto":
        return wanted
    bf16, fp16 = multiplies(device)
    return best(device.type, bf16=bf16, fp16=fp16)


def expected(wanted: str, kind: str) -> str:
    """`resolve` for estimates, without PyTorch: any "cuda" is assumed to be a current GPU."""
    if wanted != "auto":
        return wanted
    return best(kind, bf16=kind == "cuda" or (kind == "cpu" and cpu_multiplies_bf16()), fp16=True)


def multiplies(device: torch.device) -> tuple[bool, bool]:
    """Whether the hardware multiplies bfloat16, and whether it multiplies float16."""
    if device.type == "cuda":
        import torch

        if torch.version.hip:  # AMD's GPUs that ROCm supports multiply both
            return True, True
        capability = torch.cuda.get_device_capability(device)
        return capability >= BF16_CAPABILITY, capability >= _FP16_CAPABILITY
    if device.type == "cpu":
        return cpu_multiplies_bf16(), False
    return False, device.type == "mps"


def hardware(device: torch.device) -> list[str]:
    """The precisions that the hardware multiplies, smallest first."""
    bf16, fp16 = multiplies(device)
    return ["bf16"] * bf16 + ["fp16"] * fp16 + ["float32"]


@lru_cache
def cpu_multiplies_bf16(cpuinfo: str = "/proc/cpuinfo") -> bool:
    """Whether this computer's processor has instructions for bfloat16; False where unknown."""
    try:
        lines = Path(cpuinfo).read_text().splitlines()
    except OSError:  # not Linux
        return False
    flags = {
        word for line in lines if line.startswith(("flags", "Features")) for word in line.split()
    }
    return bool(_CPU_FLAGS & flags)


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """The context in which a forward pass uses a resolved precision."""
    import torch

    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "float32")
