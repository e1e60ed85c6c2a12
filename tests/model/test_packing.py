"""Batch norm merged into convolutions."""

import pytest
import torch
from torch import nn

from vggcore.answers import evaluation
from vggcore.data import fashion_mnist
from vggcore.model import checkpoints, packing
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec
from vggcore.model.network import build
from vggcore.model.packing import folded, packed


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


def apart(network, answering, pictures: torch.Tensor) -> float:
    """Largest difference, as a share of how far apart the pictures' own logits are."""
    with torch.inference_mode():
        before = torch.cat([network(picture) for picture in pictures])
        after = torch.cat([answering(picture) for picture in pictures])
    return ((after - before).abs().max() / (before - before.mean(0)).abs().max()).item()


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_in_float32_a_packed_network_is_exact(configuration, monkeypatch):
    monkeypatch.setattr(packing, "cpu_multiplies_bf16", lambda: False)
    spec = VGGSpec(
        configuration=configuration, batch_norm=True, width="1/16", image_size=64, head="pool"
    )
    network = used(build(spec, seed=0))
    areas = 3 * torch.randn(4, 1, 2, 2, generator=torch.Generator().manual_seed(2))
    pictures = nn.functional.interpolate(areas, size=(64, 64), mode="bilinear").unsqueeze(1)

    assert apart(network, packed(network), pictures) < 1e-3


def test_a_packed_network_that_was_trained_gives_the_same_answers():
    trained = checkpoints.load("wild")
    images, _ = fashion_mnist.synthetic_garments(10, seed=3)
    way = trained.card.preprocessing
    seen = evaluation.as_trained(images, way)
    pictures = fashion_mnist.to_network_input(seen, way).unsqueeze(1)

    assert apart(trained.network, packed(trained.network), pictures) < packing.TOLERANCE


def test_this_pytorch_still_has_the_operations_that_packing_rests_on():
    network = build(VGGSpec(batch_norm=True, width="1/16", image_size=32), seed=0)

    assert packing.onednn_operations() is not None, f"gone in PyTorch {torch.__version__}"
    assert not isinstance(packed(network), nn.Module), f"changed in PyTorch {torch.__version__}"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (torch._C._nn, "mkldnn_reorder_conv2d_weight"),
        (torch.ops.mkldnn, "_convolution_pointwise"),
    ],
)
def test_without_the_operations_the_folded_network_serves(place, name, monkeypatch):
    monkeypatch.setattr(place, name, None)
    network = used(build(VGGSpec(batch_norm=True, width="1/16", image_size=32), seed=0))

    assert isinstance(packed(network), nn.Module)


def refuses(*_):
    raise RuntimeError("expected at most 3 arguments")


@pytest.mark.parametrize(
    "operations", [(refuses, refuses), (lambda weight, *_: weight, refuses)], ids=["both", "second"]
)
def test_operations_that_refuse_leave_the_folded_network(operations, monkeypatch):
    monkeypatch.setattr(packing, "onednn_operations", lambda: operations)
    network = used(build(VGGSpec(batch_norm=True, width="1/16", image_size=32), seed=0))

    assert isinstance(packed(network), nn.Module)
