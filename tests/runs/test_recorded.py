import json

import pytest

from vggcore import runs
from vggcore.runs import recorded


def test_the_tutorials_five_points_are_shipped():
    tutorial = recorded.load("tutorial-published")

    accuracies = [row["val_accuracy"] for row in tutorial.epochs()]
    assert accuracies == [0.859, 0.902, 0.908, 0.914, 0.918]
    assert tutorial.seconds == pytest.approx(255.9 + 238.1 + 225.5 + 230.3 + 153.9)
    assert tutorial.label == "Recorded on an unnamed GPU, date not published"


@pytest.mark.parametrize("name", recorded.names())
def test_every_recording_loads_and_is_small(name):
    recording = recorded.load(name)

    assert recording.machine and recording.date and recording.epochs()
    assert (recorded.FOLDER / f"{name}.json").stat().st_size < 200_000


def test_a_replay_shows_what_was_known_then():
    tutorial = recorded.load("tutorial-published")

    assert [row["epoch"] for row in tutorial.until(500).epochs()] == [1, 2]
    assert tutorial.until(0).epochs() == []


@pytest.mark.parametrize("name", ["nothing", "../recordings/tutorial-published", ""])
def test_an_unknown_recording_is_one_clear_line(name):
    with pytest.raises(runs.RunError, match="no recorded run"):
        recorded.load(name)


def test_a_damaged_recording_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    (tmp_path / "cut.json").write_text('{"title": "x"')

    with pytest.raises(runs.RunError, match="damaged"):
        recorded.load("cut")


def test_a_run_becomes_a_recording(tmp_path, monkeypatch):
    run_dir = tmp_path / "runs" / "mine"
    run_dir.mkdir(parents=True)
    config = {"name": "mine", "preset": "fast", "spec": {}, "train": {}}
    config["created"] = "2026-11-24T10:00:00+00:00"
    (run_dir / "config.json").write_text(json.dumps(config))
    (run_dir / "status.json").write_text(
        '{"state": "finished", "device": "cpu", "summary": {"run_dir": "/home/me", "epochs": 1}}'
    )
    row = {"kind": "step", "train_loss": 1.0, "seconds": 1.0}
    lines = [json.dumps(row | {"step": step}) for step in range(1, 2001)]
    (run_dir / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)

    file = recorded.record("mine")

    recording = recorded.load("mine")
    assert file == tmp_path / "mine.json" and recording.date == "2026-11-24"
    assert recording.summary == {"epochs": 1}  # not the folder, which is private
    assert len(recording.steps()) <= 400 and recording.steps()["step"].iloc[-1] > 1990
