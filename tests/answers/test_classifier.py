import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from vggcore.answers.classifier import Classifier, load_classifier
from vggcore.data import fashion_mnist
from vggcore.data.classes import CLASSES
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card
from vggcore.model.network import build

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


def test_temperature_flattens_the_answer_but_keeps_its_label(saved):
    plain = load_classifier(saved)
    checkpoint = checkpoints.load(saved)
    warm = replace(checkpoint, card=replace(checkpoint.card, temperature=100.0))

    calm = Classifier(warm).classify(shirt())

    assert calm.label == plain.classify(shirt()).label
    assert calm.probability == pytest.approx(0.1, abs=0.01)


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
