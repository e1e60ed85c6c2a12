"""Batch norm merged into convolutions, channels last."""

import pytest
import torch
from torch import nn

from vggcore.answers import evaluation
from vggcore.data import fashion_mnist
from vggcore.model import checkpoints
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec
from vggcore.model.folding import folded
from vggcore.model.network import build


def used(network: nn.Module) -> nn.Module:
    """With running means and variances as after training."""
    generator = torch.Generator().manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(generator=generator)
            layer.running_var.uniform_(0.5, 2.0, generator=generator)
    return network.eval()


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_folded_network_gives_the_same_logits(configuration, batch_norm):
    spec = VGGSpec(
        configuration=configuration, batch_norm=batch_norm, width="1/16", image_size=32, head="pool"
    )
    network = used(build(spec, seed=0))
    pictures = torch.randn(3, 1, 32, 32)

    with torch.no_grad():
        before, after = network(pictures), folded(network)(pictures)

    assert torch.allclose(before, after, atol=1e-5)
    assert not torch.allclose(before[0], before[1])


def test_no_batch_norm_is_left_and_the_original_keeps_its_own():
    network = used(build(VGGSpec(batch_norm=True, width="1/16", image_size=32, head="pool")))

    merged = folded(network)

    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in merged.modules())
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == 8


@pytest.mark.parametrize("name", ["fashion-mnist", "wild"])
def test_a_shipped_network_gives_the_same_answers(name):
    trained = checkpoints.load(name)
    images, _ = fashion_mnist.synthetic_garments(20, seed=3)
    way = trained.card.preprocessing
    pictures = fashion_mnist.to_network_input(evaluation.as_trained(images, way), way)
    answering = folded(trained.network)

    with torch.inference_mode():
        before = torch.cat([trained.network(picture) for picture in pictures.split(1)])
        after = torch.cat([answering(picture) for picture in pictures.split(1)])

    assert (after - before).abs().max() < 1e-4
    assert torch.equal(before.argmax(1), after.argmax(1))
