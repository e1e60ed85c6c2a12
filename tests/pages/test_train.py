"""The Train page from the entry point, without a browser or training: its process only waits."""

import io
import json
import os
import re
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import own_pictures
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from untrained import scored_card

from dashboard.shared import deployment
from dashboard.train import actions, panel, table
from vggcore import runs
from vggcore.data.own import places
from vggcore.machine import file_lock, hardware, paths
from vggcore.model.anatomy import totals
from vggcore.model.architectures import VGGSpec
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.runs import launching, tensorboard
from vggcore.runs.metrics import MetricsLog

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def a_trainer_that_only_waits(monkeypatch):
    code = (
        "import sys, time, pathlib; from vggcore.runs.process import hold_run_lock as hold\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with hold(folder):\n"
        "    while not (folder / 'stop').exists(): time.sleep(0.02)\n"
        "    (folder / 'status.json').write_text('{\"state\": \"stopped\"}')\n"
    )
    monkeypatch.setattr(
        launching, "trainer_command", lambda path, how: [sys.executable, "-c", code, str(path)]
    )
    # AppTest has no connection that has an address.
    monkeypatch.setattr(deployment, "visitor", lambda: "me")
    yield
    for run in [run for run in runs.list_runs() if not run.on_cluster]:
        (run.path / "stop").touch()
        runs.wait_until_ended(run.name, 10)


def train_page(open_: bool = True, **query: str) -> AppTest:
    """open_: whether the command is shown, as a visitor has left it."""
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    page.query_params.update(query)
    page.session_state["train-terminal"] = open_
    page.switch_page("pages/train.py")
    return page.run()


