"""When a network for a user's own classes is unsure."""

import pytest
import torch

from vggcore.answers import calibration


@pytest.mark.parametrize("classes", [3, 100])
def test_of_many_good_pictures_no_more_are_unsure_than_allowed(classes):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(30 * classes) % classes
    logits = torch.randn(len(labels), classes, generator=generator)
    logits[torch.arange(len(labels)), labels] += 2.0

    card = calibration.calibrate_classes(logits, labels)

    good = logits.argmax(1) == labels
    unsure = calibration.is_unsure(logits[good], card["temperature"], card["unsure"])
    assert unsure.float().mean() < 0.12


def test_few_pictures_leave_room_below_the_lowest():
    labels = torch.tensor([0, 0, 1, 1])
    logits = torch.tensor([[5.0, 0.0], [6.0, 0.0], [0.0, 8.0], [0.0, 9.0]])

    card = calibration.calibrate_classes(logits, labels)

    assert card["temperature"] == 0.5
    first, second = card["unsure"].by_class
    assert 3 < first < 5 < second < 8
