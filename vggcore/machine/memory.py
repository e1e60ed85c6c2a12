"""Free memory and disk space on this machine, found without PyTorch."""

import shutil
from pathlib import Path

from vggcore.machine import gpus


def free_memory(device: str) -> int | None:
    """Free bytes for training on "cpu" or "cuda:N"; None where the system does not say."""
    if device.startswith("cuda"):
        gpu = gpus.gpu(device)
        return gpu.free if gpu else None
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in lines)
    return int(values["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in values else None


def free_disk(folder: Path) -> int | None:
    """Free bytes where `folder` is or will be."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    return shutil.disk_usage(there).free if there else None
