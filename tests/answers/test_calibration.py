"""`vggcore.answers.calibration`: temperature, calibration error and the thresholds of "unsure"."""

import pytest
import torch
import torch.nn.functional as F

from vggcore.answers import calibration, scores
from vggcore.model.card import Thresholds


def sampled(scale: float, n: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and labels drawn from the probabilities of logits / scale."""
    generator = torch.Generator().manual_seed(0)
    honest = torch.randn(n, 10, generator=generator) * 2
    labels = torch.multinomial(honest.softmax(1), 1, generator=generator).squeeze(1)
    return honest * scale, labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_over_and_under_confidence(scale):
    logits, labels = sampled(scale)
    found = calibration.fit_temperature(logits, F.one_hot(labels, 10))
    assert found == pytest.approx(scale, rel=0.05)


def test_several_right_classes_count_together():
    logits = torch.tensor([[2.0, 2.0, 0.0]] * 50)
    right = torch.tensor([[True, True, False]] * 45 + [[False, False, True]] * 5)
    temperature = calibration.fit_temperature(logits, right)
    chances = (logits[0] / temperature).softmax(0)
    assert (chances[0] + chances[1]).item() == pytest.approx(0.9, abs=0.01)


def test_the_calibration_error_is_the_gap_between_promise_and_truth():
    probabilities = torch.full((1000,), 0.9)
    correct = torch.arange(1000) < 700
    assert scores.expected_calibration_error(probabilities, correct) == pytest.approx(0.2)
    assert scores.expected_calibration_error(probabilities, torch.arange(1000) < 900) < 1e-6


def test_bins_count_every_answer_once():
    logits, labels = sampled(1.0)
    best, named = logits.softmax(1).max(1)
    bars = scores.reliability(best, named == labels)
    assert sum(bar.images for bar in bars) == len(labels)
    assert all(bar.low <= bar.confidence <= bar.high for bar in bars)


def test_thresholds_keep_the_allowed_share_of_garments():
    logits, _ = sampled(3.0)
    unsure = calibration.thresholds(logits, temperature=1.0, allowed=0.1)
    share = calibration.is_unsure(logits, 1.0, unsure).float().mean().item()
    assert share == pytest.approx(0.1, abs=0.01)


def test_low_evidence_is_unsure_however_clear_the_winner():
    unsure = Thresholds(evidence=0.0, probability=0.35)
    weak = torch.tensor([[-1.0] + [-30.0] * 9])
    assert calibration.is_unsure(weak, 1.0, unsure).item()
    assert not calibration.is_unsure(weak + 5, 1.0, unsure).item()


def test_a_kind_without_a_right_answer_sets_no_threshold():
    logits, labels = sampled(3.0)
    right = torch.nn.functional.one_hot(labels, logits.shape[1]).bool()
    wrong = torch.zeros_like(right)
    wrong[torch.arange(len(logits)), logits.argmin(1)] = True

    found = {"fashion-mnist": (logits, right), "photos": (logits, wrong)}

    assert (
        calibration.calibrate(found)["unsure"]
        == calibration.calibrate({"fashion-mnist": (logits, right)})["unsure"]
    )
    assert calibration.calibrate({"photos": (logits, wrong)})["unsure"] is None


def test_a_network_that_is_never_clear_still_gets_thresholds():
    flat = torch.rand(50, 10, generator=torch.Generator().manual_seed(0)) / 10

    unsure = calibration.thresholds(flat, temperature=1.0, allowed=0.1)

    assert calibration.is_unsure(flat, 1.0, unsure).all()


def test_a_card_without_thresholds_is_unsure_below_one_half():
    logits = torch.tensor([[5.0] + [0.0] * 9, [0.1] + [0.0] * 9])
    assert calibration.is_unsure(logits, 1.0, None).tolist() == [False, True]


def test_drawings_and_photos_have_thresholds_of_their_own():
    strong, labels = sampled(3.0)
    right = F.one_hot(labels, 10).bool()
    found = {
        "fashion-mnist": (strong + 9, right),
        "photos": (strong + 4, right),
        "sketches": (strong, right),
    }
    unsure = calibration.calibrate(found)["unsure"]
    assert max(unsure.drawings) < unsure.evidence - 2
    assert unsure.evidence_for(True, 10) == unsure.drawings
    for kind, drawn in (("photos", False), ("sketches", True)):
        good = found[kind][0][calibration.is_right(*found[kind]).bool()]
        below = calibration.doubts(good, 1.0, unsure, drawn)[0]
        assert below.float().mean() <= calibration.ALLOWED_UNSURE + 0.01
    mixed = calibration.doubts(
        torch.full((2, 10), unsure.drawings[0] + 1), 1.0, unsure, torch.tensor([True, False])
    )[0]
    assert mixed.tolist() == [False, True]


def test_no_class_is_called_unsure_much_more_often_than_others():
    strong, labels = sampled(3.0)
    faint = labels == 8
    strong[faint] -= 6  # bags show less
    found = {kind: (strong, F.one_hot(labels, 10).bool()) for kind in ("photos", "sketches")}
    unsure = calibration.calibrate(found)["unsure"]
    good = strong[calibration.is_right(*found["photos"]).bool()]
    bags = good[good.argmax(1) == 8]
    assert unsure.by_class[8] < unsure.evidence == unsure.by_class[0]
    rate = calibration.doubts(bags, 1.0, unsure)[0].float().mean().item()
    assert rate == pytest.approx(calibration.ALLOWED_OF_A_CLASS, abs=0.03)


def test_without_photos_one_threshold_serves_all():
    logits, labels = sampled(3.0)
    unsure = calibration.calibrate({"fashion-mnist": (logits, F.one_hot(labels, 10).bool())})[
        "unsure"
    ]
    assert unsure.drawings == () and unsure.evidence_for(True, 10) == (unsure.evidence,) * 10


def test_logits_and_temperature_three_times_as_large_change_no_answer():
    """Answers are judged by their probabilities at the temperature, not by the bare logits."""
    logits, labels = sampled(1.0)
    limits = Thresholds(probability=0.5)

    unsure = [calibration.is_unsure(logits * scale, scale, limits) for scale in (1.0, 3.0)]
    evidence = [calibration.thresholds(logits * scale, scale, 0.4).evidence for scale in (1.0, 3.0)]
    once, thrice = (calibration.calibrate_classes(logits * scale, labels) for scale in (1.0, 3.0))

    assert (unsure[0] != unsure[1]).sum() <= 2  # rounding
    assert evidence[1] == pytest.approx(3 * evidence[0], abs=0.01)
    assert thrice["temperature"] == pytest.approx(3 * once["temperature"], rel=0.01)
    assert thrice["unsure"].probability == pytest.approx(once["unsure"].probability, abs=0.01)
    three_times = [3 * limit for limit in once["unsure"].by_class]
    assert thrice["unsure"].by_class == pytest.approx(three_times, abs=0.1)


def test_one_temperature_for_all_comes_closest_to_the_kind_with_the_tightest_limit(monkeypatch):
    kinds = {kind: sampled(scale) for kind, scale in (("photos", 0.8), ("sketches", 1.6))}
    answers = {kind: (logits, F.one_hot(labels, 10)) for kind, (logits, labels) in kinds.items()}

    def found(photos: float, sketches: float) -> float:
        monkeypatch.setattr(calibration, "ECE_LIMITS", {"photos": photos, "sketches": sketches})
        return calibration.balanced_temperature(answers)

    assert 0.8 <= found(0.01, 0.1) < found(0.05, 0.05) < found(0.1, 0.01) <= 1.6
