"""`doctor`: what works on this machine and in this installation, one line each."""

import argparse
import json
import platform
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from vggcore.machine import hardware, memory, paths
from vggcore.machine.messages import Message
from vggcore.machine.precision import cpu_multiplies_bf16

OLDEST = {"torch": (2, 11), "torchvision": (0, 26), "numpy": (2, 1), "pandas": (2, 2)}
APP = {"streamlit": (1, 67), "plotly": (7, 1)}
APP_REMEDY = "pip install 'vgg-dashboard[app]'"
PORT = 8501  # Streamlit's default
MIN_FREE_DISK, MIN_FREE_MEMORY = 1_000_000_000, 1_000_000_000  # bytes


class Finding(NamedTuple):
    """One line of the report."""

    what: str
    ok: bool
    text: str  # what was found, and what to do about it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Prints what was found; returns 1 if something does not work."""
    findings = []
    for finding in examine():
        findings.append(finding)
        if not args.json:
            print(f"{'ok ' if finding.ok else 'BAD'}  {finding.what}: {finding.text}", flush=True)
    if args.json:
        print(json.dumps([finding._asdict() for finding in findings], indent=1))
    return 0 if all(finding.ok for finding in findings) else 1


def examine(serving: int | None = None) -> Iterator[Finding]:
    """All findings, the quick ones first; a check that fails is a finding, not an error.

    serving: the port of the dashboard that asks.
    """
    checks: list[tuple[str, Callable[[], tuple[bool, str]]]] = [
        (Message("Python"), _python),
        (Message("packages"), lambda: _packages(OLDEST, "pip install -r requirements.txt")),
        (
            Message("dashboard's packages"),
            lambda: _packages(APP, APP_REMEDY, optional=True),
        ),
        (Message("PyTorch and GPU"), _torch),
        (Message("precision"), _precision),
        (Message("data set"), _data),
        (Message("disk"), _disk),
        (Message("memory"), _memory),
        (Message("port"), lambda: _port(serving)),
        (Message("training"), _training),
        (Message("answer"), _answer),
    ]
    for what, check in checks:
        try:
            ok, text = check()
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            ok, text = False, str(error) or type(error).__name__
        yield Finding(what, ok, text)


def _python() -> tuple[bool, str]:
    ok = sys.version_info >= (3, 11)
    version = platform.python_version()
    return ok, version if ok else Message("{found}: 3.11 or newer is needed", found=version)


def _packages(
    oldest: Mapping[str, tuple[int, int]], remedy: str, optional: bool = False
) -> tuple[bool, str]:
    texts, wanted, wrong = [], [], False
    for name, least in oldest.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = ""
        parts = version.split("+")[0].split(".")[:2]
        numbers = tuple(int(part) for part in parts if part.isdigit())
        missing = numbers < least
        wrong |= missing and not (optional and not version)
        if missing:
            wanted.append(f"{name} {'.'.join(map(str, least))}")
        texts.append(f"{name} {version or '–'}")
    if not wanted:
        return True, ", ".join(texts)
    return not wrong, Message(
        "{found}; {wanted} needed: {remedy}",
        found=", ".join(texts),
        wanted=", ".join(wanted),
        remedy=remedy,
    )


def _torch() -> tuple[bool, str]:
    import torch

    build = f"PyTorch {torch.__version__}"
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        return True, f"{build}, {', '.join(names)}"
    if not hardware.nvidia_gpus():
        devices = ", ".join(hardware.available_devices())
        return True, Message(
            "{build}, no NVIDIA GPU; devices: {devices}", build=build, devices=devices
        )
    if torch.version.cuda is None:
        remedy = "pip install --force-reinstall torch torchvision"
        return False, Message(
            "a GPU is there, but {build} is for CPUs only: {remedy}", build=build, remedy=remedy
        )
    return False, Message(
        "a GPU is there, but its driver is too old for {build}: update the driver", build=build
    )


def _precision() -> tuple[bool, str]:
    if hardware.available_devices()[0].startswith("cuda"):
        import torch

        from vggcore.machine import precision

        return True, precision.resolve("auto", torch.device("cuda", 0))
    name = "bf16" if cpu_multiplies_bf16() else "float32"
    return True, Message("{precision} on this processor", precision=name)


def _data() -> tuple[bool, str]:
    from vggcore.data import fashion_mnist, raw_files

    place = raw_files.raw_folder(paths.data_dir())
    if place is None:
        return False, Message(
            "Fashion-MNIST is not in {folder}: training downloads it there", folder=paths.data_dir()
        )
    images, _ = fashion_mnist.load_split("test")
    return True, Message(
        "Fashion-MNIST is complete in {folder} ({count:,} test images read)",
        folder=place,
        count=len(images),
    )


def _disk() -> tuple[bool, str]:
    free = memory.free_disk(paths.runs_dir())
    if free is None:
        return False, Message("the free space of {folder} cannot be read", folder=paths.runs_dir())
    text = Message(
        "{free:.1f} GB free for runs in {folder}", free=free / 1e9, folder=paths.runs_dir()
    )
    enough = free >= MIN_FREE_DISK
    return enough, text if enough else Message("{text}: free some", text=text)


def _memory() -> tuple[bool, str]:
    free = memory.free_memory("cpu")
    if free is None:
        return True, Message("this system does not report it")
    text = Message("{free:.1f} GB free", free=free / 1e9)
    enough = free >= MIN_FREE_MEMORY
    return enough, text if enough else Message("{text}: close programs", text=text)


def _port(serving: int | None) -> tuple[bool, str]:
    if serving:
        return True, Message("this dashboard is on {port}", port=serving)
    with socket.socket() as probe:
        in_use = probe.connect_ex(("127.0.0.1", PORT)) == 0
    if in_use:
        return True, Message("{port} is in use: Streamlit takes the next port", port=PORT)
    return True, Message("{port} is free", port=PORT)


def _training() -> tuple[bool, str]:
    from vggcore.model.architectures import VGGSpec
    from vggcore.model.recipe import TrainConfig
    from vggcore.runs import folder
    from vggcore.training import loop

    spec = VGGSpec(configuration="A", width=Fraction(1, 16), image_size=32, head="pool")
    train = TrainConfig(dataset="synthetic", train_limit=512, batch_size=64, epochs=1)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        summary = loop.fit(folder.create(Path(place) / "run", spec, train))
    seconds = time.monotonic() - started
    return summary["state"] == "finished", Message(
        "8 steps of a small network in {seconds:.1f} s", seconds=seconds
    )


def _answer() -> tuple[bool, str]:
    from vggcore.answers.classifier import load_classifier
    from vggcore.data import fashion_mnist

    images, _ = fashion_mnist.synthetic_garments(1, seed=0)
    classifier = load_classifier()
    started = time.monotonic()
    answer = classifier.classify(images[0].numpy())
    milliseconds = 1000 * (time.monotonic() - started)
    return bool(answer.label), Message(
        "the shipped network answers in {time:.0f} ms", time=milliseconds
    )
