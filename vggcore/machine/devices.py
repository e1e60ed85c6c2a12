"""Which device a run uses, and how cards describe this machine."""

import os
import sys

import torch

from vggcore.machine.hardware import processor
from vggcore.machine.messages import Message


def resolve(device: str) -> torch.device:
    """The device meant by "auto", "cpu", "cuda", "cuda:1", "mps". Raises ValueError if absent.

    With several, "cuda:0,cuda:2", each process gets one: see `distributed.own_device`.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if "," in device:  # several: each process takes its own of those it sees
        # Their numbers mean nothing any more once `hardware.narrow_to` hides the other GPUs.
        gpus = torch.cuda.device_count()
        if gpus < len(device.split(",")):
            raise ValueError(
                Message(
                    "device {device!r} is not available: PyTorch sees {gpus} GPUs here",
                    device=device,
                    gpus=gpus,
                )
            )
        return torch.device("cuda")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise ValueError(
            Message("unknown device {device!r}: choose auto, cpu, cuda or mps", device=device)
        ) from None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (chosen.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(chosen.type, False):
        present = [name for name, yes in there.items() if yes and name != chosen.type]
        raise ValueError(
            Message(
                "device {device!r} is not available: this machine has {names}",
                device=device,
                names=", ".join(present),
            )
        )
    return chosen


def describe(device: torch.device) -> str:
    """For people: the GPU's name, or the number of CPU threads and the processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} × {processor()}"


def memory_bytes(device: torch.device) -> int:
    """Memory in use now: allocated on the GPU, or resident in this process.

    Where the system reports no more than that (macOS), the peak resident size.
    """
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024  # bytes there, kB elsewhere


def synchronise(device: torch.device) -> None:
    """Wait for a GPU's queued work, so that timings are right."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch raised `error` because memory ran out, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # On the CPU and on Apple's GPUs it is a plain RuntimeError.
    text = str(error)
    return any(sign in text for sign in ("DefaultCPUAllocator", "allocate memory", "out of memory"))


def free_cached_memory(device: torch.device) -> None:
    """Release the memory that PyTorch keeps for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
