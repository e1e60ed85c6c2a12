"""`checkpoints average`: the mean of two networks' weights, with a card that names both."""

import json
import shutil

import pytest
import torch

from vggcore.commands.cli import main
from vggcore.data import raw_files
from vggcore.data.classes import CLASSES
from vggcore.machine import paths
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card, TrainedOn
from vggcore.model.network import build
from vggcore.model.recipe import TrainConfig
from vggcore.pictures.preprocessing import Preprocessing
from vggcore.training import averaging
from vggcore.training.data import make_training_data

RECIPE = TrainConfig(dataset="synthetic", batch_size=20)
SPEC = VGGSpec(configuration="A", width="1/16", image_size=32, head="pool", batch_norm=True)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    counts = dict.fromkeys(raw_files.SYNTHETIC_COUNTS, 40)
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", counts)
    monkeypatch.setattr(averaging, "_BATCHES", 3)
    (tmp_path / "checkpoints").mkdir()
    for seed, name in enumerate(("a", "b")):
        save(name, SPEC, seed)


def save(name: str, spec: VGGSpec, seed: int) -> Card:
    way = Preprocessing(image_size=32)
    card = Card(
        spec=spec,
        preprocessing=way,
        classes=CLASSES,
        train=RECIPE.to_dict(),
        data=TrainedOn(name="synthetic"),
        name=name,
    )
    return checkpoints.save(paths.checkpoints_dir() / name, build(spec, seed=seed), card)


def test_the_weights_are_the_mean_and_the_card_names_both(capsys):
    assert main(["checkpoints", "average", "a", "b", "--share", "0.25", "--name", "c"]) == 0

    a, b, c = (checkpoints.load(name) for name in "abc")
    weights = [dict(each.network.named_parameters()) for each in (a, b, c)]
    for name, mean in weights[2].items():
        assert torch.allclose(mean, 0.75 * weights[0][name] + 0.25 * weights[1][name], atol=1e-6)
    assert c.card.others["averaged"] == [
        {"name": "a", "sha256": a.card.sha256, "share": 0.75},
        {"name": "b", "sha256": b.card.sha256, "share": 0.25},
    ]
    assert c.card.name == "c" and c.card.test_accuracy is not None
    assert c.card.temperature != 1.0
    assert f"test accuracy {c.card.test_accuracy}" in capsys.readouterr().out


def test_batch_norm_has_the_statistics_of_the_averaged_network():
    assert main(["checkpoints", "average", "a", "b", "--name", "c"]) == 0

    network = checkpoints.load("c").network
    convolution, norm = list(network.modules())[2:4]
    batches = make_training_data(SPEC, RECIPE, torch.device("cpu"))
    with torch.no_grad():
        activations = [convolution(batches.batch(step)[0]) for step in range(3)]
    expected = torch.stack([each.mean((0, 2, 3)) for each in activations]).mean(0)
    assert torch.allclose(norm.running_mean, expected, atol=1e-3)
    assert not network.training


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["a", "deeper", "--name", "c"], "cannot be averaged: their cards differ in spec"),
        (["a", "b", "--name", "a"], "a"),
        (["a", "b", "--name", "c", "--share", "1.5"], "between 0 and 1, not 1.5"),
        (["a", "nothing", "--name", "c"], "unknown checkpoint"),
    ],
)
def test_what_cannot_be_averaged_is_one_line_and_changes_nothing(arguments, error, capsys):
    save("deeper", VGGSpec(**SPEC.to_dict() | {"configuration": "B"}), 2)
    before = sorted(file.name for file in paths.checkpoints_dir().iterdir())

    assert main(["checkpoints", "average", *arguments]) == 2

    shown = capsys.readouterr().err
    assert error in shown and shown.count("\n") == 1
    assert sorted(file.name for file in paths.checkpoints_dir().iterdir()) == before


def test_a_run_goes_by_its_name():
    run = paths.runs_dir() / "longer"
    run.mkdir(parents=True)
    for suffix in (".json", ".safetensors"):
        shutil.copy(paths.checkpoints_dir() / f"b{suffix}", run / f"best{suffix}")

    assert main(["checkpoints", "average", "a", "longer", "--name", "c"]) == 0

    averaged = checkpoints.read_card("c").others["averaged"]
    assert [one["name"] for one in averaged] == ["a", "longer"]


def test_json(capsys):
    assert main(["checkpoints", "average", "a", "b", "--name", "c", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "c"
