"""`Card`: cards of this and other versions are read; damaged ones are refused."""

import json

import pytest

from vggcore.machine import paths
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card, Thresholds, TrainedOn
from vggcore.pictures.preprocessing import Preprocessing

SPEC = VGGSpec(configuration="A", width="1/32", image_size=32, head="pool")
SMALLEST = {"spec": SPEC.to_dict(), "preprocessing": {}, "classes": ["a", "b"], "sha256": "ff"}


@pytest.mark.parametrize("name", checkpoints.available())
def test_shipped_cards_come_through_unchanged(name):
    written = json.loads((paths.checkpoints_dir() / f"{name}.json").read_text())

    assert Card.from_dict(written).to_dict() == written


def test_the_smallest_card_has_sensible_defaults():
    card = Card.from_dict(SMALLEST)

    assert card.preprocessing == Preprocessing(style="fashion-mnist", image_size=32, fit="pad")
    assert (card.temperature, card.unsure, card.test_accuracy) == (1.0, None, None)
    assert card.data == TrainedOn() and not card.data.on_garments


def test_what_a_newer_version_says_is_kept():
    card = Card.from_dict(SMALLEST | {"colour_of_the_week": "red"})

    assert card.to_dict()["colour_of_the_week"] == "red"


def test_several_channels_have_a_mean_each():
    way = Preprocessing.from_dict({"mean": [0.5, 0.4, 0.3], "std": 0.2})

    assert way.mean == (0.5, 0.4, 0.3) and way.std == (0.2,)
    assert Preprocessing.from_dict(way.to_dict()) == way


def test_a_style_of_an_older_card_has_its_name_of_now():
    assert Preprocessing.from_dict({"style": "wild"}).style == "outline"


def test_the_middle_is_a_share_and_comes_back():
    way = Preprocessing.from_dict({"middle": 0.8})

    assert way.middle == 0.8 and Preprocessing.from_dict(way.to_dict()) == way
    assert "middle" not in Preprocessing().to_dict()


def test_thresholds_come_back():
    unsure = Thresholds(
        evidence=-0.5, by_class=(-1.0,) * 10, drawings=(-2.0,) * 10, probability=0.35, allowed=0.06
    )

    assert Thresholds.from_dict(unsure.to_dict()) == unsure


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": None}, "lacks sha256"),
        ({"spec": {"width": "9"}}, "width '9'"),
        ({"preprocessing": "none"}, "preprocessing must be an object"),
        ({"preprocessing": {"mean": "grey"}}, "mean must be a number"),
        ({"preprocessing": {"style": 3}}, "style must be text"),
        ({"preprocessing": {"middle": 1.2}}, "middle must be 0, or from 0.2 to below 1, not 1.2"),
        ({"preprocessing": {"middle": float("nan")}}, "middle must be 0"),
        ({"classes": "ab"}, "classes must be a list"),
        ({"test_accuracy": "good"}, "test_accuracy must be a number"),
        ({"data": []}, "data must be an object"),
        ({"data": {"sources": 5}}, "sources must be a list"),
        ({"preprocessing": {"image_size": float("inf")}}, "image_size must be 1 pixel or more"),
        ({"preprocessing": {"image_size": 0}}, "image_size must be 1 pixel or more"),
        ({"preprocessing": {"mean": [0.1, 0.2, 0.3]}}, "mean has 3 numbers"),
        ({"temperature": -1}, "temperature must be above 0"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"temperature": float("nan")}, "temperature must be above 0"),
        ({"unsure": {"evidence": None, "probability": "low"}}, "probability must be a number"),
    ],
)
def test_a_damaged_card_is_refused_in_one_line(changes, message):
    with pytest.raises(ValueError, match=message):
        Card.from_dict(SMALLEST | changes)


def test_a_card_for_others_names_no_folder_of_its_owner():
    card = Card(
        spec=VGGSpec(),
        preprocessing=Preprocessing(),
        classes=("a", "b"),
        train={"pictures": "/home/me/clothes", "init_from": "/home/me/runs/old/best", "epochs": 3},
        others={"corrections": {"start": "/home/me/n/best", "right": 6}},
    )

    shared = card.for_others().to_dict()

    assert "/home/me" not in json.dumps(shared)
    assert shared["train"] == {"pictures": "clothes", "init_from": "best", "epochs": 3}
    assert shared["corrections"] == {"start": "best", "right": 6}
    assert card.train["pictures"] == "/home/me/clothes"
