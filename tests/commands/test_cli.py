import json
import subprocess
import sys
from pathlib import Path

import pytest

from vggcore.commands import cli, recipe_options
from vggcore.model.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    import os

    return subprocess.run(
        [sys.executable, "-m", "vggcore", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_explains_itself(command, capsys):
    actions = {"runs": "list", "checkpoints": "add", "results": "build", "pictures": "check"}
    words = [command, *([actions[command]] if command in actions else [])]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])

    assert ended.value.code == 0
    assert ("--json" in capsys.readouterr().out) == (command != "app")  # which prints nothing


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("compare", "--configurations", "Z"), "unknown configuration 'Z'"),
        (("compare", "--image-size", "28"), "at least 32"),
        (("compare", "--width", "1/999"), "0 channels"),
        (("train", "--learning-rate", "nan"), "learning_rate nan"),
        (("train", "--device", "abacus"), "abacus"),
        (("train", "--resume", "/nowhere"), "not a run folder"),
        (("train", "--run-dir", "/proc/run"), "cannot make the run folder"),
        (("evaluate", "--checkpoint", "nope"), "unknown checkpoint 'nope'"),
        (("classify", "--checkpoint", "nope", "x.png"), "nope"),
        (("classify", "no-such-file.png"), "no-such-file.png"),
    ],
)
def test_mistakes_end_in_one_line_and_exit_code_2(arguments, cause, capsys):
    code = cli.main(list(arguments))

    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert cause in captured.err


def test_missing_data_names_the_place_and_the_way_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr("torchvision.datasets.FashionMNIST.download", _no_network, raising=True)

    code = cli.main(["train", "--run-dir", str(tmp_path / "run"), "--epochs", "1"])

    line = capsys.readouterr().err
    assert code == 2
    assert str(tmp_path / "nothing") in line and "--dataset synthetic" in line


def _no_network(self):
    raise OSError("no route to host")


def test_commands_run_as_a_module():
    done = run("compare", "--configurations", "A", "--width", "1/8", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["parameters"] == 2_018_346


@pytest.mark.parametrize("name", PRESETS)
def test_a_recipe_survives_its_own_command_line(name):
    import argparse
    import dataclasses

    preset = PRESETS[name]
    flips = preset.train.dataset != "corrections"  # with corrections it cannot be chosen
    flip = preset.train.flip ^ flips
    train = dataclasses.replace(preset.train, epochs=7, flip=flip, seed=3)
    if train.dataset == "pictures":
        train = dataclasses.replace(train, pictures="mnist")  # ten classes, as the preset has
    parser = argparse.ArgumentParser()
    recipe_options.add(parser)

    arguments = recipe_options.command_line(name, preset.spec, train)

    assert recipe_options.chosen(parser.parse_args(arguments)) == (name, preset.spec, train)