def a_run(name: str, state: str = "finished", rows: int = 60, **train) -> runs.Run:
    """A run folder as a trainer leaves it."""
    folder = paths.runs_dir() / name
    folder.mkdir(parents=True)
    preset = PRESETS["fast"]
    config = {
        "name": name,
        "preset": "fast",
        "created": "2026-11-24T08:00:00+00:00",
        "spec": preset.spec.to_dict(),
        "train": preset.train.to_dict() | train,
    }
    (folder / "config.json").write_text(json.dumps(config))
    status = {"state": state, "step": rows, "total_steps": rows, "epoch": 2, "epochs": 2}
    (folder / "status.json").write_text(json.dumps(status | {"seconds": 61.0}))
    lines = []
    for step in range(1, rows + 1):
        row = {
            "step": step,
            "epoch": step / 30,
            "seconds": step / 10,
            "train_loss": 1 / step,
            "train_accuracy": 0.9,
            "learning_rate": 0.001,
            "images_per_second": 100.0,
            "memory_bytes": 1e6,
        }
        lines.append(row | {"kind": "step"})
        if step % 30 == 0:
            epoch = {"val_loss": 0.4, "val_accuracy": 0.91, "confusion": [[10] * 10] * 10}
            lines.append(row | epoch | {"kind": "epoch", "epoch": step // 30})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return runs.read_run(name)


def texts(page: AppTest) -> str:
    shown = (page.markdown, page.caption, page.info, page.error, page.warning, page.subheader)
    return " ".join(element.value for elements in shown for element in elements)


def press(page: AppTest, label: str) -> AppTest:
    button = next(button for button in page.button if button.label == label)
    return button.click().run()


def test_the_form_follows_the_preset_and_shows_the_command():
    page = train_page()
    assert not page.exception and "No runs yet" in texts(page)

    page.radio(key="train-preset").set_value("tutorial").run()

    assert page.number_input(key="train-tutorial-batch_size").value == 64
    page.number_input(key="train-tutorial-seed").set_value(7).run()
    assert page.code[0].value == "python -m vggcore train --preset tutorial --seed 7"


def test_every_field_of_the_recipe_has_a_widget():
    page = train_page()
    keys = {
        widget.key for kind in (page.number_input, page.selectbox, page.toggle) for widget in kind
    }

    own = {"train-fast-pictures", "train-fast-framing"}  # only where they are chosen
    assert {f"train-fast-{name}" for name in TrainConfig().to_dict()} - own <= keys


def test_starting_leads_to_the_runs_own_page_and_stopping_ends_it():
    page = train_page()
    page.text_input(key="train-name").set_value("My <b>run</b>!").run()
    press(page, "Start training")

    assert page.query_params["run"] == "my-b-run-b"
    assert runs.read_run("my-b-run-b").living
    press(page, "Cancel")
    assert runs.wait_until_ended("my-b-run-b", 10).state == "stopped"
    assert file_lock.is_locked(paths.runs_dir() / "my-b-run-b" / "lock") is False


def test_an_impossible_network_is_said_in_words_and_cannot_be_started():
    page = train_page()

    page.selectbox(key="train-fast-in_channels").set_value(3).run()

    assert not page.exception and "needs in_channels 1" in texts(page).replace("\\", "")
    assert next(button for button in page.button if button.label == "Start training").disabled


def test_a_command_and_a_log_are_drawn_when_they_are_open():
    assert not train_page(open_=False).code and train_page(open_=True).code
    for state, is_open in (("finished", False), ("failed", True)):
        run = a_run(state, state)
        (run.path / "log.txt").write_text("a line of the log")
        page = train_page(run=state)
        assert [block.value for block in page.code] == ["a line of the log"] * is_open
    page.session_state["log-failed-True"] = False
    assert not page.run().code


def test_a_finished_run_shows_its_curves_numbers_and_actions():
    run = a_run("done")
    (run.path / "best.json").write_text('{"val_accuracy": 0.91, "sha256": ""}')

    page = train_page(run="done")

    assert not page.exception
    assert {metric.label: metric.value for metric in page.metric}[
        "Best validation accuracy"
    ] == "91.0 %"
    labels = {button.label for button in page.button}
    assert {"Run again", "Promote", "Rename", "Delete"} <= labels and "Stop" not in labels
    assert len(page.get("plotly_chart")) == 2
    page.session_state["more-done"] = True  # learning rate, speed and memory are open, too
    assert len(page.run().get("plotly_chart")) == 5


@pytest.mark.parametrize("state", ["failed", "crashed", "stopped"])
def test_a_run_that_ended_early_can_be_resumed(state):
    a_run("early", "running" if state == "crashed" else state)

    page = train_page(run="early")
    assert state in texts(page)
    press(page, "Resume")

    assert not page.exception and runs.read_run("early").living


@pytest.mark.parametrize(
    "preset",
    [
        pytest.param(name, marks=pytest.mark.garments) if name == "wild" else name
        for name in PRESETS
        if name != "corrections"
    ],
)
def test_every_preset_can_be_started_as_it_is(preset):
    page = train_page()

    places.keep_zip("shapes", own_pictures.zipped())
    page.radio(key="train-preset").set_value(preset).run()
    if PRESETS[preset].train.dataset == "pictures":
        assert "Choose which pictures" in page.error[0].value
        page.selectbox(key=f"train-{preset}-pictures").set_value("shapes").run()

    assert not page.exception and not page.error
    assert not next(b for b in page.button if b.label == "Start training").disabled


def test_a_recipe_that_does_not_fit_its_data_set_is_told_before_it_starts():
    page = train_page()
    page.radio(key="train-preset").set_value("best").run()

    page.selectbox(key="train-best-dataset").set_value("wild").run()

    assert not page.exception
    assert "leave out fit, flip, shift, cutmix" in texts(page)
    assert next(b for b in page.button if b.label == "Start training").disabled


def test_alerts_are_shown():
    run = a_run("hot", "failed")
    with open(run.path / "metrics.jsonl", "a") as metrics:
        metrics.write('{"kind": "step", "step": 61, "train_loss": NaN, "learning_rate": 1.0}\n')

    page = train_page(run="hot")

    assert not page.exception and "finite number at step 61" in texts(page)


@pytest.mark.parametrize(
    "name", ["nothing", "../../etc/passwd", "<script>alert(1)</script>", "a" * 999]
)
def test_a_strange_address_is_answered_in_one_line(name):
    page = train_page(run=name)

    assert not page.exception and len(page.error) == 1
    assert "<script>" not in page.error[0].value


def test_the_table_can_be_filtered():
    a_run("first", epochs=3)
    a_run("second", "stopped")
    page = train_page()

    page.text_input(key="train-filter").set_value("FIRST").run()

    assert page.dataframe[0].value["run"].tolist() == ["first"]


def choose_rows(page: AppTest, *rows: int) -> None:
    key = table.table_key(page.dataframe[0].value["run"])
    page.session_state[key] = {"selection": {"rows": [*rows], "columns": [], "cells": []}}
    page.run()


def test_chosen_rows_are_not_other_runs_once_the_table_has_changed():
    a_run("first")
    page = train_page()
    choose_rows(page, 0)
    assert "table-delete" in {button.key for button in page.button}

    run = a_run("second")
    config = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(
        json.dumps(config | {"created": "2026-11-25T08:00:00+00:00"})
    )
    page.run()

    assert page.dataframe[0].value["run"].tolist() == ["second", "first"]
    assert "table-delete" not in {button.key for button in page.button}


def test_chosen_runs_are_laid_over_with_the_settings_in_which_they_differ():
    a_run("first", seed=1)
    a_run("second", seed=2, learning_rate=0.01)
    page = train_page()

    choose_rows(page, 0, 1)

    assert not page.exception and len(page.get("plotly_chart")) == 2
    numbers = page.dataframe[1].value
    assert numbers.columns.tolist() == ["second", "first"]
    assert numbers.loc["epochs"].tolist() == ["2 of 2", "2 of 2"]
    assert numbers.loc["parameters", "first"] == f"{totals(PRESETS['fast'].spec).parameters:,}"
    assert page.get("download_button")[0].label == "Metrics (CSV)"
    differing = page.dataframe[2].value
    assert sorted(differing.index) == ["Peak learning rate", "Random seed"]
    assert sorted(differing.columns) == ["first", "second"]


def test_metrics_are_given_as_one_table():
    log = MetricsLog(a_run("done").path / "metrics.jsonl")
    log.refresh()

    table = pd.read_csv(io.BytesIO(actions.metrics_csv({"done": log})))

    assert set(table["run"]) == {"done"}
    assert table["kind"].tolist().count("step") == 60 and table["step"].is_monotonic_increasing
    assert table[table["kind"] == "epoch"]["val_accuracy"].tolist() == [0.91, 0.91]


def test_curves_are_exported_for_tensorboard():
    pytest.importorskip("tensorboard")
    log = MetricsLog(a_run("done").path / "metrics.jsonl")
    log.refresh()

    with zipfile.ZipFile(io.BytesIO(tensorboard.zipped(log))) as archive:
        assert [name.startswith("events") for name in archive.namelist()] == [True]


def test_running_again_keeps_the_processes_and_the_cluster(monkeypatch):
    run, asked = a_run("wide"), {}
    (run.path / "launch.json").write_text('{"processes": 4}')
    (run.path / "cluster.json").write_text('{"run": "far-1", "attempt": 1, "submitted": true}')
    monkeypatch.setattr(runs, "launch", lambda *_, **given: asked.update(given))

    press(train_page(run="wide"), "Run again")

    assert (asked["processes"], asked["on_cluster"], asked["preset"]) == (4, True, "fast")


def test_deleting_asks_first():
    a_run("old")

    page = press(train_page(run="old"), "Delete")

    assert runs.read_run("old").state == "finished"
    assert page.button(key="delete-confirm").label == "Delete"


def test_a_public_page_does_not_train_and_shows_recorded_runs(monkeypatch):
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")

    page = train_page()

    assert "turned off" in texts(page) and "Recorded runs" in texts(page)
    assert "Start training" not in {button.label for button in page.button}


def test_a_public_page_with_training_offers_presets_only(monkeypatch):
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")
    monkeypatch.setenv("VGGCORE_PUBLIC_TRAINING", "1")

    page = train_page()

    assert page.radio(key="train-preset").options == ["try-out"]
    assert [widget.key for widget in page.number_input] == ["train-try-out-seed"]
    press(page, "Start training")
    assert runs.list_runs()[0].config["train"]["max_minutes"] == 10.0


def test_the_recorded_tutorial_is_always_labelled():
    page = train_page(recorded="tutorial-published")

    assert not page.exception and "Recorded on an unnamed GPU" in texts(page).replace("\\", "")
    press(page, "Replay")
    assert not page.exception and "Replay: " in page.get("progress")[0].proto.text


def test_several_seeds_start_a_group_and_lead_to_its_page():
    page = train_page()
    page.text_input(key="train-name").set_value("mine").run()
    page.number_input(key="train-seeds").set_value(2).run()
    assert "runs launch --seeds 2 --name mine" in page.code[0].value
    press(page, "Start training")

    assert page.query_params["group"] == "mine" and not page.exception
    assert [run.name for run in runs.group("mine").runs] == ["mine-s0", "mine-s1"]
    assert "differ only in their seeds: 0, 1" in texts(page)


def test_a_queued_run_says_its_place_what_is_before_it_and_how_long(monkeypatch):
    half_way = {"state": "running", "device": "cpu", "step": 30, "total_steps": 60}
    waiting = {"state": "queued", "choices": ["cpu"]}
    for name, rows, status in (
        ("first", 30, half_way),
        ("second", 0, waiting | {"ticket": 1}),
        ("third", 0, waiting | {"ticket": 2}),
    ):
        (a_run(name, rows=rows).path / "status.json").write_text(json.dumps(status))
    with monkeypatch.context() as patch:
        patch.setattr("vggcore.runs.locks.is_alive", lambda path: True)
        sentence = panel.what_it_waits_for(runs.read_run("third"))

    left = r"\(about [^()]+ left\)"
    assert re.fullmatch(
        rf"Number 2 in the queue, after first {left}.+second {left}: starts in about .+", sentence
    )


def in_group(run: runs.Run, **scores: float) -> runs.Run:
    """The run, moved into the group "mine", with these scores."""
    config = json.loads((run.path / "config.json").read_text()) | {"group": "mine"}
    (run.path / "config.json").write_text(json.dumps(config))
    (run.path / "best.json").write_text(scored_card(VGGSpec(), **scores))
    return runs.read_run(run.name)


def test_a_group_shows_mean_and_spread_and_leads_to_its_runs():
    for seed, accuracy in ((0, 0.9), (1, 0.92)):
        in_group(a_run(f"mine-s{seed}", seed=seed), val_accuracy=accuracy)

    page = train_page(group="mine")

    assert not page.exception
    assert [metric.value for metric in page.metric] == ["91.0 ± 1.4 %", "–", "2 of 2"]
    assert "Not counted" not in texts(page)
    assert len(page.get("plotly_chart")) == 2
    assert page.toggle(key="look-group-mine-reference").value
    everything = train_page()
    assert "91.0 ± 1.4 %" in texts(everything)
    assert "no group of runs named" in texts(train_page(group="<b>")).replace("\\", "")


def test_a_group_counts_finished_runs_and_names_the_others():
    in_group(a_run("mine-s0", seed=0), val_accuracy=0.9, test_accuracy=0.8, test_images=10)
    in_group(a_run("mine-s1", "stopped", rows=30, seed=1), val_accuracy=0.5, test_accuracy=0.4)
    page = train_page(group="mine")

    assert [metric.value for metric in page.metric] == ["90.0 %", "80.0 %", "1 of 2"]
    assert page.metric[1].delta == "of 10; 95 %: 49.0 to 94.3 %"
    assert "Not counted: mine-s1 (stopped)." in texts(page).replace("\\", "")
    assert not page.get("progress") and page.get("download_button")
    press(page, "Delete all")
    assert "mine-s0, mine-s1: curves" in texts(page).replace("\\", "")


def test_the_runs_of_a_group_are_stopped_at_once_and_their_progress_is_shown():
    in_group(a_run("mine-s0", seed=0), val_accuracy=0.9)
    launched = [
        runs.launch(VGGSpec(), TrainConfig(device="cpu"), name=f"mine-s{n}") for n in (1, 2)
    ]
    for run in launched:
        in_group(run)
    page = train_page(group="mine")

    assert page.get("progress")[0].proto.text == "1 of 3 runs finished"
    assert page.get("progress")[0].proto.value == 33
    press(page, "Stop all")
    assert {runs.wait_until_ended(run.name, 10).state for run in launched} == {"stopped"}


def test_a_group_on_other_pictures_is_not_compared_with_the_tutorial():
    in_group(a_run("mine-s0", dataset="synthetic"))

    page = train_page(group="mine")

    assert not page.exception and len(page.get("plotly_chart")) == 2
    assert "look-group-mine-reference" not in {toggle.key for toggle in page.toggle}


def test_notes_and_tags_are_written_on_the_page_and_found_by_the_filter():
    a_run("mine")
    a_run("other")
    page = train_page(run="mine")
    page.text_area(key="note-mine").set_value("with *more* shift")
    page.multiselect(key="tags-mine").set_value(["slow"])
    press(page, "Save")

    assert runs.read_run("mine").notes == runs.Notes(note="with *more* shift", tags=("slow",))
    assert "with \\*more\\* shift" in texts(page)

    page = train_page()
    page.text_input(key="train-filter").set_value("more").run()
    assert page.dataframe[0].value["run"].tolist() == ["mine"]


@pytest.fixture
def four_gigabytes_free(monkeypatch):
    """Memory as the form sees it; its ten-second cache is cleared before and after the test."""
    monkeypatch.setattr("vggcore.machine.memory.free_memory", lambda device: 4_000_000_000)
    st.cache_data.clear()
    yield
    st.cache_data.clear()


def test_the_largest_batch_is_offered_and_taken(four_gigabytes_free):
    page = train_page()
    page.button(key="train-largest-batch").click().run()

    size = page.number_input(key="train-fast-batch_size").value
    assert size > 128 and not page.exception
    assert f"--batch-size {size}" in page.code[0].value
    assert not [button for button in page.button if button.key == "train-largest-batch"]


def test_a_link_fills_in_the_form():
    page = train_page(
        preset="tutorial", configuration="D", width="1/4", image_size="64", batch_norm="true",
        epochs="3",
    )  # fmt: skip

    assert not page.exception
    assert page.code[0].value == (
        "python -m vggcore train --preset tutorial --configuration D --width 1/4 --batch-norm "
        "--image-size 64 --epochs 3"
    )
    page.number_input(key="train-tutorial-epochs").set_value(4).run()
    assert "--epochs 4" in page.code[0].value  # the link does not override it


def test_a_link_that_is_followed_again_fills_in_the_form_again():
    link = dict(preset="tutorial", epochs="3")
    page = train_page(**link)
    page.radio(key="train-preset").set_value("fast").run()
    assert "--preset fast" in page.code[0].value  # the visitor's own choice

    page.switch_page("pages/compare.py").run()
    page.query_params.update(link)
    page.switch_page("pages/train.py").run()

    assert page.code[0].value == "python -m vggcore train --preset tutorial --epochs 3"


@pytest.mark.parametrize(
    ("query", "start"),
    [
        ({}, "wild"),
        ({"init_from": "fashion-mnist"}, "fashion-mnist"),
        ({"init_from": "gone-run"}, "gone-run"),  # about which the start then says so
    ],
)
def test_the_form_starts_from_what_the_recipe_or_the_link_says(query, start):
    page = train_page(preset="own-from-wild", **query)
    assert page.selectbox(key="train-own-from-wild-init_from").value == start


@pytest.mark.parametrize(
    "strange",
    [dict(preset="x"), dict(width="7"), dict(configuration="Z"), dict(configuration="Z-bn"),
     dict(image_size="9"), dict(epochs="many"), dict(batch_norm="2"), dict(dropout="nan"),
     dict(optimizer="<b>")],
)  # fmt: skip
def test_what_a_link_asks_for_and_cannot_be_is_said(strange):
    page = train_page(**strange)

    assert not page.exception and "The link asks for" in page.warning[0].value
    assert page.code[0].value == "python -m vggcore train --preset fast"


def test_a_finished_run_leads_to_its_results_and_to_classify():
    run = a_run("mine")
    (run.path / "best.json").write_text("{}")

    links = [link.proto.label for link in train_page(run="mine").get("page_link")]

    assert "Open in Classify" in links and "See its results" in links
    assert "Train longer from these weights" in links


def test_a_run_at_chance_offers_remedies_as_filled_in_forms():
    run = a_run("mine", rows=400)
    rows = [json.loads(row) for row in (run.path / "metrics.jsonl").read_text().splitlines()]
    stuck = [row | {"train_loss": 2.3026, "train_accuracy": 0.1} for row in rows]
    dead = {"kind": "evidence", "gradients": [0, 0, 0, 0, 0, 0.3], "dead": [0, 0, 0, 0.2, 1.0]}
    stuck += [dead | {"step": step, "spread": 0.7} for step in (100, 200)]
    stuck += [{"kind": "evidence", "step": 300, "gradients": "x", "dead": None}]  # damaged
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in stuck))
    config = json.loads((run.path / "config.json").read_text())
    config["spec"]["batch_norm"] = False
    (run.path / "config.json").write_text(json.dumps(config))

    page = train_page(run="mine")

    assert not page.exception and "Still at chance" in page.warning[0].value
    assert any("In block 5, 100% of the channels are dead" in text.value for text in page.markdown)
    labels = [link.proto.label for link in page.get("page_link")]
    assert "with batch norm" in labels and "at a fifth of the rate" in labels
    assert "Change and run again" in labels


