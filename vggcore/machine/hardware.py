"""Which devices this machine has, found without PyTorch."""

import os
import platform
import re
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from vggcore.machine.messages import Message


def available_devices() -> list[str]:
    """Devices of this machine as torch will name them, best first."""
    if sys.platform == "darwin":
        return ["mps", "cpu"] if platform.machine() == "arm64" else ["cpu"]
    return [f"cuda:{index}" for index in range(_cuda_devices())] + ["cpu"]


def device_choices(device: str) -> list[str]:
    """Concrete devices that satisfy a request such as "auto", "cuda", "cuda:1", "mps", "cpu".

    "cuda:0,cuda:2" asks for both at once.
    """
    devices = available_devices()
    gpus = [name for name in devices if name.startswith("cuda")]
    if device == "auto":
        return gpus or devices[:1]
    if device == "cuda":
        return gpus or ["cuda:0"]
    return device.split(",")


def narrow_to(gpus: list[str]) -> None:
    """Let this process and its children see only these GPUs, such as ["cuda:0", "cuda:2"].

    Raises ValueError if one of them is not there.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else None
    numbers = [int(gpu.partition(":")[2] or 0) for gpu in gpus]
    there = len(names) if names else nvidia_gpus()
    if there and max(numbers) >= there:
        raise ValueError(
            Message(
                "device cuda:{number} is not there: this process can use {there} GPUs, from cuda:0",
                number=max(numbers),
                there=there,
            )
        )
    chosen = [names[number].strip() if names else str(number) for number in numbers]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(chosen)


def processor() -> str:
    """The processor's name, for people."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            models = [
                line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
            ]
    except OSError:
        models = []
    return models[0] if models else platform.processor() or platform.machine()


def nvidia_gpus() -> int:
    """How many NVIDIA GPUs the system knows, whether or not PyTorch can use them."""
    return len([p for p in Path("/dev").glob("nvidia*") if re.fullmatch(r"nvidia\d+", p.name)])


def _cuda_devices() -> int:
    """How many NVIDIA GPUs this process may use; 0 where torch was built for the CPU only."""
    if "+cpu" in torch_version():
        return 0
    present = nvidia_gpus()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return present
    names = [name.strip() for name in visible.split(",")]
    return min(present, len([name for name in names if name and name != "-1"]))


@lru_cache(maxsize=1)
def torch_version() -> str:
    """Version of the installed torch, without importing it; empty where there is none."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""
