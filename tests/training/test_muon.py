import pytest
import tiny_run
import torch

from vggcore.model import recipe_checks
from vggcore.model.architectures import VGGSpec
from vggcore.model.network import build
from vggcore.model.recipe import TrainConfig
from vggcore.training import muon
from vggcore.training.muon import orthogonalised
from vggcore.training.optimizer import make_optimizer
from vggcore.training.resume import ResumeState


def optimised(seed: int = 0):
    network = build(tiny_run.SPEC, seed=seed).to(memory_format=torch.channels_last)
    return network, make_optimizer(TrainConfig(optimizer="muon"), network)


def step(network, optimizer, seed: int) -> None:
    torch.manual_seed(seed)
    optimizer.zero_grad()
    network(torch.randn(8, 1, 32, 32)).square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize("shape", [(16, 90), (90, 16), (1, 9)])
def test_updates_are_nearly_orthogonal(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 1e-3

    values = torch.linalg.svdvals(orthogonalised(matrix))

    assert 0.3 < values.min() and values.max() < 1.3


def test_a_step_turns_convolutions_by_the_rate_and_keeps_their_length():
    network, optimizer = optimised()
    weight = network.block3.conv2.weight
    step(network, optimizer, 0)
    before = weight.detach().clone()

    for group in optimizer.param_groups:
        group["lr"] = 0.002
    step(network, optimizer, 1)

    length = len(weight) ** 0.5
    moved = (weight - before * length / before.norm()).norm() / length
    assert 0.3 < moved / (25 * 0.002) < 1.3
    assert weight.norm().item() == pytest.approx(length, rel=0.1)


def test_all_but_the_later_convolutions_follow_adamw():
    network, optimizer = optimised()
    other = build(tiny_run.SPEC, seed=0).to(memory_format=torch.channels_last)
    adamw = make_optimizer(TrainConfig(optimizer="adamw"), other)

    step(network, optimizer, 0)
    step(other, adamw, 0)

    for (name, ours), theirs in zip(network.named_parameters(), other.parameters(), strict=True):
        turned = "conv" in name and ours.ndim > 1 and name != "block1.conv1.weight"
        assert torch.equal(ours, theirs) != turned, name


def test_a_restored_optimizer_goes_on_with_the_same_bits():
    network, optimizer = optimised()
    step(network, optimizer, 0)
    saved = {k: v.clone() for k, v in ResumeState(network, None, optimizer).tensors().items()}
    again, its_optimizer = optimised(seed=5)
    ResumeState(again, None, its_optimizer).restore(saved)

    step(network, optimizer, 1)
    step(again, its_optimizer, 1)

    for ours, theirs in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_it_is_refused_where_nothing_undoes_the_scale():
    spec = VGGSpec(configuration="A", width="1/32", image_size=32)

    with pytest.raises(ValueError, match="needs batch_norm"):
        recipe_checks.check(spec, TrainConfig(optimizer="muon"))


@pytest.mark.parametrize(("bf16", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_matrices_are_turned_in_numbers_that_the_hardware_multiplies(bf16, dtype, monkeypatch):
    monkeypatch.setattr(muon, "multiplies", lambda device: (bf16, False))
    muon._quick.cache_clear()

    assert muon._quick(torch.device("cpu")) is dtype
    muon._quick.cache_clear()