def test_a_form_that_a_run_filled_in_starts_the_changed_run():
    page = train_page(preset="tutorial", configuration="E", batch_norm="True", learning_rate="0.02")

    assert not page.exception and page.toggle(key="train-tutorial-batch_norm").value
    assert (
        "--configuration E" in page.code[0].value and "--learning-rate 0.02" in page.code[0].value
    )


def test_a_learning_rate_is_found_drawn_and_taken(monkeypatch):
    values = {"rates": [1e-4, 1e-3, 1e-2], "losses": [2.3, 1.2, 0.9], "suggested": 0.00123,
              "lowest": 1e-4, "highest": 3e-3}  # fmt: skip
    asked = []

    def run(command, **_):
        asked.append(command)
        return SimpleNamespace(stdout=json.dumps(values) + "\n", stderr="")

    monkeypatch.setattr("dashboard.train.rate.subprocess.run", run)
    page = train_page()
    page.button(key="train-find-rate").click().run()

    assert not page.exception and asked[0][3:6] == ["train", "--find-rate", "--json"]
    page.button(key="train-use-rate").click().run()
    assert page.number_input(key="train-fast-learning_rate").value == pytest.approx(0.0012)
    assert page.button(key="train-use-rate")  # the sweep still belongs to this recipe
    page.number_input(key="train-fast-batch_size").set_value(64).run()
    assert not [button for button in page.button if button.key == "train-use-rate"]


