"""The Train form keeps what a run or a link asks for, or says what it cannot keep."""

import argparse
import json
import shlex
from dataclasses import replace
from fractions import Fraction
from functools import partial

import own_pictures
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.shared import links
from dashboard.train import controls
from vggcore import runs
from vggcore.commands import recipe_options
from vggcore.commands import runs as runs_command
from vggcore.machine import hardware, paths
from vggcore.model.architectures import VGGSpec
from vggcore.model.fields import by_name, label, step
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.wild import items

PRESETS_OF_THE_FORM = [name for name in PRESETS if name != "corrections"]
FIELDS = by_name(VGGSpec) | by_name(TrainConfig)
GARMENTS = dict(dataset="fashion-mnist", pictures="", framing="whole", in_channels=1)
CHANGED = partial(links.changed_run, "again")
# What "odd" means where it is not a number a little above the least one.
ODD = {
    "width": Fraction(5, 7),
    "device": "cuda:0,cuda:1",
    "init_from": "/there/net",
    "learning_rate": 0.00123456789,
    "ema": 0.99983,
    "image_size": 77,
}


def form():
    """The form of the Train page, alone."""
    import streamlit as st

    from dashboard.shared import address
    from dashboard.train import controls
    from dashboard.train.form import fill_in
    from vggcore.runs.limits import Limits

    asked = address.take(controls.PARAMETERS, tell=False)
    st.session_state["wish"] = fill_in(Limits(), asked)


@pytest.fixture(scope="module")
def page():
    """One session for all links: one must not leave anything to the next."""
    return AppTest.from_function(form, default_timeout=60)


@pytest.fixture
def filled_in(page, monkeypatch):
    """The form as a run's link fills it in: what it would start, and what it says."""
    monkeypatch.setattr(items, "require", lambda: None)

    def open_form(run: runs.Run, link=CHANGED):
        asked: dict = {}
        monkeypatch.setattr(
            st, "page_link", lambda *_, query_params, **__: asked.update(query_params)
        )
        link(run)
        page.query_params.clear()
        page.query_params.update(asked)
        page.run()
        assert not page.exception
        told = " ".join(each.value for kind in (page.warning, page.caption) for each in kind)
        return page.session_state["wish"], told.replace("\\", "")

    return open_form


def a_run(spec: VGGSpec, train: TrainConfig, preset: str = "fast", processes: int = 1) -> runs.Run:
    """A run folder as far as links read it."""
    folder = paths.runs_dir() / f"run-{len(list(paths.runs_dir().glob('*')))}"
    folder.mkdir(parents=True)
    config = {"name": folder.name, "created": "2026-11-24T08:00:00+00:00", "preset": preset}
    config |= {"spec": spec.to_dict(), "train": train.to_dict()}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "launch.json").write_text(json.dumps({"processes": processes}))
    (folder / "status.json").write_text('{"state": "finished"}')
    return runs.read_run(folder.name)


def understood(command: str) -> tuple[str, VGGSpec, TrainConfig, int, bool]:
    """What a command shown by the form trains, as the command line reads it."""
    program, *words = shlex.split(command)
    processes, parser = 1, argparse.ArgumentParser()
    if program == "torchrun":
        processes = int(words[1].removeprefix("--nproc-per-node="))
    kind, *arguments = words[words.index("vggcore") + 1 :]
    if kind == "train":
        recipe_options.add(parser)
        args = parser.parse_args(arguments)
        return (*recipe_options.chosen(args), processes, False)
    runs_command.add_arguments(parser)
    args = parser.parse_args(arguments)
    return (*recipe_options.chosen(args), args.processes, args.on == "cluster")


