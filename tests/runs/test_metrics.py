import json
import math

import numpy as np
import pandas as pd
import pytest

from vggcore.runs.chance_level import Naming
from vggcore.runs.curves import recent_speed, smooth, thin_out
from vggcore.runs.diagnosis import alerts, stuck_at_chance, why_stuck
from vggcore.runs.metrics import STEP_COLUMNS, MetricsLog


def line(step: int, loss: float = 1.0, kind: str = "step", **more) -> str:
    row = {"kind": kind, "step": step, "seconds": step / 10, "train_loss": loss} | more
    return json.dumps(row) + "\n"


def log_of(path, text: str) -> MetricsLog:
    path.write_text(text)
    log = MetricsLog(path)
    log.refresh()
    return log


def steps_of(log: MetricsLog) -> list[int]:
    return log.steps()["step"].astype(int).tolist()


def test_only_what_is_new_is_read(tmp_path):
    log = log_of(tmp_path / "metrics.jsonl", line(1))
    with open(log.path, "a") as stream:
        stream.write(line(2) + line(3))

    assert log.refresh() and steps_of(log) == [1, 2, 3]
    assert not log.refresh()
    assert list(log.steps().columns) == list(STEP_COLUMNS)


def test_a_torn_last_line_waits_for_its_end(tmp_path):
    whole = line(2)
    log = log_of(tmp_path / "metrics.jsonl", line(1) + whole[:15])
    assert steps_of(log) == [1]

    with open(log.path, "a") as stream:
        stream.write(whole[15:])

    assert log.refresh() and steps_of(log) == [1, 2]


def test_damaged_lines_are_left_out(tmp_path):
    damage = (
        '{"kind": "step", "st' + line(2) + "\x00\xff nonsense\n[1, 2]\n7\n" + '{"kind": "step"}\n'
    )
    log = log_of(tmp_path / "metrics.jsonl", line(1) + damage + line(3))

    assert steps_of(log) == [1, 3]


def test_steps_written_again_after_a_crash_count_once(tmp_path):
    log = log_of(tmp_path / "metrics.jsonl", "".join(line(n, 9.0) for n in (10, 20, 30)))
    with open(log.path, "a") as stream:
        stream.write(line(20, 2.0) + line(30, 3.0))

    log.refresh()

    assert steps_of(log) == [10, 20, 30]
    assert log.steps()["train_loss"].tolist() == [9.0, 2.0, 3.0]


def test_a_file_that_was_cut_back_is_read_anew(tmp_path):
    log = log_of(tmp_path / "metrics.jsonl", line(1) + line(2) + line(3))
    log.path.write_text(line(1, 5.0))

    log.refresh()

    assert log.steps()["train_loss"].tolist() == [5.0]


def test_a_file_that_was_replaced_by_a_longer_one_is_read_anew(tmp_path):
    log = log_of(tmp_path / "metrics.jsonl", line(1, 2.0))
    other = tmp_path / "other"
    other.write_text(line(1, 5.0) + line(2, 4.0))
    other.replace(log.path)

    log.refresh()

    assert log.steps()["train_loss"].tolist() == [5.0, 4.0]


def test_a_deleted_file_empties_the_log(tmp_path):
    log = log_of(tmp_path / "metrics.jsonl", line(1))
    log.path.unlink()

    assert not log.refresh() and steps_of(log) == []


def test_epochs_and_events_are_kept_apart(tmp_path):
    text = line(5) + line(5, kind="epoch", epoch=1) + line(0, kind="event", message="started")
    log = log_of(tmp_path / "metrics.jsonl", text)

    assert [row["epoch"] for row in log.epochs()] == [1]
    assert [row["message"] for row in log.events()] == ["started"]


def test_epochs_and_events_written_again_after_a_crash_count_once(tmp_path):
    epochs = "".join(line(10 * n, kind="epoch", epoch=n) for n in (1, 2, 3, 2))
    event = line(5, kind="event", message="resumed")
    log = log_of(tmp_path / "metrics.jsonl", event + epochs + event)

    assert [row["epoch"] for row in log.epochs()] == [1, 2]
    assert len(log.events()) == 1 and log.left_out == 0


@pytest.mark.parametrize(
    ("sample", "whole"),
    [
        ([0, [0.9, 0.1]], True),
        ([1, [0.9, 0.1]], True),
        ([2, [0.9, 0.1]], False),
        ([-1, [0.9, 0.1]], False),
        ([True, [0.9, 0.1]], False),
        ([0, [0.9, 0.1, 0.0]], False),
        ([0, [0.9, None]], False),
        ([0, 0.9], False),
        ([0], False),
        ([0, [0.9, 0.1], 1], False),
        ({"0": 0.9, "1": 0.1}, False),
    ],
)
def test_an_epochs_samples_are_a_label_and_the_chance_of_each_class(tmp_path, sample, whole):
    confusion = [[3, 1], [0, 4]]
    text = line(5, kind="epoch", epoch=1, confusion=confusion, samples=[[0, [0.5, 0.5]], sample])
    (row,) = log_of(tmp_path / "metrics.jsonl", text).epochs()

    assert row["confusion"] == confusion and ("samples" in row) is whole