def test_a_sweep_that_fails_says_why(monkeypatch):
    failed = SimpleNamespace(stdout="", stderr="Traceback\nvggcore train: no data here\n")
    monkeypatch.setattr("dashboard.train.rate.subprocess.run", lambda *_, **__: failed)
    page = train_page()
    page.button(key="train-find-rate").click().run()

    assert not page.exception and "no data here" in page.error[0].value


def test_gpus_are_named_with_what_is_free_and_what_stands_in_the_way(monkeypatch):
    from dashboard.train import forecast
    from vggcore.machine import gpus

    t4 = gpus.Gpu(0, "GPU-a", "Tesla <T4>", 16_000_000_000, 20_000_000, 97, (7, 5))
    monkeypatch.setattr(gpus, "gpus", lambda: [t4])
    monkeypatch.setattr(gpus, "problems", lambda: ["Tesla T4 has no bfloat16"])
    monkeypatch.setattr(hardware, "available_devices", lambda: ["cuda:0", "cpu"])
    forecast._free_memory.clear()

    page = train_page()

    assert not page.exception
    labels = page.selectbox(key="train-fast-device").options
    assert "cuda:0 · Tesla <T4> · 20 MB of 16 GB free · 97 % busy" in labels
    said = texts(page).replace("\\", "")
    assert "Tesla T4 has no bfloat16" in said and "Every GPU is in use" in said
    forecast._free_memory.clear()


