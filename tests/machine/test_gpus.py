import os
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from vggcore.machine import gpus, hardware, memory
from vggcore.model import recipe_checks
from vggcore.model.presets import PRESETS

MB = 2**20
T4 = ("GPU-aaaa1111", "Tesla T4", 15360 * MB, 14900 * MB, 3, (7, 5))
H100 = ("GPU-bbbb2222", "NVIDIA H100 80GB HBM3", 81559 * MB, 500 * MB, 97, (9, 0))
UNKNOWN = ("GPU-cccc3333", b"Old", 2048 * MB, 2000 * MB, None, None)


def library(*cards: tuple, cuda: int = 12020) -> SimpleNamespace:
    """NVIDIA's library on a machine with these GPUs, each as the fields of `Gpu` but its number."""

    class NVMLError(Exception):
        pass

    def reported(value):
        if value is None:
            raise NVMLError
        return value

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: len(cards),
        nvmlDeviceGetHandleByIndex=lambda number: cards[number],
        nvmlDeviceGetUUID=lambda card: card[0],
        nvmlDeviceGetName=lambda card: card[1],
        nvmlDeviceGetMemoryInfo=lambda card: SimpleNamespace(total=card[2], free=card[3]),
        nvmlDeviceGetUtilizationRates=lambda card: SimpleNamespace(gpu=reported(card[4])),
        nvmlDeviceGetCudaComputeCapability=lambda card: reported(card[5]),
        nvmlSystemGetCudaDriverVersion_v2=lambda: cuda,
    )


def install(monkeypatch, *cards: tuple) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", library(*cards))
    monkeypatch.setattr(gpus.importlib.util, "find_spec", lambda name: name == "pynvml")
    monkeypatch.setattr(gpus, "_last", (-1e9, []))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def two_gpus(monkeypatch):
    """A machine with a free T4 and a busy H100, and an old driver."""
    install(monkeypatch, T4, H100)
    monkeypatch.setattr(hardware, "nvidia_gpus", lambda: 2)
    monkeypatch.setattr(hardware, "torch_version", lambda: "2.14.1+cu126")


def test_gpus_have_names_memory_and_use(two_gpus):
    first, second = gpus.gpus()

    assert first == gpus.Gpu(0, *T4)
    assert not first.has_bf16 and second.has_bf16
    assert gpus.gpu("cuda:1") == second and gpus.gpu("cuda") == first
    assert gpus.gpu("cpu") is None and gpus.gpu("cuda:7") is None
    assert memory.free_memory("cuda:1") == 500 * MB


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        ("1", ["NVIDIA H100 80GB HBM3"]),
        ("1,0", ["NVIDIA H100 80GB HBM3", "Tesla T4"]),
        ("GPU-bbbb", ["NVIDIA H100 80GB HBM3"]),
        ("0,-1,1", ["Tesla T4"]),  # those after an unknown one do not count
        ("", []),
    ],
)
def test_numbers_follow_what_is_visible(two_gpus, monkeypatch, visible, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    found = gpus.gpus()

    assert [one.name for one in found] == names
    assert [one.number for one in found] == list(range(len(names)))


def test_what_a_gpu_does_not_report_is_not_known(monkeypatch):
    install(monkeypatch, UNKNOWN)

    (one,) = gpus.gpus()

    assert one.name == "Old" and one.free == 2000 * MB
    assert one.busy is None and one.capability is None and one.has_bf16


def test_without_the_library_no_gpu_is_described(monkeypatch):
    install(monkeypatch, T4)
    monkeypatch.setattr(gpus.importlib.util, "find_spec", lambda name: None)

    assert gpus.gpus() == [] and gpus.driver_cuda() is None


def test_an_older_gpu_uses_float16(two_gpus):
    assert gpus.problems() == ["Tesla T4 has no bfloat16: float16 is used, with a scaled loss."]


def test_a_build_for_cpus_beside_a_gpu_names_the_command(two_gpus, monkeypatch):
    monkeypatch.setattr(hardware, "torch_version", lambda: "2.14.1+cpu")

    (problem,) = gpus.problems()

    assert "installed for CPUs only" in problem and "pip install --force-reinstall" in problem


def test_a_driver_too_old_for_this_pytorch(two_gpus, monkeypatch):
    monkeypatch.setattr(hardware, "torch_version", lambda: "2.14.1+cu130")

    assert gpus.driver_cuda() == (12, 2)
    assert "it knows CUDA 12.2, and PyTorch 2.14.1+cu130 needs 13" in gpus.problems()[0]


def test_without_a_gpu_there_are_no_problems(monkeypatch):
    monkeypatch.setattr(hardware, "nvidia_gpus", lambda: 0)

    assert gpus.problems() == []


def test_a_gpu_has_one_lock_whatever_it_is_called(two_gpus, monkeypatch):
    from vggcore.runs import queue

    by_one = queue._device_lock("cuda:1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setattr(gpus, "_last", (-1e9, []))

    assert queue._device_lock("cuda:0") == by_one
    assert "gpu-bbbb2222" in by_one.name
    assert queue._device_lock("cpu").name == ".device-cpu.lock"


@pytest.mark.parametrize("visible, expected", [(None, "0,2"), ("4,5,7", "4,7")])
def test_chosen_gpus_are_all_that_a_process_and_its_children_see(monkeypatch, visible, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    hardware.narrow_to(["cuda:0", "cuda:2"])

    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


def test_a_gpu_that_this_process_may_not_use_is_an_error(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")

    with pytest.raises(ValueError, match="cuda:2 is not there: this process can use 2 GPUs"):
        hardware.narrow_to(["cuda:0", "cuda:2"])


@pytest.mark.parametrize("device", ["cuda:0,cuda:0", "cpu,cpu", "cuda:0,", "cuda:0,cpu"])
def test_several_devices_are_different_gpus(device):
    preset = PRESETS["fast"]

    with pytest.raises(ValueError, match="several are different GPUs by number"):
        recipe_checks.check(preset.spec, replace(preset.train, device=device))
