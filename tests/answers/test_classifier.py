import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from vggcore.answers.classifier import TURNS, Classifier, load_classifier
from vggcore.data import fashion_mnist
from vggcore.data.classes import CLASSES
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card, Thresholds
from vggcore.model.network import build
from vggcore.wild import training_data as wild_source

SPEC = VGGSpec(width="1/16", image_size=32, head="pool")


@pytest.fixture
def saved(tmp_path):
    """A small untrained network, saved as a checkpoint; returns its path without suffix."""
    card = Card(spec=SPEC, preprocessing=fashion_mnist.preprocessing(32, "pad"), classes=CLASSES)
    checkpoints.save(tmp_path / "small", build(SPEC, seed=0), card)
    return tmp_path / "small"


def shirt() -> np.ndarray:
    picture = np.full((60, 50), 240, np.uint8)
    picture[10:50, 12:38] = 40
    return picture


def test_probabilities_cover_all_classes_and_sum_to_one(saved):
    prediction = load_classifier(saved).classify(shirt())

    assert list(prediction.probabilities) == list(CLASSES)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.probability == max(prediction.probabilities.values())
    assert prediction.probabilities[prediction.label] == prediction.probability


def test_a_blank_picture_is_unsure_and_says_so(saved):
    prediction = load_classifier(saved).classify(np.full((40, 40), 255, np.uint8))

    assert prediction.unsure
    assert "blank" in prediction.reason


def test_array_and_pillow_image_give_the_same_answer(saved):
    classifier = load_classifier(saved)

    from_array = classifier.classify(shirt())
    from_image = classifier.classify(Image.fromarray(shirt()))

    assert from_array.probabilities == from_image.probabilities


def test_the_logits_are_divided_by_the_temperature(saved):
    checkpoint = checkpoints.load(saved)
    with torch.no_grad():  # answers of which it is sure, whatever the picture
        checkpoint.network.classifier.fc.bias.copy_(torch.arange(10.0))
    limits = Thresholds(probability=0.5)

    def answer(temperature: float):
        card = replace(checkpoint.card, temperature=temperature, unsure=limits)
        return Classifier(replace(checkpoint, card=card)).classify(shirt())

    plain, calm = answer(1.0), answer(4.0)

    logits = np.log(list(plain.probabilities.values()))
    expected = np.exp(logits / 4) / np.exp(logits / 4).sum()
    assert list(calm.probabilities.values()) == pytest.approx(expected, abs=1e-4)
    assert (plain.unsure, calm.unsure) == (False, True)
    assert calm.label == plain.label


def test_the_shipped_default_answers_alike_from_both_sides():
    classifier = load_classifier()
    shoe = np.zeros((64, 64), np.uint8)
    shoe[30:50, 4:60], shoe[10:32, 40:60] = 220, 180

    assert classifier.mirrors
    seen = classifier.prepare(shoe).network_input
    left, right = classifier.logits(seen), classifier.logits(seen[:, ::-1].copy())
    assert torch.allclose(left, right, atol=1e-4)


def test_a_classifier_is_loaded_once(saved):
    assert load_classifier(saved) is load_classifier(saved)


def test_a_new_card_for_the_same_weights_is_noticed(saved):
    assert load_classifier(saved).temperature == 1
    file = saved.with_suffix(".json")

    file.write_text(json.dumps(json.loads(file.read_text()) | {"temperature": 2.0}))

    assert load_classifier(saved).temperature == 2


def test_new_weights_under_the_same_name_are_noticed(saved):
    before = load_classifier(saved)
    card = checkpoints.read_card(saved)

    checkpoints.save(saved, build(SPEC, seed=1), card)

    assert load_classifier(saved) is not before


