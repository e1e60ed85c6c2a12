"""A step's forward and backward pass as a graph; on the CPU, a stand-in for CUDA's replays."""

import json
from dataclasses import replace

import pytest
import tiny_run
import torch
from safetensors.torch import load_file

from vggcore.data import raw_files
from vggcore.training import loop, step
from vggcore.training.step_graphs import StepGraphs


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))


class Replayed:
    """What a CUDA graph does, step by step: results are always in the capture's memory."""

    made: list["Replayed"] = []

    def __init__(self, network):
        self.network, self.replays = network, 0
        Replayed.made.append(self)

    def warm_up(self, launch):
        launch()

    def capture(self, launch):
        self.launch = launch
        self.outcome = launch()
        self.gradients = [parameter.grad for parameter in self.network.parameters()]
        return self.outcome

    def replay(self):
        self.replays += 1
        self.network.zero_grad(set_to_none=True)
        for static, value in zip(self.outcome, self.launch(), strict=True):
            static.copy_(value)
        for static, parameter in zip(self.gradients, self.network.parameters(), strict=True):
            static.copy_(parameter.grad)


class Refused(Replayed):
    """A graph of something that waits for the device midway."""

    def capture(self, launch):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")


def weights(tmp_path, name: str, monkeypatch, graph=None) -> dict:
    if graph:
        monkeypatch.setattr(
            step.Step,
            "_make_graphs",
            lambda self: StepGraphs(self._launch, self.network, lambda: graph(self.network)),
        )
    train = replace(tiny_run.TRAIN, mixup=0.0)  # labels, or shares of two where cutmix is drawn
    folder = tiny_run.create(tmp_path / name, train=train)
    loop.fit(folder)
    return load_file(folder.path / "last.safetensors")


def same(ours: dict, theirs: dict) -> bool:
    return all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_same_bits_with_graphs_as_without(tmp_path, monkeypatch):
    """With dropout, batch norm, and targets of two shapes: labels and shares."""
    Replayed.made = []
    expected = weights(tmp_path, "without", monkeypatch)

    ours = weights(tmp_path, "with", monkeypatch, Replayed)

    assert same(ours, expected)
    assert len(Replayed.made) == 2
    assert sum(graph.replays for graph in Replayed.made) == tiny_run.STEPS


def test_what_cannot_be_captured_goes_on_without_and_says_so(tmp_path, monkeypatch):
    expected = weights(tmp_path, "without", monkeypatch)

    ours = weights(tmp_path, "with", monkeypatch, Refused)

    lines = (tmp_path / "with" / "metrics.jsonl").read_text().splitlines()
    said = [row["message"] for row in map(json.loads, lines) if row["kind"] == "event"]
    assert said == [
        "continues without CUDA graphs: operation not permitted when stream is capturing"
    ]
    assert same(ours, expected)


def test_a_processor_has_no_graphs(tmp_path):
    train = replace(tiny_run.TRAIN, cuda_graphs=True)

    folder = tiny_run.create(tmp_path / "run", train=train)

    assert loop.fit(folder)["state"] == "finished"


@pytest.mark.gpu
def test_the_same_bits_with_cuda_graphs_as_without(tmp_path):
    ours = []
    for wanted in (False, True):
        train = replace(tiny_run.TRAIN, device="cuda", deterministic=True, cuda_graphs=wanted)
        folder = tiny_run.create(tmp_path / str(wanted), train=train)
        loop.fit(folder)
        ours.append(load_file(folder.path / "last.safetensors"))

    assert same(*ours)
