"""`checkpoints calibrate`: temperature and thresholds are found anew, and the weights stay."""

from dataclasses import replace

import own_pictures as made
import pytest
import torch
from untrained import save_untrained

from vggcore.commands.cli import main
from vggcore.data import raw_files
from vggcore.data.classes import CLASSES
from vggcore.machine import paths
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card, Thresholds, TrainedOn
from vggcore.model.network import build
from vggcore.model.recipe import TrainConfig
from vggcore.pictures.preprocessing import Preprocessing
from vggcore.training import calibrating
from vggcore.training.data import make_training_data
from vggcore.wild.items import Item
from vggcore.wild.validation import Validation

SPEC = VGGSpec(configuration="A", width="1/16", image_size=32, head="pool", num_classes=10)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "checkpoints").mkdir()


def saved(spec: VGGSpec, way: Preprocessing, **known) -> Card:
    """The card of a network named `net`, whose calibration is wrong."""
    old = Card(spec=spec, preprocessing=way, temperature=9.0, unsure=Thresholds(), **known)
    return checkpoints.save(paths.checkpoints_dir() / "net", build(spec, seed=3), old)


def on_garments(tmp_path, monkeypatch) -> tuple[Card, dict]:
    counts = dict.fromkeys(raw_files.SYNTHETIC_COUNTS, 40)
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", counts)
    return trained(SPEC, TrainConfig(dataset="synthetic", batch_size=8, device="cpu"))


def on_own_pictures(tmp_path, monkeypatch) -> tuple[Card, dict]:
    pictures = str(made.folder(tmp_path / "set", made.files(20)))
    recipe = TrainConfig(dataset="pictures", pictures=pictures, batch_size=8, device="cpu")
    return trained(replace(SPEC, in_channels=3, num_classes=3), recipe)


def trained(spec: VGGSpec, recipe: TrainConfig) -> tuple[Card, dict]:
    source = make_training_data(spec, recipe, torch.device("cpu"))
    about = {"classes": source.classes, "data": source.describe(), "train": recipe.to_dict()}
    card = saved(spec, source.preprocessing, **about)
    return card, source.calibrate(checkpoints.load("net").network)


def on_photos(tmp_path, monkeypatch) -> tuple[Card, dict]:
    way = Preprocessing(image_size=32, style="outline")
    pictures = torch.randint(256, (60, 32, 32), generator=torch.Generator().manual_seed(1))
    photos = [Item("clothing-small", "dress", f"{number}", "") for number in range(20)]
    held = Validation(
        fashion=pictures[:40].to(torch.uint8),
        fashion_labels=torch.arange(40) % 10,
        items=photos,
        real=pictures[40:].to(torch.uint8),
    )
    monkeypatch.setattr(Validation, "load", lambda *_, **__: held)
    card = saved(SPEC, way, classes=CLASSES, data=TrainedOn(name="wild"))
    return card, held.calibration(checkpoints.load("net").network, way)


@pytest.mark.parametrize("kind", [on_garments, on_own_pictures, on_photos])
def test_it_is_found_as_at_the_end_of_a_training(kind, tmp_path, monkeypatch, capsys):
    before, expected = kind(tmp_path, monkeypatch)
    weights = (paths.checkpoints_dir() / "net.safetensors").read_bytes()

    assert main(["checkpoints", "calibrate", "net"]) == 0

    after = checkpoints.load("net").card
    assert after == replace(before, **expected) and after.temperature != 9.0
    assert (paths.checkpoints_dir() / "net.safetensors").read_bytes() == weights
    assert f"temperature: 9.0 → {after.temperature}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"data": TrainedOn(name="wild")}, "Fashion-MNIST"),
        ({"data": TrainedOn(name="fashion-mnist")}, "Fashion-MNIST"),
        (
            {"data": TrainedOn(name="pictures"), "train": {"pictures": "/nowhere"}},
            "the network's own pictures are not here",
        ),
        ({"classes": tuple("abcdefghij")}, "does not say which pictures"),
    ],
)
def test_missing_pictures_are_one_line_and_leave_the_card(
    about, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path / "none"))
    card = saved(SPEC, Preprocessing(image_size=32), **{"classes": CLASSES} | about)

    assert main(["checkpoints", "calibrate", "net"]) == 2

    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert checkpoints.read_card("net") == card


def test_a_checkpoint_that_is_replaced_meanwhile_keeps_its_new_card(monkeypatch, capsys):
    def replaced(*_):
        save_untrained(paths.checkpoints_dir(), "net", seed=9)
        return {"temperature": 2.0}

    saved(SPEC, Preprocessing(image_size=32), classes=CLASSES)
    monkeypatch.setattr(calibrating, "calibration_of", replaced)

    assert main(["checkpoints", "calibrate", "net"]) == 2
    assert "try again" in capsys.readouterr().err
    assert checkpoints.load("net").card.temperature == 1.0
