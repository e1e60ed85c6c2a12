"""Groups of runs over seeds, and what people write on runs."""

import sys
from dataclasses import replace

import pytest
from untrained import scored_card

from vggcore import runs
from vggcore.machine import paths
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.runs import curves, launching
from vggcore.runs.limits import Limits, NotAllowed

SPEC = PRESETS["try-out"].spec
TRAIN = TrainConfig(dataset="synthetic", device="cpu", epochs=2, seed=5)


@pytest.fixture(autouse=True)
def a_trainer_that_ends_at_once(monkeypatch):
    monkeypatch.setattr(
        launching, "trainer_command", lambda path, how: [sys.executable, "-c", "pass"]
    )
    yield
    for run in runs.list_runs():
        runs.wait_until_ended(run.name, 10)


def end(run: runs.Run, state: str = "finished", **scores: float) -> None:
    runs.wait_until_ended(run.name, 10)
    (run.path / "status.json").write_text(f'{{"state": "{state}"}}')
    (run.path / "best.json").write_text(scored_card(SPEC, **scores))


def test_seeds_are_launched_as_one_group():
    launched = runs.launch_seeds(SPEC, TRAIN, 3, name="mine")

    group = runs.group("mine")
    assert [run.name for run in group.runs] == ["mine-s5", "mine-s6", "mine-s7"]
    assert [run.config["train"]["seed"] for run in group.runs] == [5, 6, 7]
    assert launched.name == "mine" and {run.group for run in runs.list_runs()} == {"mine"}
    others = [{**run.config["train"], "seed": 0} for run in group.runs]
    assert others[0] == others[1] == others[2]


def test_without_a_name_a_free_one_is_found():
    first = runs.launch_seeds(SPEC, TRAIN, 2, preset="try-out")
    second = runs.launch_seeds(SPEC, TRAIN, 2, preset="try-out")

    assert (first.name, second.name) == ("try-out-1", "try-out-2")
    assert runs.launch(SPEC, TRAIN, preset="try-out").group == ""
    assert [group.name for group in runs.groups()] == ["try-out-2", "try-out-1"]


def test_a_second_click_starts_no_second_group():
    first = runs.launch_seeds(SPEC, TRAIN, 2, preset="try-out", request="r1")
    second = runs.launch_seeds(SPEC, TRAIN, 2, preset="try-out", request="r1")

    assert second.name == first.name and len(runs.list_runs()) == 2


@pytest.mark.parametrize("seeds", [1, 0, -2, 21])
def test_a_number_of_seeds_that_cannot_be_is_refused(seeds):
    with pytest.raises(runs.RunError, match="2 to 20"):
        runs.launch_seeds(SPEC, TRAIN, seeds)
    assert runs.list_runs() == []


def test_a_name_that_is_taken_or_too_long_starts_nothing():
    runs.launch_seeds(SPEC, TRAIN, 2, name="mine")
    with pytest.raises(runs.RunError, match="already"):
        runs.launch_seeds(SPEC, TRAIN, 2, name="mine")
    with pytest.raises(runs.RunError, match="not a run name"):
        runs.launch_seeds(SPEC, TRAIN, 2, name="x" * 63)
    assert len(runs.list_runs()) == 2


def test_a_group_that_cannot_be_complete_starts_nothing():
    with pytest.raises(ValueError, match="seed 2147483648 is out of range"):
        runs.launch_seeds(SPEC, replace(TRAIN, seed=2**31 - 1), 2, name="last")
    assert runs.list_runs() == []

    runs.launch(SPEC, TRAIN, name="mine-s6")
    with pytest.raises(runs.RunError, match="mine-s6"):
        runs.launch_seeds(SPEC, TRAIN, 2, name="mine")
    assert [run.name for run in runs.list_runs()] == ["mine-s6"]


def test_visitors_of_a_public_page_start_no_groups():
    limits = Limits(public=True, presets=("try-out",))
    with pytest.raises(runs.RunError, match="one by one"):
        runs.launch_seeds(SPEC, TRAIN, 2, preset="try-out", limits=limits)


def test_the_spread_is_of_the_finished_runs_that_have_a_score():
    group = runs.launch_seeds(SPEC, TRAIN, 5, name="mine")
    end(group.runs[0], val_accuracy=0.9, test_accuracy=0.88)
    end(group.runs[1], val_accuracy=0.92)
    for run, state in zip(group.runs[2:], ("stopped", "failed", "running"), strict=True):
        end(run, state, val_accuracy=0.1, test_accuracy=0.1)

    found = runs.group("mine").to_dict()

    assert [run.name for run in runs.group("mine").finished] == ["mine-s5", "mine-s6"]

    assert found["val_accuracy"]["mean"] == pytest.approx(0.91)
    assert found["val_accuracy"]["standard_deviation"] == pytest.approx(0.0141421, abs=1e-6)
    assert found["test_accuracy"] == {
        "runs": 1, "mean": 0.88, "standard_deviation": None, "values": [0.88],
    }  # fmt: skip


def test_the_band_of_a_group_follows_its_epochs():
    def epochs(*accuracies: float) -> list[dict]:
        return [
            {"epoch": n, "step": 10 * n, "seconds": 2.0 * n, "val_accuracy": accuracy}
            for n, accuracy in enumerate(accuracies, start=1)
        ]

    table = curves.band([epochs(0.5, 0.7), epochs(0.7), []], "val_accuracy")

    assert table["epoch"].tolist() == [1, 2] and table["runs"].tolist() == [2, 1]
    assert table["mean"].tolist() == pytest.approx([0.6, 0.7])
    assert table["low"].tolist() == pytest.approx([0.6 - 0.141421, 0.7], abs=1e-5)
    assert table["high"].tolist() == pytest.approx([0.6 + 0.141421, 0.7], abs=1e-5)
    assert table["step"].tolist() == [10, 20]
    assert curves.band([], "val_accuracy").empty


def test_notes_and_tags_stay_with_the_run():
    runs.launch(SPEC, TRAIN, name="mine")
    written = runs.Notes(note=" with more shift \n", tags=("slow", " slow", "vgg 11", ""))
    runs.write_notes("mine", written)
    runs.wait_until_ended("mine", 10)
    runs.rename("mine", "yours")

    found = runs.read_run("yours").notes

    assert found == runs.Notes(note="with more shift", tags=("slow", "vgg 11"))


@pytest.mark.parametrize(
    "wrong",
    [dict(note="x" * 2001), dict(tags=("<b>",)), dict(tags=("x" * 31,)),
     dict(tags=tuple(map(str, range(21))))],
)  # fmt: skip
def test_notes_that_cannot_be_are_refused(wrong):
    with pytest.raises(runs.RunError):
        runs.Notes(**wrong)


def test_on_a_public_page_only_its_owner_writes_on_runs():
    runs.launch(SPEC, TRAIN, name="mine")
    limits = Limits(public=True, owner_password="secret")
    with pytest.raises(NotAllowed):
        runs.write_notes("mine", runs.Notes(note="hi"), limits=limits)
    runs.write_notes("mine", runs.Notes(note="hi"), password="secret", limits=limits)
    assert runs.read_run("mine").notes.note == "hi"
    assert (paths.runs_dir() / "mine" / "notes.json").is_file()