def at(which: str, name: str):
    """A field's least, largest or an odd value."""
    field = FIELDS[name]
    meta = field.metadata
    if which == "odd" and name in ODD:
        return ODD[name]
    if meta["kind"] is bool:
        return which != "least"
    if meta["low"] is not None:
        low, high = meta["low"], meta["high"]
        odd = low + (high - low) // 3 if meta["kind"] is int else low + (high - low) / 7
        return {"least": low, "largest": high, "odd": odd}[which]
    if name == "width":
        return Fraction(1, 64) if which == "least" else Fraction(4)
    if name == "device":
        return "cpu" if which == "least" else "cuda:7"
    options = list(meta["choices"] or meta["offered"] or [field.default])
    return options[{"least": 0, "largest": -1, "odd": len(options) // 2}[which]]


def everything(which: str, **fixed) -> tuple[VGGSpec, TrainConfig]:
    values = {name: at(which, name) for name in FIELDS} | fixed
    spec = VGGSpec(**{name: values[name] for name in by_name(VGGSpec)})
    return spec, TrainConfig(**{name: values[name] for name in by_name(TrainConfig)})


def cases(folder) -> dict:
    """Networks and recipes that between them have each field at its ends and at an odd value."""
    garments = GARMENTS | {"num_classes": 10}
    wild = dict(train_limit=0, fit="pad", flip=False, shift=0, mixup=0.0, cutmix=0.0)
    own = dict(dataset="pictures", pictures=str(folder), num_classes=3, fit="pad")
    return {
        "least": everything("least", **garments),
        "largest": everything("largest", **garments),
        "odd": everything("odd", **garments),
        "wild": everything("odd", **garments | wild | {"dataset": "wild", "in_channels": 4}),
        "own": everything("odd", **own, framing="object", in_channels=3),
        "own, whole": everything("largest", **own, framing="whole", in_channels=1),
    }


@pytest.mark.parametrize("preset", ["fast", "best", "own-from-wild"])
def test_a_run_goes_through_link_and_form_to_the_same_command(preset, filled_in, tmp_path):
    for name, (spec, train) in cases(own_pictures.folder(tmp_path / "mine")).items():
        wish, told = filled_in(a_run(spec, train, preset))

        assert (name, wish.problem, told.count("The link asks")) == (name, "", 0)
        assert (wish.spec, wish.train) == (spec, train), name
        processes = len(train.device.split(","))
        _, *trained, several, _ = understood(wish.command())
        assert (trained, several) == ([spec, train], processes), name


def test_presets_go_through_unchanged(filled_in, tmp_path):
    folder = own_pictures.folder(tmp_path / "mine")
    for name in PRESETS_OF_THE_FORM:
        preset = PRESETS[name]
        spec, train = preset.spec, preset.train
        if train.dataset == "pictures":
            spec, train = replace(spec, num_classes=3), replace(train, pictures=str(folder))
        wish, _ = filled_in(a_run(spec, train, name))

        assert (wish.preset, wish.spec, wish.train) == (name, spec, train)


def test_a_run_trains_longer_by_its_own_recipe_from_its_own_weights(filled_in):
    preset = PRESETS["best"]
    recipe = replace(preset.train, epochs=7)
    started = replace(recipe, init_from="wild", init_layers="deeper", freeze_epochs=2)
    run = a_run(preset.spec, started, "best")

    wish, told = filled_in(run, links.longer)

    assert (wish.problem, wish.spec, told.count("The link asks")) == ("", preset.spec, 0)
    assert wish.train == replace(recipe, init_from=run.name)


def test_several_processes_are_kept_on_this_machine_and_on_the_cluster(filled_in, monkeypatch):
    here = a_run(PRESETS["fast"].spec, PRESETS["fast"].train, processes=4)
    there = a_run(PRESETS["fast"].spec, PRESETS["fast"].train, processes=4)
    (there.path / "cluster.json").write_text('{"run": "far-1", "attempt": 1, "submitted": true}')
    there = runs.read_run(there.name)

    wish, _ = filled_in(here)
    assert understood(wish.command())[3:] == (4, False)
    wish, told = filled_in(there)
    assert understood(wish.command())[3:] == (4, False) and "None is set up here" in told

    monkeypatch.setenv("VGGCORE_RAY", "http://127.0.0.1:9")
    monkeypatch.setenv("VGGCORE_STORE", str(paths.runs_dir() / "store"))
    monkeypatch.setattr("vggcore.runs.run._attend", lambda: None)
    assert understood(filled_in(there)[0].command())[3:] == (4, True)
    assert understood(filled_in(here)[0].command())[3:] == (4, False)


def test_what_no_training_allows_is_said(filled_in, page):
    fast = PRESETS["fast"]
    wish, _ = filled_in(a_run(replace(fast.spec, in_channels=2), fast.train))
    assert "needs in_channels 1, not 2" in wish.problem

    for strange in ("num_classes=7", "dataset=corrections", "image_size=31", "dropout=1"):
        page.query_params.clear()
        page.query_params.update([strange.split("=")])
        page.run()
        assert not page.exception and strange in page.warning[0].value.replace("\\", "")


def test_a_device_of_another_machine_is_kept_and_cannot_be_started_here(filled_in):
    fast = PRESETS["fast"]
    elsewhere = filled_in(a_run(fast.spec, replace(fast.train, device="cuda:7")))[0]
    here = filled_in(a_run(fast.spec, replace(fast.train, device="cpu")))[0]

    assert (elsewhere.missing, here.missing) == ("cuda:7", "")
    assert "--device cuda:7" in elsewhere.command()


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_value_is_offered_and_a_step_stays_small(name):
    field = FIELDS[name]
    low, high = field.metadata["low"], field.metadata["high"]
    of = {(VGGSpec, "spec"), (TrainConfig, "train")}
    part = next(part for kind, part in of if name in by_name(kind))
    used = {field.default, *(getattr(getattr(each, part), name) for each in PRESETS.values())}
    if offered := field.metadata["choices"] or field.metadata["offered"]:
        assert {str(each) for each in used} <= set(map(str, offered))
    elif low is not None:
        for value in used - {None}:
            assert 0 < step(field, value) <= max(1, (high - low) / 5)
            assert low <= value <= high and step(field, value) <= max(value - low, high - value)


def test_only_runs_on_the_same_device_train_first(monkeypatch):
    monkeypatch.setattr(hardware, "available_devices", lambda: ["cuda:0", "cuda:1", "cpu"])
    choices = {"both": ("cuda:0", "cuda:1"), "second": ("cuda:1",), "far": ("cluster",)}
    for name, devices in choices.items():
        run = a_run(PRESETS["fast"].spec, PRESETS["fast"].train)
        status = runs.Status(state="running", choices=devices).to_dict()
        (run.path / "status.json").write_text(json.dumps(status))
        (run.path / "lock").touch()
        run.path.rename(run.path.with_name(name))
    monkeypatch.setattr("vggcore.runs.locks.is_alive", lambda path: True)

    assert runs.ahead_of_new("cpu") == []
    assert set(runs.ahead_of_new("cuda:1")) == {"both", "second"}
    assert set(runs.ahead_of_new("auto")) == {"both", "second"}
    (paths.runs_dir() / "second" / "status.json").write_text('{"state": "finished"}')
    assert runs.ahead_of_new("auto") == []  # one GPU is free
    assert runs.ahead_of_new("auto", 2) == ["both"]


def test_controls_exist_for_all_fields_but_the_number_of_classes():
    assert set(FIELDS) - set(controls.PARAMETERS) == {"num_classes"}


def test_every_setting_has_a_name_in_words_and_a_sentence_of_help():
    for name, field in controls._FIELDS.items():
        shown, help = label(field), field.metadata["help"]
        assert not set(shown.split()) & {"init", "ema", "max", "seconds", "minutes"}, name
        assert len(help.split()) > 2 and help != shown, name
    assert controls._FIELDS["seed"].metadata["group"] == "machine"  # "Machine and seed"


def test_every_setting_is_named_and_shown_as_in_the_form_where_runs_are_compared():
    settings = PRESETS["wild"].spec.to_dict() | PRESETS["wild"].train.to_dict()
    labels = {name: controls.label(name) for name in settings}
    assert not [label for label in labels.values() if "_" in label or not label[0].isupper()]
    assert len(set(labels.values())) == len(labels)
    told = {name: controls.shown(name, value) for name, value in settings.items()}
    assert told["in_channels"] == "colours and outline" and told["batch_norm"] == "yes"
    assert not {"True", "False", "None"} & set(told.values())