@pytest.mark.parametrize(("value", "kept"), [(0.9, True), (None, False), ("0.9", False)])
def test_top5_is_kept_where_it_was_measured(tmp_path, value, kept):
    (row,) = log_of(
        tmp_path / "metrics.jsonl", line(5, kind="epoch", epoch=1, val_top5=value)
    ).epochs()

    assert ("val_top5" in row) is kept


def test_thinning_out_keeps_the_spike():
    y = np.zeros(100_000)
    y[54_321], y[54_400] = 7.0, math.nan

    x_kept, y_kept = thin_out(np.arange(100_000.0), y, 800)

    assert len(x_kept) <= 800 and y_kept.max() == 7.0
    assert x_kept[y_kept.argmax()] == 54_321 and (np.diff(x_kept) > 0).all()


@pytest.mark.parametrize(("points", "kept"), [(100, 100), (3, 2), (2, 2)])
def test_thinning_keeps_as_many_points_as_it_may(points, kept):
    y = np.tile([1.0, 2.0], 500)

    assert len(thin_out(np.arange(1000.0), y, points)[0]) == kept


def test_smoothing_of_a_constant_changes_nothing_and_of_noise_calms_it():
    noise = np.random.default_rng(0).normal(size=2000)

    assert np.allclose(smooth(np.full(50, 3.0), 0.9), 3.0)
    assert smooth(noise, 0.9).std() < 0.5 * noise.std()
    assert smooth(noise, 0) is noise and smooth(noise, 1) is noise
    assert np.isnan(smooth(np.array([1.0, np.nan, 1.0]), 0.9)).tolist() == [False, True, False]


def test_smoothing_counts_the_first_values_fully():
    """The weighted mean of all values so far: not drawn towards the first, nor towards zero."""
    values, weight = np.array([4.0, 1.0, 2.0]), 0.5

    weights = weight ** np.arange(3)[::-1]

    expected = [4.0, (0.5 * 4 + 1) / 1.5, (weights * values).sum() / weights.sum()]
    assert smooth(values, weight) == pytest.approx(expected)


def epochs(val_losses, train_losses) -> list[dict]:
    pairs = zip(val_losses, train_losses, strict=True)
    return [{"val_loss": val, "train_loss": train} for val, train in pairs]


NO_STEPS = pd.DataFrame({"step": [], "train_loss": []})


def test_overfitting_is_told_from_a_plateau():
    overfitting = epochs([1.0, 0.5, 0.6, 0.7, 0.8], [1.0, 0.5, 0.4, 0.3, 0.2])
    plateau = epochs([1.0, 0.5, *[0.5] * 5], [1.0, 0.5, *[0.5] * 5])
    healthy = epochs([1.0, 0.9, 0.8, 0.7], [1.0, 0.9, 0.8, 0.7])

    assert [alert.kind for alert in alerts(overfitting, NO_STEPS)] == ["overfitting"]
    assert [alert.kind for alert in alerts(plateau, NO_STEPS)] == ["plateau"]
    assert alerts(healthy, NO_STEPS) == []


@pytest.mark.parametrize(
    ("val_losses", "train_losses", "kinds"),
    [
        ([0.5, 0.6, 0.7], [0.9, 0.8, 0.7], []),  # two epochs may be chance
        ([0.5, 0.6, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6], ["overfitting"]),
        ([0.5, 0.6, 0.7, 0.509], [0.9, 0.8, 0.7, 0.6], []),  # hardly worse than the best
        ([0.5, 0.6, 0.7, 0.6], [0.6, 0.7, 0.8, 0.9], []),  # the training loss rises, too
        ([0.5] * 5, [0.5] * 5, []),
        ([0.5] * 6, [0.5] * 6, ["plateau"]),
        ([*[0.6] * 14, 0.5, *[0.5] * 5], [0.5] * 20, ["plateau"]),
        ([*[0.6] * 18, 0.5, *[0.5] * 5], [0.5] * 24, []),  # a long run has more patience
    ],
)
def test_how_long_a_loss_may_rise_or_rest(val_losses, train_losses, kinds):
    found = alerts(epochs(val_losses, train_losses), NO_STEPS)

    assert [alert.kind for alert in found] == kinds


def test_a_loss_that_is_no_number_is_reported_with_its_step():
    steps = pd.DataFrame({"step": [10.0, 20.0], "train_loss": [1.0, math.nan]})

    [alert] = alerts([], steps)

    assert alert.kind == "nan" and "step 20" in alert.message


