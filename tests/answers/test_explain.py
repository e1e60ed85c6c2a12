"""Grad-CAM, feature maps and nearest images."""

import numpy as np
import pytest
import torch

from vggcore.answers.explain import (
    _split,
    feature_maps,
    features,
    grad_cam,
    mosaic,
    nearest,
    overlay,
)
from vggcore.model.architectures import VGGSpec
from vggcore.model.network import build


def small_network(**more):
    spec = VGGSpec(**(dict(configuration="A", width="1/16", image_size=64, head="pool") | more))
    return build(spec, seed=0).eval()


def test_grad_cam_finds_the_only_thing_the_network_looks_at():
    network = small_network(batch_norm=True)
    picture = torch.zeros(1, 1, 64, 64)
    picture[:, :, 8:24, 40:56] = 3.0
    label = int((network(picture) - network(torch.zeros_like(picture))).argmax())

    heat = grad_cam(network, picture, label)

    assert heat.shape == (64, 64) and heat.max() == pytest.approx(1)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert 0 <= row <= 32 and 32 <= column <= 63


@pytest.mark.parametrize("size", [32, 64])
def test_grad_cam_for_several_classes_stays_between_0_and_1(size):
    network = small_network(image_size=size, head="fc", fc_width=16)
    picture = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(1))

    heats = [grad_cam(network, picture, label) for label in (0, 4, 9)]

    assert all(heat.shape == (size, size) and 0 <= heat.min() <= heat.max() <= 1 for heat in heats)
    assert not np.array_equal(heats[0], heats[1])


def test_grad_cam_leaves_the_network_as_it_was():
    network, picture = small_network(), torch.randn(1, 1, 64, 64)
    before = network(picture)

    with torch.inference_mode():
        grad_cam(network, picture, 3)

    assert torch.equal(network(picture), before)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_feature_maps_are_the_blocks_outputs():
    network, picture = small_network(), torch.randn(1, 1, 64, 64)

    maps = feature_maps(network, picture)

    assert [m.shape for m in maps] == [(4, 32, 32), (8, 16, 16), (16, 8, 8), (32, 4, 4), (32, 2, 2)]
    assert np.array_equal(maps[-1], network.features(picture)[0].detach().numpy())


def test_a_mosaic_shows_the_most_active_maps_first():
    maps = np.zeros((20, 4, 4), np.float32)
    maps[7, 0, 0] = 5.0
    maps[3, 3, 3] = 1.0

    picture = mosaic(maps, count=9)

    assert picture.shape == (14, 14)
    assert picture[0, 0] == 255 and picture[3, 8] == 255 and (picture == 255).sum() == 2


def test_a_picture_is_nearest_to_itself():
    network = small_network(batch_norm=True)
    pictures = torch.randn(40, 1, 64, 64, generator=torch.Generator().manual_seed(2))
    bank = features(network, pictures.split(16))

    found = nearest(network, pictures[11:12], bank, count=5)

    assert found.indices[0] == 11 and found.similarity[0] == pytest.approx(1, abs=1e-5)
    assert len(found.indices) == 5 and (np.diff(found.similarity) <= 0).all()


def test_an_overlay_is_grey_where_cold_and_coloured_where_hot():
    heat = np.zeros((2, 2))
    heat[0, 1] = 1.0

    picture = overlay(np.full((2, 2), 100, np.uint8), heat)

    assert tuple(picture[0, 0]) == (100, 100, 100)
    assert picture[0, 1, 0] > 200 > picture[0, 1, 2]


@pytest.mark.parametrize("batch_norm", [True, False])
def test_grad_cam_looks_into_the_network_that_answers(batch_norm):
    network = small_network(batch_norm=batch_norm)
    generator = torch.Generator().manual_seed(3)
    for name, buffer in network.named_buffers():  # as after training: batch norm does something
        if name.endswith(("mean", "var")):
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.2)
    picture = torch.randn(1, 1, 64, 64, generator=generator)

    maps, after = _split(network, picture)

    assert maps.min() >= 0  # after ReLU
    assert torch.allclose(after(maps), network(picture), atol=1e-5)
