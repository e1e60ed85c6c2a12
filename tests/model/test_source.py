import random
import subprocess
import sys

import pytest
import torch
import torchvision
from safetensors.torch import load
from untrained import bare_card

from vggcore.model import anatomy, checkpoints, source
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec
from vggcore.model.network import VGG, build


def small_specs() -> list[VGGSpec]:
    rng = random.Random(3)
    return [
        VGGSpec(
            configuration=configuration,
            width="1/16",
            batch_norm=batch_norm,
            head=head,
            in_channels=rng.choice([1, 3]),
            image_size=rng.choice([32, 47, 64]),
            num_classes=rng.choice([2, 10]),
            dropout=rng.choice([0, 0.0, 0.3, 0.5]),
        )
        for configuration in CONFIGURATIONS
        for batch_norm in (False, True)
        for head in ("fc", "pool")
    ]


def executed(spec: VGGSpec) -> torch.nn.Module:
    namespace = {"__name__": "taken_away"}
    exec(compile(source.source(spec), "network.py", "exec"), namespace)
    return namespace[source.class_name(spec)]()


def test_source_gives_the_same_network():
    for spec in small_specs():
        ours, theirs = build(spec, seed=1).eval(), executed(spec).eval()
        assert sum(p.numel() for p in theirs.parameters()) == anatomy.totals(spec).parameters
        theirs.load_state_dict(ours.state_dict(), strict=True)
        images = torch.rand(2, spec.in_channels, spec.image_size, spec.image_size)
        assert torch.equal(ours(images), theirs(images)), spec


def test_source_runs_alone_and_prints_the_tutorials_shapes(tmp_path):
    file = tmp_path / "network.py"
    file.write_text(source.source(VGGSpec(configuration="A", width="1/8")))
    result = subprocess.run(
        [sys.executable, "-I", str(file)], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert "block1 output shape: torch.Size([1, 8, 112, 112])" in result.stdout
    assert result.stdout.endswith("parameters: 2,018,346\n")


def test_printed_equals_what_pytorch_prints():
    for spec in [*small_specs(), VGGSpec(configuration="E", image_size=224, in_channels=3)]:
        with torch.device("meta"):
            assert source.printed(spec) == str(VGG(spec))


def test_weights_carry_torchvisions_names(tmp_path):
    spec = VGGSpec(configuration="A", width="1/16", batch_norm=True, image_size=32)
    ours = build(spec, seed=2)
    checkpoints.save(tmp_path / "net", ours, bare_card(spec))
    state = load(source.torchvision_weights(str(tmp_path / "net")))
    with torch.device("meta"):
        assert set(state) == set(torchvision.models.vgg11_bn(num_classes=10).state_dict())
    assert torch.equal(state["features.4.weight"], ours.block2.conv1.weight)
    assert torch.equal(state["classifier.6.bias"], ours.classifier.fc3.bias)


def test_torchvision_has_no_pool_head(tmp_path):
    spec = VGGSpec(configuration="A", width="1/16", image_size=32, head="pool")
    checkpoints.save(tmp_path / "net", build(spec), bare_card(spec))
    with pytest.raises(ValueError, match="torchvision has no counterpart"):
        source.torchvision_weights(str(tmp_path / "net"))
