import json
import os
import sys

import pytest
from untrained import scored_card

from vggcore import runs
from vggcore.commands.cli import main
from vggcore.machine import file_lock, paths
from vggcore.model.architectures import VGGSpec
from vggcore.runs import launching


@pytest.fixture(autouse=True)
def a_trainer_that_only_sleeps(monkeypatch):
    """Only the command line is tested: a launched process holds its lock until it is stopped."""
    code = (
        "import sys, time, pathlib; from vggcore.runs.process import hold_run_lock as hold\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with hold(folder):\n"
        "    while not (folder / 'stop').exists(): time.sleep(0.02)\n"
        "    (folder / 'status.json').write_text('{\"state\": \"stopped\"}')\n"
    )
    monkeypatch.setattr(
        launching, "trainer_command", lambda path, how: [sys.executable, "-c", code, path]
    )
    yield
    for run in runs.list_runs():
        (run.path / "stop").touch()
        runs.wait_until_ended(run.name, 10)


def answer(capsys, *arguments: str):
    assert main(["runs", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_run_from_launch_to_delete(capsys):
    launched = answer(capsys, "launch", "--preset", "try-out", "--name", "mine", "--epochs", "2")
    assert (launched["name"], launched["state"]) == ("mine", "queued")
    assert answer(capsys, "show", "mine")["config"]["train"]["epochs"] == 2

    assert answer(capsys, "stop", "mine")["state"] == "stopped"
    assert answer(capsys, "resume", "mine")["state"] == "queued"
    assert answer(capsys, "cancel", "mine")["state"] == "stopped"
    assert answer(capsys, "rename", "mine", "yours")["name"] == "yours"
    assert [run["name"] for run in answer(capsys, "list")] == ["yours"]
    assert answer(capsys, "delete", "yours") == {"name": "yours", "state": "deleted"}
    assert answer(capsys, "list") == []


def test_the_list_can_be_narrowed_to_a_state(capsys):
    answer(capsys, "launch", "--preset", "try-out")

    assert len(answer(capsys, "list", "--state", "queued")) == 1
    assert answer(capsys, "list", "--state", "finished") == []


def test_the_list_for_people(capsys):
    assert main(["runs", "list"]) == 0
    assert f"no runs in {paths.runs_dir()}" in capsys.readouterr().out
    answer(capsys, "launch", "--preset", "try-out")

    assert main(["runs", "list"]) == 0

    assert capsys.readouterr().out.split()[:2] == ["try-out-1", "queued"]


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["show", "nothing"], "there is no run named 'nothing'"),
        (["delete", "../up"], "not a run name"),
        (["launch", "--image-size", "28"], "at least 32 pixels"),
        (["launch", "--name", "No Good"], "not a run name"),
    ],
)
def test_mistakes_end_in_one_line_and_code_2(capsys, arguments, complaint):
    assert main(["runs", *arguments]) == 2

    error = capsys.readouterr().err
    assert complaint in error and error.count("\n") == 1


def test_the_limits_of_a_public_deployment_bind_the_command_too(capsys, monkeypatch):
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")

    assert main(["runs", "launch", "--preset", "try-out"]) == 2
    assert "turned off" in capsys.readouterr().err


def test_a_run_is_recorded_to_a_file(capsys, tmp_path):
    answer(capsys, "launch", "--preset", "try-out", "--name", "mine")

    told = answer(capsys, "record", "mine", "--out", str(tmp_path / "mine.json"))

    assert json.loads((tmp_path / "mine.json").read_text())["name"] == "mine"
    assert told["file"].endswith("mine.json")
    assert file_lock.is_locked(paths.runs_dir() / "mine" / "lock")


def test_seeds_are_launched_as_a_group_and_summed_up(capsys):
    launched = answer(capsys, "launch", "--preset", "try-out", "--name", "mine", "--seeds", "2")
    assert launched["runs"] == ["mine-s0", "mine-s1"]
    for number, accuracy in enumerate((0.9, 0.92)):
        card = scored_card(VGGSpec(), val_accuracy=accuracy)
        folder = paths.runs_dir() / f"mine-s{number}"
        runs.stop(folder.name)
        runs.wait_until_ended(folder.name, 10)
        (folder / "status.json").write_text('{"state": "finished"}')
        (folder / "best.json").write_text(card)

    assert answer(capsys, "group", "mine")["val_accuracy"]["mean"] == pytest.approx(0.91)
    assert main(["runs", "group", "mine"]) == 0
    assert "validation accuracy of 2 runs: 0.9100 ± 0.0141" in capsys.readouterr().out
    assert main(["runs", "group", "other"]) == 2
    assert "no group of runs named 'other'" in capsys.readouterr().err


def test_notes_and_tags_are_written_listed_and_removed(capsys):
    answer(capsys, "launch", "--preset", "try-out", "--name", "mine")
    answer(capsys, "launch", "--preset", "try-out", "--name", "other")

    written = answer(capsys, "note", "mine", "a first try", "--tag", "slow", "--tag", "vgg 11")
    assert written == {"name": "mine", "note": "a first try", "tags": ["slow", "vgg 11"]}
    assert [run["name"] for run in answer(capsys, "list", "--tag", "slow")] == ["mine"]
    assert main(["runs", "list"]) == 0
    assert "[slow, vgg 11]" in capsys.readouterr().out
    assert answer(capsys, "note", "mine", "--untag", "slow")["tags"] == ["vgg 11"]
    assert answer(capsys, "note", "mine", "")["note"] == ""
    assert answer(capsys, "show", "mine")["tags"] == ["vgg 11"]
    assert main(["runs", "note", "mine", "--tag", "<b>"]) == 2


def test_the_largest_batch_that_fits_is_set_before_the_run(capsys, monkeypatch):
    monkeypatch.setattr("vggcore.commands.recipe_options.free_memory", lambda device: 2_000_000_000)
    launched = answer(capsys, "launch", "--preset", "best", "--name", "mine", "--largest-batch")
    size = answer(capsys, "show", "mine")["config"]["train"]["batch_size"]
    assert launched["name"] == "mine" and 16 <= size < 1024 and size & (size - 1) == 0

    command = ["runs", "launch", "--preset", "best", "--largest-batch"]
    assert main([*command, "--batch-size", "64"]) == 2
    assert "leave out --batch-size" in capsys.readouterr().err
    monkeypatch.setattr("vggcore.commands.recipe_options.free_memory", lambda device: 1_000)
    assert main(command) == 2
    assert "not even one image fits" in capsys.readouterr().err


def test_a_store_that_cannot_be_seen_is_told_beside_the_list(capsys, monkeypatch):
    monkeypatch.setenv("VGGCORE_RAY", "http://127.0.0.1:9")
    monkeypatch.setenv("VGGCORE_STORE", "/nowhere")
    follower = paths.runs_dir() / ".cluster"
    follower.mkdir(parents=True)
    (follower / "pass.json").write_text('{"time": 9e9, "trouble": "the store /nowhere is gone"}')
    lock = file_lock.take_lock(follower / "lock")  # so that no other follower is started
    try:
        assert main(["runs", "list"]) == 0
    finally:
        os.close(lock)

    assert capsys.readouterr().err == "vggcore runs: the store /nowhere is gone\n"
