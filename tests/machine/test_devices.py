"""What is said about a device."""

import resource
from types import SimpleNamespace

import pytest
import torch

from vggcore.machine import devices


@pytest.mark.parametrize(("system", "scale"), [("darwin", 1), ("freebsd", 1024)])
def test_the_peak_is_in_bytes_where_nothing_else_is_known(system, scale, monkeypatch):
    def missing(*_):
        raise OSError

    monkeypatch.setattr("builtins.open", missing)
    monkeypatch.setattr(devices.sys, "platform", system)
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=5000))

    assert devices.memory_bytes(torch.device("cpu")) == 5000 * scale


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_gpu_of_any_kind_is_waited_for(kind, monkeypatch):
    waited = []
    for each in ("cuda", "mps"):
        module = getattr(torch, each)
        monkeypatch.setattr(module, "synchronize", lambda *_, each=each: waited.append(each))
    devices.synchronise(torch.device(kind))
    devices.synchronise(torch.device("cpu"))
    assert waited == [kind]


def test_of_several_gpus_as_many_must_be_there(monkeypatch):
    """Their numbers are those before the others were hidden from this process."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    assert devices.resolve("cuda:1,cuda:5") == torch.device("cuda")
    with pytest.raises(ValueError, match="'cuda:0,cuda:1,cuda:2' is not available: .* 2 GPUs"):
        devices.resolve("cuda:0,cuda:1,cuda:2")
