"""Free memory and disk space on this machine, found without PyTorch."""

import shutil
from pathlib import Path

from vggcore.machine import gpus

# Limits of a batch in evaluation: images, pixels. On a CPU larger batches take more memory and are
# slower: what a layer writes leaves the processor's cache before the next one reads it. A GPU
# needs more.
_EVALUATED_AT_ONCE = {"cpu": (250, 256_000), "gpu": (500, 2_000_000)}


def evaluated_at_once(image_size: int, device: str = "cpu") -> int:
    """How many images to evaluate at once, so that memory stays bounded at every image size."""
    images, pixels = _EVALUATED_AT_ONCE["cpu" if device == "cpu" else "gpu"]
    return max(1, min(images, pixels // image_size**2))


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
