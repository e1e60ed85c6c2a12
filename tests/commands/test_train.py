import argparse
import json
import os
import shlex
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_run
from untrained import save_untrained

from vggcore.answers import results
from vggcore.commands import cli, recipe_options
from vggcore.data import raw_files
from vggcore.machine import paths
from vggcore.machine.file_lock import is_locked
from vggcore.runs import process
from vggcore.runs.folder import RunFolder
from vggcore.training import interruptions, loop
from vggcore.training.fashion_data import FashionData

TINY = [
    "train",
    "--preset",
    "try-out",
    "--dataset",
    "synthetic",
    "--width",
    "1/32",
    "--epochs",
    "2",
    "--batch-size",
    "24",
    "--train-limit",
    "0",
    "--device",
    "cpu",
    "--precision",
    "float32",
]


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))


def status(path: Path) -> dict:
    return json.loads((path / "status.json").read_bytes())


def at_step(monkeypatch, step: int, action) -> None:
    """Do something within a run, before it draws this step's batch."""
    batch = FashionData.batch

    def acting(source, number):
        if number == step:
            action()
        return batch(source, number)

    monkeypatch.setattr(FashionData, "batch", acting)


def test_a_run_from_the_command_line_prints_its_summary(tmp_path, capsys):
    code = cli.main([*TINY, "--run-dir", str(tmp_path / "run"), "--json"])

    summary = json.loads(capsys.readouterr().out)
    assert code == 0 and summary["state"] == "finished" and summary["epochs"] == 2
    assert RunFolder(tmp_path / "run").train.batch_size == 24
    assert status(tmp_path / "run")["summary"] == summary
    assert not is_locked(tmp_path / "run" / "lock")


def test_without_a_folder_the_run_gets_one_of_its_own(capsys):
    assert cli.main([*TINY, "--epochs", "1"]) == 0

    out = capsys.readouterr().out
    [folder] = Path(os.environ["VGGCORE_RUNS"]).glob("try-out-*")
    assert f"run folder: {folder}" in out and "test accuracy: 0." in out


@pytest.mark.parametrize(
    ("command", "epochs"),
    [("train --resume {path} --epochs 7", 7), ("runs resume mine", tiny_run.TRAIN.epochs)],
)
def test_a_finished_run_that_should_train_longer_names_the_command_for_it(
    tmp_path, capsys, command, epochs
):
    recipe = replace(tiny_run.TRAIN, init_from="wild", init_layers="deeper", freeze_epochs=1)
    folder = tiny_run.create(paths.runs_dir() / "mine", train=recipe)
    folder.write_status("finished")

    assert cli.main(command.format(path=folder.path).split()) == 2

    named = capsys.readouterr().err.strip().split(": vggcore ")[1]
    args = cli.make_parser("train").parse_args(shlex.split(named))
    (folder.path / "best.json").touch()  # it is a checkpoint
    _, spec, train = recipe_options.chosen(args)
    assert spec == folder.spec
    assert train == replace(tiny_run.TRAIN, epochs=epochs, init_from=str(folder.path.resolve()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops_and_the_run_resumes(tmp_path, monkeypatch, capsys, number):
    monkeypatch.setattr(interruptions, "STOP_CHECK_SECONDS", 0)
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
    (tmp_path / "run" / "notes.txt").write_text("mine")

    assert cli.main([*TINY, "--run-dir", str(tmp_path / "run")]) == 2
    assert "choose another --run-dir, or --resume it" in capsys.readouterr().err


def test_an_empty_folder_will_do(tmp_path):
    (tmp_path / "run").mkdir()

    assert cli.main([*TINY, "--epochs", "1", "--run-dir", str(tmp_path / "run")]) == 0


def test_what_a_resumed_run_would_not_heed_is_refused(tmp_path, capsys):
    tiny_run.create(tmp_path / "run")
    resume = ["train", "--resume", str(tmp_path / "run")]

    assert cli.main([*resume, "--preset", "best", "--epochs", "3", "--no-flip"]) == 2
    assert "leave out --preset --epochs --flip" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main([*resume, "--run-dir", str(tmp_path / "other")])
    assert "not allowed with" in capsys.readouterr().err
    assert not (tmp_path / "run" / "status.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_loads_stops_the_run(tmp_path, monkeypatch, capsys, number):
    make_training_data = loop.make_training_data
    monkeypatch.setattr(loop, "make_training_data", lambda *_: signal.raise_signal(number))

    with pytest.raises(SystemExit) as ended:
        cli.main([*TINY, "--run-dir", str(tmp_path / "run")])

    assert ended.value.code == 0 and "cancelled before it started" in capsys.readouterr().err
    assert status(tmp_path / "run")["state"] == "stopped"
    assert not is_locked(tmp_path / "run" / "lock")
    monkeypatch.setattr(loop, "make_training_data", make_training_data)
    assert cli.main(["train", "--resume", str(tmp_path / "run")]) == 0


def test_a_path_to_start_from_holds_in_every_directory(tmp_path, monkeypatch):
    cli.main([*TINY, "--epochs", "1", "--run-dir", str(tmp_path / "first")])
    monkeypatch.chdir(tmp_path)

    cli.main([*TINY, "--init-from", "./first/best", "--run-dir", str(tmp_path / "second")])

    assert RunFolder(tmp_path / "second").train.init_from == str(tmp_path / "first" / "best")


def test_a_run_that_is_being_trained_is_left_alone(tmp_path, capsys):
    tiny_run.create(tmp_path / "run")

    with process.hold_run_lock(tmp_path / "run"):
        code = cli.main(["train", "--resume", str(tmp_path / "run")])

    assert code == 2 and "already running" in capsys.readouterr().err


def test_training_that_fails_is_recorded_and_exits_with_1(tmp_path, monkeypatch, capsys):
    loss = FashionData.loss
    monkeypatch.setattr(FashionData, "loss", lambda *a: loss(*a) * float("nan"))

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


@pytest.mark.parametrize("device", ["cuda:99", "abacus"])
def test_a_device_that_is_not_there_leaves_no_run_behind(tmp_path, capsys, device):
    assert cli.main([*TINY, "--run-dir", str(tmp_path / "run"), "--device", device]) == 2
    assert device in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_finished_run_keeps_its_results(tmp_path, capsys):
    assert cli.main([*TINY, "--run-dir", str(tmp_path / "run")]) == 0

    found = results.cached(tmp_path / "run" / "best")
    assert found is not None and len(found.labels) == tiny_run.IMAGES["test"]


def test_a_checkpoint_in_this_folder_is_found_by_a_background_run_too(tmp_path, monkeypatch):
    save_untrained(tmp_path, "mine")
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    recipe_options.add(parser)

    for asked, kept in {
        "mine.safetensors": str(tmp_path / "mine.safetensors"),
        "wild": "wild",
    }.items():
        _, _, train = recipe_options.chosen(parser.parse_args(["--init-from", asked]))
        assert train.init_from == kept

    save_untrained(tmp_path / "networks", "theirs")
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", "networks")  # a relative folder of checkpoints
    _, _, train = recipe_options.chosen(parser.parse_args(["--init-from", "theirs"]))
    assert train.init_from == "theirs"


def test_the_copy_of_a_run_on_the_cluster_is_not_trained_on_here(tmp_path, capsys):
    (tmp_path / "cluster.json").write_text('{"run": "far-1", "attempt": 1}')
    assert cli.main(["train", "--resume", str(tmp_path)]) == 2
    assert "trains on the cluster" in capsys.readouterr().err