def test_the_form_takes_the_pictures_of_a_run_from_a_terminal(tmp_path):
    path = str(own_pictures.folder(tmp_path / "mine"))

    page = train_page(preset="own", pictures=path)

    assert not page.exception and not page.error
    assert page.selectbox(key="train-own-pictures").value == path


def test_several_gpus_can_be_chosen(monkeypatch):
    three = ["cuda:0", "cuda:1", "cuda:2"]
    monkeypatch.setattr(hardware, "available_devices", lambda: [*three, "cpu"])
    monkeypatch.setattr(launching, "device_choices", lambda device: device.split(","))

    page = train_page()
    page.multiselect(key="train-gpus").set_value(["cuda:2", "cuda:0"]).run()
    page.button(key="train-start").click().run()

    run = runs.list_runs()[0]
    assert run.config["train"]["device"] == "cuda:0,cuda:2"
    assert runs.processes_of(run.path) == 2 and run.status.choices == ("cuda:0", "cuda:2")


@pytest.fixture
def a_cluster(monkeypatch, tmp_path):
    """The follower's folder, for a cluster that is named but gives no answer."""
    follower = paths.runs_dir() / ".cluster"
    follower.mkdir(parents=True)
    # The lock keeps a follower from starting, which would write the runs' status anew.
    lock = file_lock.take_lock(follower / "lock")
    with monkeypatch.context() as patch:
        patch.setenv("VGGCORE_RAY", "http://127.0.0.1:9")
        patch.setenv("VGGCORE_RAY_TOKEN", "secret")
        patch.setenv("VGGCORE_STORE", str(tmp_path / "store"))
        yield follower
    os.close(lock)


