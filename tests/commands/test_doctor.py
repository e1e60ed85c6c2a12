"""`doctor`: a healthy machine passes; what is broken is named, with what to do about it."""

import json

import pytest
import torch

from vggcore.commands import doctor
from vggcore.commands.cli import main


@pytest.fixture
def quick(monkeypatch):
    """Without the checks that train and answer."""
    monkeypatch.setattr(doctor, "_training", lambda: (True, "left out"))
    monkeypatch.setattr(doctor, "_answer", lambda: (True, "left out"))


def finding(what: str) -> doctor.Finding:
    return next(found for found in doctor.examine() if found.what == what)


@pytest.mark.data
def test_a_whole_machine_passes_every_check(capsys):
    assert main(["doctor", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert len(found) == 11 and all(row["ok"] for row in found)
    assert "small network" in found[-2]["text"] and "answers in" in found[-1]["text"]


def test_a_missing_data_set_is_named_and_ends_in_code_1(quick, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))

    assert main(["doctor"]) == 1

    [line] = [row for row in capsys.readouterr().out.splitlines() if row.startswith("BAD")]
    assert line.startswith("BAD  data set: Fashion-MNIST is not in")


@pytest.mark.parametrize(
    ("cuda", "remedy"),
    [(None, "pip install --force-reinstall torch"), ("13.0", "update the driver")],
)
def test_a_gpu_that_pytorch_cannot_use_is_named(cuda, remedy, quick, monkeypatch):
    monkeypatch.setattr(doctor.hardware, "nvidia_gpus", lambda: 1)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    found = finding("PyTorch and GPU")

    assert not found.ok and "a GPU is there" in found.text and remedy in found.text


def test_a_full_disk_is_named(quick, monkeypatch):
    monkeypatch.setattr(doctor.memory, "free_disk", lambda place: 5_000_000)

    assert not finding("disk").ok and "0.0 GB free" in finding("disk").text


@pytest.mark.parametrize(
    ("version", "ok"), [("2.10.1", False), ("2.11.0+cu128", True), ("", False)]
)
def test_versions_out_of_bounds_are_named(version, ok, monkeypatch):
    def versions(name: str) -> str:
        if not version:
            raise doctor.metadata.PackageNotFoundError
        return version

    monkeypatch.setattr(doctor.metadata, "version", versions)

    found_ok, text = doctor._packages({"torch": (2, 11)}, "pip install -r requirements.txt")

    assert found_ok is ok and ("2.11 needed" in text) is not ok


def test_a_check_that_breaks_is_a_finding(quick, monkeypatch):
    def broken() -> tuple[bool, str]:
        raise RuntimeError("no such device")

    monkeypatch.setattr(doctor, "_torch", broken)

    assert finding("PyTorch and GPU") == doctor.Finding("PyTorch and GPU", False, "no such device")
