"""What is examined in a network that only guesses."""

import torch

from vggcore.model.architectures import VGGSpec
from vggcore.model.network import build
from vggcore.runs.diagnosis import why_stuck
from vggcore.training import diagnostics

SPEC = VGGSpec(configuration="A", width="1/16", image_size=32, head="pool")


def after_a_step(network, inputs) -> dict:
    network(inputs).square().mean().backward()
    return diagnostics.of(network, inputs)


def test_a_healthy_network_has_gradients_and_living_units():
    torch.manual_seed(0)
    network, inputs = build(SPEC, seed=0), torch.randn(8, 1, 32, 32)
    found = after_a_step(network, inputs)
    assert len(found["gradients"]) == 6 and len(found["dead"]) == 5
    assert min(found["gradients"]) > 0 and max(found["dead"]) < 0.9 and found["spread"] > 0.5
    assert "Gradients reach block 1" in why_stuck([found])


def test_a_dead_block_is_named_and_lets_no_gradient_through():
    network, inputs = build(SPEC, seed=0), torch.randn(8, 1, 32, 32)
    with torch.no_grad():
        for parameter in network.block3.parameters():
            parameter.fill_(-1.0)
    found = after_a_step(network, inputs)
    assert found["dead"][2] == 1.0 and found["gradients"][0] == 0.0
    assert why_stuck([found]).startswith("In block 3, 100% of the channels are dead")


def test_pictures_that_are_all_alike_and_gradients_that_fade_are_told_apart():
    network = build(SPEC, seed=0)
    alike = after_a_step(network, torch.full((8, 1, 32, 32), 0.3))
    assert "nearly the same" in why_stuck([alike])
    fades = {"gradients": [1e-7, 1e-5, 1e-3, 0.1, 0.2, 0.3], "dead": [0.1] * 5, "spread": 1.0}
    assert "in block 1 it is 3e-07 of the largest" in why_stuck([fades])
    assert why_stuck([]) == ""


def test_looking_changes_nothing():
    network = build(VGGSpec(configuration="A", width="1/16", batch_norm=True, image_size=32))
    network.train()
    inputs = torch.randn(4, 1, 32, 32)
    network(inputs).sum().backward()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    drawn = torch.get_rng_state()
    diagnostics.of(network, inputs)
    assert network.training and torch.equal(drawn, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