def test_speed_is_that_of_the_newest_rows():
    steps = pd.DataFrame({"step": [1.0, 2.0, 7.0, 12.0], "seconds": [20.0, 21.0, 22.0, 25.0]})

    assert recent_speed(steps, rows=2) == 5 / 3
    assert recent_speed(steps, rows=3) == 10 / 4
    assert recent_speed(steps.iloc[:1]) is None
    soon = pd.DataFrame({"step": [1, 2], "seconds": [0.5, 1.0]})
    assert recent_speed(soon) == 2 and recent_speed(soon.assign(seconds=0.5)) is None


def rows(losses, accuracy: float, every: int = 10) -> pd.DataFrame:
    steps = [every * (n + 1) for n in range(len(losses))]
    return pd.DataFrame({"step": steps, "train_loss": losses, "train_accuracy": accuracy})


def test_a_run_that_guesses_and_does_not_move_is_stuck_at_chance():
    noise = np.random.default_rng(0).normal(0, 0.002, 20)

    [alert] = alerts([], rows(2.3036 + noise, 0.1))

    assert alert.kind == "chance" and "after 200 steps" in alert.message


@pytest.mark.parametrize(
    ("losses", "accuracy"),
    [
        (np.linspace(2.303, 2.285, 20), 0.11),  # slow, but moving
        (np.full(20, 2.303), 0.22),  # right too often for a guess
        (np.full(20, 1.7), 0.3),
        (np.full(10, 2.303), 0.1),  # too early to say
    ],
)
def test_what_learns_slowly_or_has_just_begun_is_not(losses, accuracy):
    assert alerts([], rows(losses, accuracy)) == []


def test_what_is_learnt_by_heart_is_told_from_overfitting():
    naming = Naming.of(("a", "b"), [50, 50])
    heart = [{"val_loss": 2.0, "train_loss": 0.1, "train_accuracy": 0.98, "val_accuracy": 0.5}]
    learnt = [{"val_loss": 0.5, "train_loss": 0.1, "train_accuracy": 0.98, "val_accuracy": 0.8}]

    assert [alert.kind for alert in alerts(heart, NO_STEPS, naming)] == ["memorised"]
    assert alerts(learnt, NO_STEPS, naming) == []


@pytest.mark.parametrize(
    ("pictures", "right", "memorised"),
    [
        (16, 0.62, True),  # of 16 pictures of two classes, guessing gets up to 0.625 right
        (16, 0.63, False),
        (1600, 0.54, True),  # a tenth of the way from chance to all
        (1600, 0.56, False),
    ],
)
def test_guessing_may_get_more_right_where_there_are_few_pictures(pictures, right, memorised):
    naming = Naming.of(("a", "b"), [50, 50])
    row = {"train_accuracy": 0.9, "val_accuracy": right, "confusion": [[pictures, 0], [0, 0]]}

    assert bool(alerts([row], NO_STEPS, naming)) == memorised


HEALTHY = {"gradients": [1.0] * 6, "dead": [0.0] * 5, "spread": 0.7}


def test_each_cause_of_being_stuck_has_its_own_explanation():
    def explained(**changes) -> str:
        earlier = [HEALTHY | {"spread": 0.0}] * 2
        return why_stuck([*earlier, HEALTHY | changes])  # the newest counts

    causes = {
        explained(),
        explained(spread=9e-4),
        explained(dead=[0, 0, 0, 0.91, 0.5]),
        explained(gradients=[9e-4, 1, 1, 1, 1, 1]),
    }
    assert len(causes) == 4 and "" not in causes and why_stuck([]) == ""
    assert "4" in explained(dead=[0, 0, 0, 0.91, 0.5]) and "91%" in explained(dead=[0.91] * 5)
    for nearly in (
        {"spread": 1.1e-3},
        {"dead": [0, 0, 0, 0.89, 0]},
        {"gradients": [1.1e-3, 1, 1, 1, 1, 1]},
    ):
        assert explained(**nearly) == explained()


def test_diagnostics_written_again_after_a_crash_counts_once(tmp_path):
    rows = [{"kind": "evidence", "step": step} | HEALTHY for step in (1, 2, 3, 2)]
    log = log_of(tmp_path / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    assert [row["step"] for row in log.diagnostics()] == [1, 2]


def test_only_whole_diagnostics_are_read(tmp_path):
    damaged = [{"gradients": [1.0] * 5}, {"dead": [0.0] * 6}, {"dead": "x"}, {"spread": None}]
    rows = [HEALTHY, *(HEALTHY | change for change in damaged)]
    text = "".join(
        json.dumps({"kind": "evidence", "step": step} | row) + "\n" for step, row in enumerate(rows)
    )

    assert [row["step"] for row in log_of(tmp_path / "metrics.jsonl", text).diagnostics()] == [0]


def test_being_stuck_is_judged_by_the_classes_and_how_often_they_come():
    steps = pd.DataFrame(
        {
            "step": np.arange(10.0, 310.0, 10.0),
            "train_loss": [0.325] * 30,  # the entropy of a nine-to-one split
            "train_accuracy": [0.9] * 30,
        }
    )

    assert stuck_at_chance(steps, Naming.of(("a", "b"), [90, 10])) == 300
    assert stuck_at_chance(steps) is None
