from fractions import Fraction

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from vggcore.model.architectures import VGGSpec
from vggcore.model.network import (
    VGG,
    build,
    from_torchvision,
    initialise,
    to_torchvision,
    vgg_block,
)

# configuration: parameters at 3×224×224 and 1000 classes, the same with batch norm, and at
# 1×224×224 and 10 classes (counted by hand from the paper's Table 1).
PARAMETERS = {
    "A": (132_863_336, 132_868_840, 128_806_154),
    "A-LRN": (132_863_336, 132_868_840, 128_806_154),
    "B": (133_047_848, 133_053_736, 128_990_666),
    "C": (133_638_952, 133_647_400, 129_581_770),
    "D": (138_357_544, 138_365_992, 134_300_362),
    "E": (143_667_240, 143_678_248, 139_610_058),
}
AT_AN_EIGHTH = {"A": 2_018_346, "B": 2_021_250, "C": 2_030_626, "D": 2_104_354, "E": 2_187_458}
IN_TORCHVISION = {"A": "vgg11", "B": "vgg13", "D": "vgg16", "E": "vgg19"}
EIGHT = [(column, bn) for column in IN_TORCHVISION for bn in (False, True)]


def on_meta(**settings) -> VGG:
    with torch.device("meta"):
        return VGG(VGGSpec(**settings))


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def theirs(column: str, batch_norm: bool) -> nn.Module:
    name = IN_TORCHVISION[column] + ("_bn" if batch_norm else "")
    return torchvision.models.get_model(name, weights=None)


@pytest.mark.parametrize("column", PARAMETERS)
def test_parameters_of_every_column(column):
    imagenet = dict(configuration=column, in_channels=3, num_classes=1000)

    counts = (
        parameters(on_meta(**imagenet)),
        parameters(on_meta(**imagenet, batch_norm=True)),
        parameters(on_meta(configuration=column)),
    )

    assert counts == PARAMETERS[column]


@pytest.mark.parametrize("column", AT_AN_EIGHTH)
def test_parameters_at_an_eighth(column):
    assert parameters(on_meta(configuration=column, width="1/8")) == AT_AN_EIGHTH[column]


def test_shapes_after_each_block_are_the_textbook_s():
    x, shapes = torch.empty(1, 1, 224, 224, device="meta"), []
    for name, child in on_meta(configuration="A").named_children():
        x = child(x)
        shapes.append((name, list(x.shape[1:])))

    assert shapes == [
        ("block1", [64, 112, 112]),
        ("block2", [128, 56, 56]),
        ("block3", [256, 28, 28]),
        ("block4", [512, 14, 14]),
        ("block5", [512, 7, 7]),
        ("classifier", [10]),
    ]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg_11_computes_what_torchvision_s_does_both_ways(batch_norm):
    their_network = theirs("A", batch_norm).eval()
    spec = VGGSpec(configuration="A", batch_norm=batch_norm, in_channels=3, num_classes=1000)
    images = torch.randn(1, 3, 224, 224)

    ours = from_torchvision(their_network.state_dict(), spec).eval()
    with torch.device("meta"):
        their_other = theirs("A", batch_norm).eval()
    their_other.load_state_dict(to_torchvision(ours), assign=True)

    with torch.inference_mode():
        expected = their_network(images)
        assert torch.allclose(ours(images), expected, atol=1e-5)
        assert torch.equal(their_other(images), expected)


@pytest.mark.parametrize(("column", "batch_norm"), EIGHT)
def test_all_eight_state_dicts_go_there_and_back(column, batch_norm):
    with torch.device("meta"):
        their_network = theirs(column, batch_norm)
    spec = VGGSpec(configuration=column, batch_norm=batch_norm, in_channels=3, num_classes=1000)
    state = their_network.state_dict()

    back = to_torchvision(from_torchvision(state, spec))

    assert {k: v.shape for k, v in back.items()} == {k: v.shape for k, v in state.items()}
    assert list(back) == list(state)  # in the same order, so none was swapped for a similar one


