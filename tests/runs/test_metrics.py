import json
import math

import numpy as np
import pandas as pd
import pytest

from vggcore.runs.metrics import (
    STEP_COLUMNS,
    MetricsLog,
    alerts,
    recent_speed,
    smooth,
    stuck_at_chance,
    thin_out,
)
from vggcore.runs.naming import Naming


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


def test_a_deleted_file_empties_the_log(tmp_path):
    log = log_of(tmp_path / "metrics.jsonl", line(1))
    log.path.unlink()

    assert not log.refresh() and steps_of(log) == []


def test_epochs_and_events_are_kept_apart(tmp_path):
    text = line(5) + line(5, kind="epoch", epoch=1) + line(0, kind="event", message="started")
    log = log_of(tmp_path / "metrics.jsonl", text)

    assert [row["epoch"] for row in log.epochs()] == [1]
    assert [row["message"] for row in log.events()] == ["started"]


def test_thinning_out_keeps_the_spike():
    y = np.zeros(100_000)
    y[54_321] = 7.0

    x_kept, y_kept = thin_out(np.arange(100_000.0), y, 800)

    assert len(x_kept) <= 800 and y_kept.max() == 7.0
    assert x_kept[y_kept.argmax()] == 54_321 and (np.diff(x_kept) > 0).all()


def test_smoothing_of_a_constant_changes_nothing_and_of_noise_calms_it():
    noise = np.random.default_rng(0).normal(size=2000)

    assert np.allclose(smooth(np.full(50, 3.0), 0.9), 3.0)
    assert smooth(noise, 0.9).std() < 0.5 * noise.std()
    assert smooth(noise, 0) is noise
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


def test_a_loss_that_is_no_number_is_reported_with_its_step():
    steps = pd.DataFrame({"step": [10.0, 20.0], "train_loss": [1.0, math.nan]})

    [alert] = alerts([], steps)

    assert alert.kind == "nan" and "step 20" in alert.message


def test_speed_is_that_of_the_newest_rows():
    steps = pd.DataFrame({"step": [1.0, 2.0, 12.0], "seconds": [20.0, 21.0, 22.0]})

    assert recent_speed(steps, rows=2) == 10.0
    assert recent_speed(steps.iloc[:1]) is None


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
