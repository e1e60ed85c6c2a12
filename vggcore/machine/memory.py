"""What is free on this machine, found without PyTorch."""

import shutil
import subprocess
from pathlib import Path


def free_memory(device: str) -> int | None:
    """Free bytes for training on "cpu" or "cuda:N"; None where the system does not tell."""
    if device.startswith("cuda"):
        return _free_gpu_memory(device.partition(":")[2] or "0")
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in lines)
    return int(values["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in values else None


def _free_gpu_memory(index: str) -> int | None:
    if shutil.which("nvidia-smi") is None:
        return None
    query = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits", "-i", index]
    done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=False)
    megabytes = done.stdout.strip()
    return int(megabytes) * 1024**2 if megabytes.isdigit() else None


def free_disk(folder: Path) -> int | None:
    """Free bytes where `folder` is or will be."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    return shutil.disk_usage(there).free if there else None