def offered(page: AppTest) -> list[str]:
    """Where the form offers to train."""
    return [plain(each) for each in page.segmented_control(key="train-on-cluster").options]


def plain(markdown: str) -> str:
    return markdown.replace("\\", "")


def test_a_cluster_can_be_chosen_and_says_in_a_line_when_it_is_not_there(a_cluster):
    page = train_page()
    assert "the cluster at 127.0.0.1" in offered(page)
    said = texts(page)
    assert "1 GPU + 1 CPU" in said and "secret" not in said

    page.number_input(key="train-processes").set_value(2).run()
    assert "runs launch --preset fast --on cluster --processes 2" in page.code[-1].value
    page.button(key="train-start").click().run()

    assert not page.exception and "The cluster at 127.0.0.1 gives no answer" in plain(
        page.error[0].value
    )
    assert runs.list_runs() == []


def test_this_machine_can_be_chosen_where_there_is_a_cluster(a_cluster):
    page = train_page()
    page.segmented_control(key="train-on-cluster").set_value(False).run()
    page.button(key="train-start").click().run()

    assert not page.exception and not runs.list_runs()[0].on_cluster


def test_settings_of_a_cluster_that_cannot_be_used_are_told(monkeypatch):
    monkeypatch.setenv("VGGCORE_RAY", "ray-head")

    page = train_page()

    assert not page.exception
    assert any("VGGCORE_RAY must be an address" in plain(one.value) for one in page.warning)