@pytest.fixture
def knows_tops(saved):
    """A classifier that finds more evidence for a T-shirt the brighter a picture's top is.

    It calls anything wider than tall a Bag.
    """
    checkpoint = checkpoints.load(saved)
    doubting = replace(checkpoint.card, unsure=Thresholds(evidence=1.0, probability=0.35))
    classifier = Classifier(replace(checkpoint, card=doubting))

    def answering(inputs: torch.Tensor) -> torch.Tensor:
        seen = (inputs > 0).float()
        side = inputs.shape[-1]
        above, below = seen[..., : side // 2, :], seen[..., side // 2 :, :]
        heavy = above.mean((1, 2, 3)) - below.mean((1, 2, 3))
        broad = (seen.amax(2).sum((1, 2)) > 1.5 * seen.amax(3).sum((1, 2))).float()
        logits = torch.zeros(len(inputs), len(CLASSES))
        logits[:, CLASSES.index("T-shirt/top")] = 3 + 20 * heavy
        logits[:, CLASSES.index("Bag")] = 60 * broad
        return logits

    classifier._answering = answering
    return classifier


@pytest.mark.parametrize(
    ("best", "second", "background", "unsure", "none"),
    [
        (9.0, 0.0, 240, False, False),
        (2.0, 1.99, 240, True, False),  # either of two
        (0.9, -9.0, 240, True, True),
        (9.0, 0.0, 40, True, True),  # blank
    ],
)
def test_none_of_these_is_said_where_that_is_the_doubt(
    knows_tops, best, second, background, unsure, none
):
    logits = torch.full((len(CLASSES),), -9.0)
    logits[:2] = torch.tensor([best, second])
    knows_tops._answering = lambda inputs: logits.expand(len(inputs), -1)
    knows_tops.temperature = 9.0

    answer = knows_tops.classify(
        np.full((9, 9), 40, np.uint8) if background == 40 else top(background)
    )

    assert (answer.unsure, answer.none_of_these) == (unsure, none)


def top(background=240) -> np.ndarray:
    """Sleeves above, a slim body below."""
    picture = np.full((150, 150), background, np.uint8)
    picture[20:60, 25:125], picture[60:130, 60:90] = 40, 40
    return picture


@pytest.mark.parametrize(("quarters", "turn"), [(0, 0), (1, 270), (2, 180), (3, 90)])
def test_a_turned_picture_is_unsure_and_says_how_to_turn_it(knows_tops, quarters, turn):
    answer = knows_tops.classify(np.rot90(top(), quarters).copy())

    assert answer.turn == turn and answer.unsure == bool(turn)
    if turn:
        assert "may need turning" in answer.reason and TURNS[turn] in answer.reason
        upright = Image.fromarray(np.rot90(top(), quarters).copy()).rotate(turn, expand=True)
        assert not knows_tops.classify(upright).unsure


def test_a_network_without_thresholds_is_not_asked_about_turns(saved):
    classifier = load_classifier(saved)
    assert classifier.classify(np.rot90(top()).copy()).turn == 0


def beside(*pictures: np.ndarray) -> Image.Image:
    return Image.fromarray(np.hstack(pictures))


def bag() -> np.ndarray:
    picture = np.full((150, 150), 240, np.uint8)
    picture[60:90, 15:135] = 40
    return picture


def test_different_things_side_by_side_are_unsure_and_named(knows_tops):
    answer = knows_tops.classify(beside(top(), bag()))

    assert answer.unsure and "T-shirt/top and Bag" in answer.reason
    assert [thing.answer.label for thing in answer.several] == ["T-shirt/top", "Bag"]
    assert answer.several[0].box.left < answer.several[1].box.left


def test_two_of_a_kind_are_named_once(knows_tops):
    answer = knows_tops.classify(beside(top(), top()))

    assert not answer.unsure and answer.label == "T-shirt/top"
    assert len(answer.several) == 2


def test_the_one_large_thing_is_looked_at_unless_the_whole_is_asked_for(knows_tops):
    page = Image.new("L", (300, 400), 240)
    page.paste(Image.fromarray(top()), (70, 40))
    ImageDraw.Draw(page).text((60, 330), "49.90 in many colours", 0)

    answer = knows_tops.classify(page)

    assert answer.label == "T-shirt/top" and answer.looked_at.top + answer.looked_at.height < 330
    assert knows_tops.classify(page, crop="off").looked_at is None


def test_what_is_transparent_is_background_and_no_thing(knows_tops):
    """Hidden pixels can hold any colour; here they would be a second garment."""
    seen = np.full((150, 300, 4), 255, np.uint8)
    seen[:, :150, :3] = top(255)[:, :, None]
    seen[:, 150:, :3] = bag()[:, :, None]
    seen[:, 150:, 3] = 0

    answer = knows_tops.classify(Image.fromarray(seen))

    assert answer.label == "T-shirt/top" and not answer.several


@pytest.fixture
def sees_colour(tmp_path):
    """A small untrained network that sees colours and looks at a photo's middle too."""
    spec = replace(SPEC, in_channels=4)
    way = wild_source.preprocessing(32, 4)
    card = Card(spec=spec, preprocessing=way, classes=CLASSES)
    network = build(spec, seed=0)
    torch.nn.init.normal_(network.classifier.fc.weight, generator=torch.Generator().manual_seed(0))
    checkpoints.save(tmp_path / "colour", network, card)
    return load_classifier(tmp_path / "colour")


def worn() -> np.ndarray:
    """A dark garment in the middle of something restless, a bright one at the edge."""
    picture = np.random.default_rng(0).integers(90, 170, (200, 160, 3)).astype(np.uint8)
    picture[60:140, 50:110] = (30, 30, 90)
    picture[150:, :] = (250, 220, 60)
    return picture


def test_a_photo_s_answer_is_the_mean_over_all_of_it_and_its_middle(sees_colour):
    prepared = sees_colour.prepare(worn())
    whole, middle = (sees_colour.logits(image) for image in prepared.inputs)

    answer = sees_colour.classify(worn())

    expected = ((whole + middle) / 2 / sees_colour.temperature).softmax(0)
    assert list(answer.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-3)
    assert (whole - middle).abs().max() > 0.01


def test_of_what_a_visitor_framed_nothing_is_cut_off(sees_colour):
    framed = sees_colour.classify(worn(), framed=True)

    whole = sees_colour.logits(framed.prepared.network_input)
    expected = (whole / sees_colour.temperature).softmax(0)
    assert framed.prepared.middle is None
    assert list(framed.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-3)
    assert framed.probabilities != sees_colour.classify(worn()).probabilities


@pytest.fixture
def looks_twice(knows_tops):
    """`knows_tops`, which also looks at the middle of photos."""
    knows_tops.preprocessing = replace(knows_tops.preprocessing, middle=0.9)
    return knows_tops


def photographed(picture: np.ndarray) -> np.ndarray:
    """In shades of blue, with a photo's noise and room on all sides."""
    room = np.pad(picture, 40, constant_values=240)[..., None]
    light = np.linspace(0.3, 1.2, len(room))[:, None, None]
    coloured = np.where(room < 128, light * (60, 90, 200), room)
    noise = np.random.default_rng(0).integers(-5, 6, coloured.shape)
    return np.clip(coloured + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("quarters", "turn"), [(0, 0), (1, 270), (2, 180), (3, 90)])
def test_a_turned_photo_is_noticed_in_both_looks(looks_twice, quarters, turn):
    answer = looks_twice.classify(np.rot90(photographed(top()), quarters).copy())

    assert answer.prepared.middle is not None
    assert answer.turn == turn and answer.unsure == bool(turn)


def test_the_things_in_a_photo_are_looked_at_whole(looks_twice):
    answer = looks_twice.classify(photographed(np.hstack([top(), bag()])))

    assert answer.prepared.middle is not None and len(answer.several) == 2
    assert all(thing.answer.prepared.middle is None for thing in answer.several)
