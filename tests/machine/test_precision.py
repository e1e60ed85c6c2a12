"""`precision`: the numbers that suit the hardware, and what a run does with them."""

import json
from dataclasses import replace

import pytest
import tiny_run
import torch
from safetensors import safe_open

from vggcore.data import raw_files
from vggcore.machine import precision
from vggcore.training import loop


@pytest.mark.parametrize(
    ("kind", "bf16", "fp16", "suits"),
    [
        ("cuda", True, True, "bf16"),
        ("cuda", False, True, "fp16"),  # a T4
        ("cuda", False, False, "float32"),
        ("cpu", True, False, "bf16"),
        ("cpu", False, False, "float32"),
        ("mps", False, True, "float32"),
    ],
)
def test_auto_takes_what_the_hardware_multiplies(kind, bf16, fp16, suits, monkeypatch):
    monkeypatch.setattr(precision, "multiplies", lambda device: (bf16, fp16))

    assert precision.resolve("auto", torch.device(kind)) == suits
    assert precision.resolve("fp16", torch.device(kind)) == "fp16"


@pytest.mark.parametrize(
    ("capability", "numbers"),
    [
        ((9, 0), (True, True)),
        ((8, 0), (True, True)),
        ((7, 5), (False, True)),
        ((6, 1), (False, True)),
        ((5, 2), (False, False)),
    ],
)
def test_gpus_are_told_apart_by_their_compute_capability(capability, numbers, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.version, "hip", None)

    assert precision.multiplies(torch.device("cuda", 0)) == numbers


@pytest.mark.parametrize(
    ("flags", "multiplies"),
    [
        ("flags\t: fpu avx2 avx512f avx512_bf16", True),
        ("flags\t: fpu amx_bf16", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t: fpu avx2 fma", False),
    ],
)
def test_processors_are_told_apart_by_their_flags(flags, multiplies, tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text(f"model name\t: bf16 in a name counts for nothing\n{flags}\n")

    assert precision.cpu_multiplies_bf16(str(file)) is multiplies


def test_estimates_follow_the_processor(monkeypatch):
    monkeypatch.setattr(precision, "cpu_multiplies_bf16", lambda: False)

    assert precision.expected("auto", "cpu") == "float32"
    assert precision.expected("auto", "cuda") == "bf16"


@pytest.fixture
def small_data(monkeypatch):
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))


def trained(path, chosen: str):
    folder = tiny_run.create(path, train=replace(tiny_run.TRAIN, precision=chosen, epochs=1))
    loop.fit(folder)
    return folder


def test_float16_trains_with_a_scaled_loss_whose_scale_is_saved(tmp_path, small_data):
    folder = trained(tmp_path / "run", "fp16")

    with safe_open(folder.path / "last.safetensors", "pt") as last:
        progress = json.loads(last.metadata()["progress"])
    assert progress["scaler"]["scale"] >= 1 and progress["scaler"]["_growth_tracker"] > 0


def test_the_card_says_which_precision_auto_was(tmp_path, small_data):
    folder = trained(tmp_path / "run", "auto")

    card = json.loads((folder.path / "best.json").read_bytes())
    assert card["precision"] == precision.resolve("auto", torch.device("cpu"))


def test_a_run_that_goes_on_in_another_precision_says_so(tmp_path, small_data, monkeypatch):
    folder = tiny_run.create(tmp_path, train=replace(tiny_run.TRAIN, precision="auto"))
    folder.request_stop()
    loop.fit(folder)
    monkeypatch.setattr(precision, "best", lambda kind, **numbers: "fp16")

    loop.fit(folder)

    assert "resumed in fp16 (was" in (folder.path / "metrics.jsonl").read_text()