@pytest.mark.parametrize("settings", [{"configuration": "C"}, {"configuration": "A-LRN"}])
def test_a_column_that_torchvision_lacks_is_refused(settings):
    with pytest.raises(ValueError, match="only A, B, D and E"):
        to_torchvision(on_meta(**settings))


def test_weights_of_another_network_are_refused():
    state = to_torchvision(on_meta(configuration="A"))

    with pytest.raises(ValueError, match="not a torchvision state dict of VGG-13"):
        from_torchvision(state, VGGSpec(configuration="B"))
    with pytest.raises(ValueError, match="has shape"):
        from_torchvision(state, VGGSpec(configuration="A", num_classes=7))


def test_pooling_before_relu_changes_no_bit_of_output_or_gradient():
    torch.manual_seed(0)
    block = vgg_block(2, 3, 8)
    with torch.no_grad():
        block.conv2.bias.fill_(-0.3)  # so that whole windows are below zero
    images = torch.randn(2, 3, 16, 16)

    ours = block(images)
    plain = F.max_pool2d(F.relu(block.conv2(F.relu(block.conv1(images)))), 2)

    assert torch.equal(ours, plain) and (plain == 0).any()
    for parameter in block.parameters():
        gradients = [
            torch.autograd.grad(y.square().sum(), parameter, retain_graph=True)[0]
            for y in (ours, plain)
        ]
        assert torch.equal(*gradients)


def test_lrn_stays_between_relu_and_pool():
    block = build(VGGSpec(configuration="A-LRN", width="1/8"), seed=0).block1
    images = torch.randn(2, 1, 8, 8)

    expected = block.pool(block.lrn(F.relu(block.conv1(images))))

    assert torch.equal(block(images), expected)


@pytest.mark.parametrize("init", ["kaiming", "xavier", "paper"])
def test_initial_weights_have_the_stated_spread(init):
    network = build(VGGSpec(configuration="A", width="1/4", image_size=64), init=init, seed=3)
    weight = network.block4.conv2.weight  # 128 → 128, 3×3
    expected = {
        "kaiming": (2 / (128 * 9)) ** 0.5,
        "xavier": (2 / (256 * 9)) ** 0.5,
        "paper": 0.1,
    }[init]

    assert weight.std().item() == pytest.approx(expected, rel=0.02)
    assert not network.classifier.fc1.bias.any()


def test_the_same_seed_gives_the_same_network():
    spec = VGGSpec(configuration="B", width="1/16", image_size=32)

    first, second, other = build(spec, seed=5), build(spec, seed=5), build(spec, seed=6)

    assert torch.equal(first.block3.conv1.weight, second.block3.conv1.weight)
    assert not torch.equal(first.block3.conv1.weight, other.block3.conv1.weight)


def test_an_unknown_init_is_refused():
    with pytest.raises(ValueError, match="kaiming, xavier, paper"):
        initialise(nn.Linear(2, 2), "guess")


@pytest.mark.parametrize("text", ["1/3", "0.3333333333333333", " .333333333 ", "33333e-5"])
def test_a_width_may_be_written_as_any_number(text):
    assert VGGSpec(configuration="A", width=text).width == Fraction(1, 3)


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"configuration": "F"}, "unknown configuration 'F'"),
        ({"image_size": 28}, "at least 32 pixels"),
        ({"width": 0}, "width 0 is out of range"),
        ({"width": "-1/8"}, "out of range"),
        ({"width": "1e999999999"}, "is not a ratio"),  # Fraction would work on it for ever
        ({"width": "1/128"}, "0 channels"),
        ({"num_classes": 0}, "num_classes 0"),
        ({"in_channels": True}, "in_channels True"),
        ({"head": "round"}, "unknown head 'round'"),
        ({"dropout": float("nan")}, "dropout nan"),
    ],
)
def test_an_impossible_spec_says_what_is_allowed(settings, cause):
    with pytest.raises(ValueError, match=cause):
        VGGSpec(**settings)
