import random

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from vggcore.model import anatomy
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec
from vggcore.model.network import VGG

# configuration: parameters at 3×224×224 and 1000 classes, the same with batch norm, MACs there,
# parameters at 1×224×224 and 10 classes, receptive field after block 5 (worked out by hand).
GOLDEN = {
    "A": (132_863_336, 132_868_840, 7_609_090_048, 128_806_154, 150),
    "A-LRN": (132_863_336, 132_868_840, 7_609_090_048, 128_806_154, 150),
    "B": (133_047_848, 133_053_736, 11_308_466_176, 128_990_666, 156),
    "C": (133_638_952, 133_647_400, 11_770_888_192, 129_581_770, 156),
    "D": (138_357_544, 138_365_992, 15_470_264_320, 134_300_362, 212),
    "E": (143_667_240, 143_678_248, 19_632_062_464, 139_610_058, 268),
}


def imagenet(configuration: str, **settings) -> VGGSpec:
    return VGGSpec(configuration=configuration, in_channels=3, num_classes=1000, **settings)


def on_meta(spec: VGGSpec) -> VGG:
    with torch.device("meta"):
        return VGG(spec)


def random_specs(count: int) -> list[VGGSpec]:
    rng = random.Random(7)
    return [
        VGGSpec(
            configuration=rng.choice(list(CONFIGURATIONS)),
            width=rng.choice(["1/16", "1/8", "3/16", "1/4", "1/3", "1/2", "1", "5/4"]),
            batch_norm=rng.random() < 0.5,
            in_channels=rng.choice([1, 2, 3, 7]),
            image_size=rng.randint(32, 160),
            num_classes=rng.randint(1, 1200),
            head=rng.choice(["fc", "pool"]),
            fc_width=rng.choice([None, 17, 512]),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("configuration", GOLDEN)
def test_golden_counts(configuration):
    plain, with_norm, macs, ten_classes, field = GOLDEN[configuration]
    totals = anatomy.totals(imagenet(configuration))
    normalised = anatomy.totals(imagenet(configuration, batch_norm=True))
    assert (totals.parameters, totals.macs) == (plain, macs)
    assert (normalised.parameters, normalised.macs) == (with_norm, macs)
    assert anatomy.totals(VGGSpec(configuration=configuration)).parameters == ten_classes
    small = anatomy.totals(VGGSpec(configuration=configuration, batch_norm=True))
    assert small.parameters == ten_classes + with_norm - plain
    assert totals.receptive_field == field
    assert totals.weight_layers == CONFIGURATIONS[configuration].weight_layers


@pytest.mark.parametrize(
    ("configuration", "parameters"),
    [("A", 2_018_346), ("B", 2_021_250), ("C", 2_030_626), ("D", 2_104_354), ("E", 2_187_458)],
)
def test_golden_counts_at_an_eighth(configuration, parameters):
    totals = anatomy.totals(VGGSpec(configuration=configuration, width="1/8"))
    assert totals.parameters == parameters
    if configuration == "A":
        assert (totals.conv_parameters, totals.fc_parameters) == (144_416, 1_873_930)
        assert round(totals.macs / 1e6, 2) == 121.09


def test_width_can_leave_the_fc_layers_wide():
    spec = VGGSpec(configuration="A", width="1/4", fc_width=4096)
    assert anatomy.totals(spec).parameters == 43_093_322


def test_receptive_field_and_stride_of_vgg16_layer_by_layer():
    table = anatomy.layers(imagenet("D")).set_index("name")
    fields = [table.receptive_field[f"block{n}.pool"] for n in range(1, 6)]
    assert fields == [6, 16, 44, 100, 212]
    assert [table.stride[f"block{n}.pool"] for n in range(1, 6)] == [2, 4, 8, 16, 32]
    assert table.receptive_field["block5.conv1"] == 132
    assert table.receptive_field["classifier.fc1"] == 404  # 212 + 6 steps of 32: the whole image


def test_activation_bytes_count_what_is_newly_written():
    table = anatomy.layers(imagenet("A")).set_index("name")
    assert table.activation_bytes["block1.conv1"] == 64 * 224 * 224 * 4
    assert table.activation_bytes["block1.relu1"] == 0
    assert table.activation_bytes["classifier.flatten"] == 0
    assert table.activation_bytes["classifier.fc3"] == 1000 * 4


def test_rows_equal_the_built_network_for_200_random_specs():
    for spec in random_specs(200):
        built = {
            name: sum(p.numel() for p in module.parameters())
            for name, module in on_meta(spec).named_modules()
            if name and not list(module.children())
        }
        rows = {row.name: row.parameters for row in anatomy.walk(spec)}
        assert rows == built, spec
        assert anatomy.totals(spec).parameters == sum(built.values())


def test_shapes_equal_what_the_built_network_computes():
    for spec in random_specs(40):
        out = torch.empty(1, spec.in_channels, spec.image_size, spec.image_size, device="meta")
        modules = dict(on_meta(spec).named_modules())
        for row in anatomy.walk(spec):
            assert tuple(out.shape) == row.input_shape, (spec, row)
            out = modules[row.name](out)
            assert tuple(out.shape) == row.output_shape, (spec, row)


def test_macs_equal_torchs_own_flop_counter():
    for spec in random_specs(12):
        image = torch.empty(1, spec.in_channels, spec.image_size, spec.image_size, device="meta")
        with FlopCounterMode(display=False) as counter:
            on_meta(spec)(image)
        assert anatomy.totals(spec).flops == counter.get_total_flops(), spec


def test_rows_and_shares_sum_to_the_totals():
    for spec in random_specs(20):
        table, totals = anatomy.layers(spec), anatomy.totals(spec)
        assert table.parameters.sum() == totals.parameters
        assert table.parameters.sum() * 4 == table.parameter_bytes.sum() == totals.parameter_bytes
        assert table.macs.sum() == totals.macs
        assert table.activation_bytes.sum() == totals.activation_bytes
        assert table.parameter_share.sum() == pytest.approx(1)
        assert table.mac_share.sum() == pytest.approx(1)
        parts = totals.conv_parameters + totals.norm_parameters + totals.fc_parameters
        assert parts == totals.parameters


def test_shapes_are_the_tutorials_six():
    assert anatomy.shapes_text(VGGSpec(configuration="A")).splitlines() == [
        "block1      output shape: torch.Size([1, 64, 112, 112])",
        "block2      output shape: torch.Size([1, 128, 56, 56])",
        "block3      output shape: torch.Size([1, 256, 28, 28])",
        "block4      output shape: torch.Size([1, 512, 14, 14])",
        "block5      output shape: torch.Size([1, 512, 7, 7])",
        "classifier  output shape: torch.Size([1, 10])",
    ]


@pytest.mark.parametrize(
    ("a", "b", "change", "expected"),
    [
        ("A", "B", "added", ["conv 3×3, 64 → 64", "conv 3×3, 128 → 128"]),
        ("B", "C", "added", ["conv 1×1, 256 → 256"] + 2 * ["conv 1×1, 512 → 512"]),
        ("C", "D", "changed", ["conv 3×3, 256 → 256"] + 2 * ["conv 3×3, 512 → 512"]),
        ("D", "E", "added", ["conv 3×3, 256 → 256"] + 2 * ["conv 3×3, 512 → 512"]),
    ],
)
def test_diff_marks_what_each_column_adds(a, b, change, expected):
    table = anatomy.diff(VGGSpec(configuration=a), VGGSpec(configuration=b))
    convs = table[(table.change != "same") & table.b.str.startswith("conv")]
    assert list(convs.b) == expected
    assert set(table.change) == {"same", change}


def test_diff_sums_to_the_difference_and_keeps_both_orders():
    a = VGGSpec(configuration="E", batch_norm=True)
    b = VGGSpec(configuration="A-LRN", head="pool")
    table = anatomy.diff(a, b)
    assert table.parameters.sum() == anatomy.totals(b).parameters - anatomy.totals(a).parameters
    assert table.macs.sum() == anatomy.totals(b).macs - anatomy.totals(a).macs
    for spec, side in ((a, table.a), (b, table.b)):
        assert [text for text in side if text] == [anatomy.describe(r) for r in anatomy.walk(spec)]
    assert table.iloc[-1].b == "linear 512 → 10"


def test_published_counts_are_checked_only_where_they_apply():
    sources = {
        name: [c.source for c in anatomy.published_checks(imagenet(name))] for name in GOLDEN
    }
    assert sources["D"] == ["paper", "torchvision"]
    assert sources["C"] == ["paper"]
    checks = [c for n in GOLDEN for c in anatomy.published_checks(imagenet(n))]
    checks += anatomy.published_checks(imagenet("E", batch_norm=True))
    assert len(checks) == 11 and all(check.agrees for check in checks)
    assert anatomy.published_checks(VGGSpec(configuration="D")) == []


def test_stacked_kernels_match_the_papers_argument():
    both = anatomy.stacked_kernels(kernel=3, count=3, channels=10, side=4)
    assert both["stacked"]["weights"] == 27 * 10**2
    assert both["single"]["weights"] == 49 * 10**2
    assert both["stacked"]["receptive_field"] == both["single"]["receptive_field"] == 7
    assert both["single"]["macs"] == 49 * 10**2 * 16
    assert (both["stacked"]["nonlinearities"], both["single"]["nonlinearities"]) == (3, 1)
