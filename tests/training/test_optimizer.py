"""Learning rates, optimizers, and the moving average of the weights; nothing is trained."""

import sys

import pytest
import tiny_run
import torch

from vggcore.model.network import build
from vggcore.model.recipe import TrainConfig
from vggcore.training import optimizer


def test_one_cycle_rises_and_falls_to_zero():
    train = TrainConfig(schedule="one-cycle", learning_rate=1.0)

    rates = [optimizer.learning_rate(train, step, 100) for step in range(101)]

    assert rates[0] == pytest.approx(0.05) and rates[19] == rates[20] == 1.0
    assert rates[60] == pytest.approx(0.5) and rates[100] == 0
    assert max(rates) == 1.0


def test_a_constant_rate_is_constant():
    train = TrainConfig(schedule="constant", learning_rate=0.3)

    assert {optimizer.learning_rate(train, step, 9) for step in range(9)} == {0.3}


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "muon"])
def test_biases_and_norms_are_not_decayed(name):
    network = build(tiny_run.SPEC)

    made = optimizer.make_optimizer(TrainConfig(optimizer=name, weight_decay=0.1), network)

    decayed, others = made.param_groups[-2:]
    assert type(made).__name__.lower() == name
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert all(p.ndim > 1 for p in decayed["params"]) and all(p.ndim == 1 for p in others["params"])


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "muon"])
def test_training_does_not_load_the_compiler_of_pytorch(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # importing it raises ImportError
    network = build(tiny_run.SPEC)
    made = optimizer.make_optimizer(TrainConfig(optimizer=name), network)
    before = [weight.detach().clone() for weight in network.parameters()]
    network(torch.rand(2, 1, 32, 32)).sum().backward()

    made.step()
    made.load_state_dict(made.state_dict())
    made.zero_grad()

    changed = [(w != b).any() for w, b in zip(network.parameters(), before, strict=True)]
    assert any(changed) and all(weight.grad is None for weight in network.parameters())


def test_averaged_weights_follow_the_network():
    network, average = build(tiny_run.SPEC, seed=0), build(tiny_run.SPEC, seed=1)
    before = average.block1.conv1.weight.clone()

    optimizer.update_average(average, network, decay=0.9, step=10_000)

    expected = 0.9 * before + 0.1 * network.block1.conv1.weight
    assert torch.allclose(average.block1.conv1.weight, expected, atol=1e-6)


def test_the_average_follows_faster_in_the_first_steps_and_copies_counts():
    network, average = build(tiny_run.SPEC, seed=0), build(tiny_run.SPEC, seed=1)
    norm, averaged = network.block1.bn1, average.block1.bn1
    norm.running_mean += 1.0
    norm.num_batches_tracked += 7

    optimizer.update_average(average, network, decay=0.9, step=2)  # (2 + 1) / (2 + 10)

    assert torch.allclose(averaged.running_mean, torch.tensor(0.75))
    assert averaged.num_batches_tracked == 7


def test_short_schedules_have_a_rate_at_every_step():
    train = TrainConfig(schedule="one-cycle", learning_rate=1.0)

    assert [optimizer.learning_rate(train, step, 1) for step in range(2)] == [1.0, 0.0]
    assert [optimizer.learning_rate(train, step, 2) for step in range(3)] == [1.0, 1.0, 0.0]


def test_sgd_looks_ahead_with_momentum():
    made = optimizer.make_optimizer(TrainConfig(optimizer="sgd"), build(tiny_run.SPEC))

    assert {(group["momentum"], group["nesterov"]) for group in made.param_groups} == {(0.9, True)}


def test_muon_turns_all_convolutions_but_the_first():
    network = build(tiny_run.SPEC)

    made = optimizer.make_optimizer(TrainConfig(optimizer="muon"), network)

    groups = [{id(weight) for weight in group["params"]} for group in made.param_groups]
    first, second = id(network.block1.conv1.weight), id(network.block2.conv1.weight)
    assert [first in group for group in groups] == [False, True, False]
    assert [second in group for group in groups] == [True, False, False]
