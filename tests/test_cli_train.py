import json
import os
import signal
from pathlib import Path

import pytest
import tiny_run

from vggcore import cli, data, runs, training
from vggcore.run_folder import RunFolder

TINY = [
    "train", "--preset", "try-out", "--dataset", "synthetic", "--width", "1/32", "--epochs", "2",
    "--batch-size", "24", "--train-limit", "0", "--device", "cpu", "--precision", "float32",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(data, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))


def status(path: Path) -> dict:
    return json.loads((path / "status.json").read_bytes())


def at_step(monkeypatch, step: int, action) -> None:
    """Do something within a run, before it draws this step's batch."""
    batch = data.ImageSource.batch

    def acting(source, number):
        if number == step:
            action()
        return batch(source, number)

    monkeypatch.setattr(data.ImageSource, "batch", acting)


def test_a_run_from_the_command_line_prints_its_summary(tmp_path, capsys):
    code = cli.main([*TINY, "--run-dir", str(tmp_path / "run"), "--json"])

    summary = json.loads(capsys.readouterr().out)
    assert code == 0 and summary["state"] == "finished" and summary["epochs"] == 2
    assert RunFolder(tmp_path / "run").train.batch_size == 24
    assert status(tmp_path / "run")["summary"] == summary
    assert not runs.is_locked(tmp_path / "run" / "lock")


def test_without_a_folder_the_run_gets_one_of_its_own(capsys):
    assert cli.main([*TINY, "--epochs", "1"]) == 0

    out = capsys.readouterr().out
    [folder] = Path(os.environ["VGGCORE_RUNS"]).glob("try-out-*")
    assert f"run folder: {folder}" in out and "test accuracy: 0." in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops_and_the_run_resumes(tmp_path, monkeypatch, capsys, number):
    monkeypatch.setattr(training, "STOP_CHECK_SECONDS", 0)
    at_step(monkeypatch, 1, lambda: signal.raise_signal(number))
    before = signal.getsignal(number)

    code = cli.main([*TINY, "--run-dir", str(tmp_path / "run")])

    assert code == 0 and "stopped after 0 epochs" in capsys.readouterr().out
    assert (status(tmp_path / "run")["state"], status(tmp_path / "run")["step"]) == ("stopped", 2)
    assert signal.getsignal(number) is before
    assert cli.main(["train", "--resume", str(tmp_path / "run")]) == 0
    assert status(tmp_path / "run")["state"] == "finished"


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    cli.main([*TINY, "--run-dir", str(tmp_path / "run")])
    weights = (tmp_path / "run" / "best.safetensors").read_bytes()
    metrics = (tmp_path / "run" / "metrics.jsonl").read_bytes()

    assert cli.main(["train", "--resume", str(tmp_path / "run")]) == 0

    assert (tmp_path / "run" / "best.safetensors").read_bytes() == weights
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == metrics


def test_a_folder_that_exists_is_not_trained_over(tmp_path, capsys):
    (tmp_path / "run").mkdir()

    assert cli.main([*TINY, "--run-dir", str(tmp_path / "run")]) == 2
    assert "choose another --run-dir, or --resume it" in capsys.readouterr().err


def test_a_run_that_is_being_trained_is_left_alone(tmp_path, capsys):
    tiny_run.create(tmp_path / "run")

    with runs.hold_run_lock(tmp_path / "run"):
        code = cli.main(["train", "--resume", str(tmp_path / "run")])

    assert code == 2 and "already running" in capsys.readouterr().err


def test_training_that_fails_is_recorded_and_exits_with_1(tmp_path, monkeypatch, capsys):
    loss = data.ImageSource.loss
    monkeypatch.setattr(data.ImageSource, "loss", lambda *a: loss(*a) * float("nan"))

    code = cli.main([*TINY, "--run-dir", str(tmp_path / "run")])

    assert code == 1
    assert status(tmp_path / "run")["state"] == "failed"
    assert status(tmp_path / "run")["message"] in capsys.readouterr().err


def test_an_error_of_ours_is_recorded_as_failed(tmp_path, monkeypatch):
    def bug():
        raise KeyError("a bug")

    at_step(monkeypatch, 2, bug)

    with pytest.raises(KeyError):
        cli.main([*TINY, "--run-dir", str(tmp_path / "run")])
    assert status(tmp_path / "run")["state"] == "failed"


@pytest.mark.parametrize(
    "content", ["{", '{"name": "x", "spec": {}, "train": {"epochs": 0}}', "[]"]
)
def test_a_config_that_cannot_be_used_is_one_line(tmp_path, capsys, content):
    (tmp_path / "config.json").write_text(content)

    assert cli.main(["train", "--resume", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
