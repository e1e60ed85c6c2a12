"""`pictures` and training on them, from the command line."""

import json

import own_pictures as made
import pytest
from PIL import Image

from vggcore.commands import cli
from vggcore.data.own import places, prepared


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "cache"))


def test_a_folder_is_checked(tmp_path, capsys):
    source = made.folder(tmp_path / "set")
    (source / "cross" / "bad.png").write_bytes(b"no")

    code = cli.main(["pictures", "check", str(source), "--sheet", str(tmp_path / "s.png")])

    said = capsys.readouterr().out
    assert code == 0 and "24 pictures of 3 classes" in said
    assert "note: cross/bad.png cannot be used: " in said
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.width > 500


def test_a_check_that_is_stopped_says_how_far_it_came(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(prepared, "_REPORT_SECONDS", 0.0)
    one = prepared._one

    def interrupted(entry, form):
        if entry.name == "cross/002.png":  # the eleventh
            raise KeyboardInterrupt
        return one(entry, form)

    monkeypatch.setattr(prepared, "_one", interrupted)
    assert cli.main(["pictures", "check", str(made.folder(tmp_path / "set"))]) == 130
    assert "stopped: 10 of 24 pictures have been read" in capsys.readouterr().err


def test_a_check_as_json(tmp_path, capsys):
    cli.main(["pictures", "check", str(made.folder(tmp_path / "set")), "--json"])

    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 24
    assert found["classes"][0] == {
        "name": "circle",
        "pictures": 8,
        "train": 6,
        "validation": 1,
        "test": 1,
    }


def test_adding_listing_and_deleting(tmp_path, capsys):
    (tmp_path / "My Shapes.zip").write_bytes(made.zipped())

    assert cli.main(["pictures", "add", str(tmp_path / "My Shapes.zip")]) == 0
    cli.main(["pictures", "list", "--json"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["kept"] == ["my-shapes"]
    cli.main(["pictures", "delete", "my-shapes"])
    assert places.names() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "/no/such"], "there are no pictures at '/no/such'"),
        (["add", "/no/such.zip"], "cannot read /no/such.zip"),
        (["delete", "nothing"], "no pictures named 'nothing'"),
        (["check", "x", "--image-size", "4"], "out of range"),
    ],
)
def test_mistakes_are_one_line(arguments, said, capsys):
    assert cli.main(["pictures", *arguments]) == 2

    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_training_on_a_folder_from_the_command_line(tmp_path, capsys):
    source = made.folder(tmp_path / "set", made.files(12))
    network = ["--width", "1/16", "--image-size", "32", "--device", "cpu"]
    run = ["--run-dir", str(tmp_path / "run"), "--epochs", "1", "--json"]

    assert cli.main(["train", "--pictures", str(source), *network, *run]) == 0

    summary = json.loads(capsys.readouterr().out)
    assert summary["state"] == "finished" and 0 <= summary["test_accuracy"] <= 1
    assert json.loads((tmp_path / "run/config.json").read_text())["spec"]["num_classes"] == 3
    assert (tmp_path / "run/best.results.npz").is_file()
    best = str(tmp_path / "run" / "best")
    assert cli.main(["evaluate", "--checkpoint", best]) == 0
    assert "test images of pictures" in capsys.readouterr().out
    assert cli.main(["classify", "--checkpoint", best, str(source / "cross/000.png")]) == 0
