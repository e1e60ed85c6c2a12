"""The NVIDIA GPUs of this machine: names, memory, how busy they are. Found without PyTorch.

Asks NVIDIA's own library (`nvidia-ml-py`). GPUs have the numbers that PyTorch gives them: after
CUDA_VISIBLE_DEVICES, in bus order. Runs are therefore started with CUDA_DEVICE_ORDER=PCI_BUS_ID.
"""

import importlib
import importlib.util
import os
import time
from typing import NamedTuple

from vggcore.machine import hardware
from vggcore.machine.messages import Message

_KEPT_SECONDS = 1.0  # between two queries to the driver
BF16_CAPABILITY = (8, 0)  # from this compute capability on, GPUs multiply bfloat16


class Gpu(NamedTuple):
    """One GPU as it is now."""

    number: int  # as in "cuda:0"
    uuid: str
    name: str
    total: int  # bytes of memory
    free: int
    busy: int | None = None  # recent utilisation, per cent; None: not reported
    capability: tuple[int, int] | None = None

    @property
    def has_bf16(self) -> bool:
        return self.capability is None or self.capability >= BF16_CAPABILITY


_last: tuple[float, list[Gpu]] = (-_KEPT_SECONDS, [])


def gpus() -> list[Gpu]:
    """The GPUs that this process may use, at most a second old; empty where none is reported."""
    global _last
    now = time.monotonic()
    if now - _last[0] >= _KEPT_SECONDS:
        _last = (now, _numbered(_all(), os.environ.get("CUDA_VISIBLE_DEVICES")))
    return _last[1]


def gpu(device: str) -> Gpu | None:
    """The one that a device such as "cuda:1" names; None where it is not reported."""
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return None
    return next((one for one in gpus() if one.number == int(number or 0)), None)


def problems() -> list[Message]:
    """Why a GPU that is there cannot be used, or not to the full: one line each."""
    if not hardware.nvidia_gpus():
        return []
    build = hardware.torch_version()
    if "+cpu" in build:
        return [
            Message(
                "A GPU is here, but PyTorch was installed for CPUs only. To use it: "
                "{command}, then start this app again.",
                command="pip install --force-reinstall torch torchvision",
            )
        ]
    lines = []
    wanted, has = _cuda_of(build), driver_cuda()
    if wanted and has and wanted > has[0]:
        lines.append(
            Message(
                "The GPU's driver is too old for this PyTorch: it knows CUDA {has}, and PyTorch "
                "{build} needs {wanted}. Update the driver, or install an older PyTorch.",
                has=".".join(map(str, has)),
                build=build,
                wanted=wanted,
            )
        )
    without = [one.name for one in gpus() if not one.has_bf16]
    if without:
        lines.append(
            Message(
                "{names} has no bfloat16: float16 is used, with a scaled loss.",
                names=", ".join(dict.fromkeys(without)),
            )
        )
    return lines


def driver_cuda() -> tuple[int, int] | None:
    """The newest CUDA version that the driver supports; None where it is not reported."""
    library = _library()
    if library is None:
        return None
    try:
        version = library.nvmlSystemGetCudaDriverVersion_v2()
    except library.NVMLError:
        return None
    return version // 1000, version % 1000 // 10


def _cuda_of(build: str) -> int | None:
    """The CUDA version that a build of PyTorch needs: "2.14.1+cu130" is 13."""
    _, _, local = build.partition("+cu")
    return int(local[:-1]) if len(local) > 1 and local.isdigit() else None


def _library():
    """NVIDIA's library, set up; None where it is not installed or finds no driver."""
    if importlib.util.find_spec("pynvml") is None:
        return None
    library = importlib.import_module("pynvml")
    try:
        library.nvmlInit()
    except library.NVMLError:
        return None
    return library


def _all() -> list[Gpu]:
    """All GPUs, numbered in bus order; empty without the library."""
    library = _library()
    if library is None:
        return []
    all_gpus = []
    for number in range(library.nvmlDeviceGetCount()):
        handle = library.nvmlDeviceGetHandleByIndex(number)
        memory = library.nvmlDeviceGetMemoryInfo(handle)
        busy = capability = None
        try:
            busy = int(library.nvmlDeviceGetUtilizationRates(handle).gpu)
            capability = tuple(library.nvmlDeviceGetCudaComputeCapability(handle))
        except library.NVMLError:  # not every GPU reports these
            pass
        name, uuid = (
            value.decode() if isinstance(value, bytes) else str(value)
            for value in (library.nvmlDeviceGetName(handle), library.nvmlDeviceGetUUID(handle))
        )
        all_gpus.append(Gpu(number, uuid, name, memory.total, memory.free, busy, capability))
    return all_gpus


def _numbered(all_gpus: list[Gpu], visible: str | None) -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, with the numbers they then have."""
    if visible is None:
        return all_gpus
    chosen: list[Gpu] = []
    for name in (each.strip() for each in visible.split(",")):
        for one in all_gpus:
            if name == str(one.number) or (len(name) > 4 and one.uuid.startswith(name)):
                chosen.append(one._replace(number=len(chosen)))
                break
        else:  # CUDA stops at the first name that is no GPU
            break
    return chosen