def test_visitors_of_a_public_page_train_on_its_owners_cluster(a_cluster, monkeypatch):
    monkeypatch.setenv("VGGCORE_PUBLIC", "1")
    assert "train-on-cluster" not in str(train_page())
    monkeypatch.setenv("VGGCORE_PUBLIC_TRAINING", "1")

    page = train_page()

    assert "the cluster at 127.0.0.1" in offered(page)


def test_a_run_on_a_cluster_says_where_it_is_and_what_keeps_us_from_knowing_more(a_cluster):
    run = a_run("far", "running")
    (run.path / "cluster.json").write_text('{"run": "far-1", "attempt": 1, "submitted": true}')
    status = json.loads((run.path / "status.json").read_text())
    trouble = "the cluster at head gives no answer: refused"
    (run.path / "status.json").write_text(json.dumps(status | {"trouble": trouble}))

    page = train_page(run="far")

    assert not page.exception
    assert "The cluster at head gives no answer" in page.warning[0].value
    assert "on the cluster" in texts(page)


def test_a_store_that_cannot_be_seen_is_told_above_the_runs(a_cluster):
    (a_cluster / "pass.json").write_text('{"time": 0, "trouble": "the store s3://x is gone"}')

    page = train_page()

    assert not page.exception
    assert "The store s3://x is gone." in [plain(one.value) for one in page.warning]
