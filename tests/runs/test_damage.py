"""Damaged run folders are shown as damaged, wherever runs are shown, and can be deleted."""

import json

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.train import table
from vggcore import runs
from vggcore.commands.cli import main
from vggcore.machine import paths

DEEP, HUGE = "[" * 100_000, "1" + "0" * 400
NOT_AN_OBJECT = {
    "empty": "",
    "torn": '{"name": ',
    "list": "[1]",
    "null": "null",
    "text": '"x"',
    "deep": DEEP,
    "not-utf8": "\xff\xfe",
    "digits": "1" * 5_000,
}
CONFIGS = NOT_AN_OBJECT | {
    "nothing-in-it": "{}",
    **{
        f"{key}-{number}": {key: value}
        for key, values in {
            "train": ["x", [1], None, {"epochs": "x"}, {"new": 1}, {"seed": float("inf")}],
            "spec": ["x", {"configuration": ["a"]}, {"width": [1]}, {"dropout": float("nan")}],
            "created": [{"a": 1}, 5, "yesterday", "0001-01-01T00:00:00+23:59"],
            "preset": [["a"], 7],
            "group": [{"a": 1}],
            "name": [7],
        }.items()
        for number, value in enumerate(values)
    },
}
STATUSES = NOT_AN_OBJECT | {
    "wrong-types": '{"state": 5, "message": {}, "choices": 7, "summary": [1], "step": "1"}',
    "impossible": f'{{"state": "finished", "step": {HUGE}, "total_steps": -5, "seconds": 1e999}}',
    "not-a-number": '{"state": "running", "seconds": NaN, "total_steps": 9, "step": 1e999}',
    "summary": '{"state": "finished", "summary": {"test_accuracy": "x", "best_val_accuracy": {}}}',
}
NOTES = NOT_AN_OBJECT | {
    "number": '{"note": 3}',
    "tags": '{"tags": 7}',
    "text": '{"tags": "abc"}',
    "markup": '{"tags": ["<script>"]}',
    "numbers": '{"tags": [1, {}]}',
}
CARDS = NOT_AN_OBJECT | {"wrong": '{"val_accuracy": "x"}', "others": '{"test_accuracy": [1]}'}
_STEP = {"kind": "step", "step": 1, "epoch": 0.5, "train_loss": 1.0, "seconds": 1.0}
_EPOCH = {"kind": "epoch", "step": 2, "epoch": 1, "seconds": 2.0, "val_accuracy": 0.5}
_TEN = [[1] * 10] * 10
ROWS = {
    "nothing": {"kind": "epoch"},
    "text": {"step": "2"},
    "endless": {"step": float("inf")},
    "no-epoch": {"epoch": None},
    "no-accuracy": {"val_accuracy": None},
    "text-accuracy": {"val_accuracy": "x"},
    "nan": {"val_accuracy": float("nan")},
    "endless-accuracy": {"val_accuracy": float("inf")},
    "no-seconds": {"seconds": {}},
    "confusion": {"confusion": "x"},
    "ragged": {"confusion": [[1, 2], [3]]},
    "small": {"confusion": [[1, 2], [3, 4]]},
    "letters": {"confusion": [["a"] * 10] * 10},
    "samples": {"confusion": _TEN, "samples": [[0, "x"], 7]},
    "label": {"confusion": _TEN, "samples": [[99, [0.1] * 10]]},
    "event": {"kind": "event", "message": {"a": 1}},
    "kind": {"kind": ["a"]},
    "evidence": {"kind": "evidence", "gradients": ["x"] * 6, "dead": [0] * 5, "spread": 1},
}


def a_run(name: str, **files: str) -> None:
    folder = paths.runs_dir() / name
    folder.mkdir(parents=True)
    whole = {"name": name, "spec": {"image_size": 32}, "train": {}, "created": "2026-11-24T08:00"}
    found = {"config_json": json.dumps(whole), "status_json": '{"state": "stopped"}'} | files
    for file, content in found.items():
        (folder / file.replace("_", ".")).write_text(content, encoding="latin-1")


@pytest.fixture
def damaged() -> dict[str, bool]:
    """A run for each damage, by name: whether its damage is to be told."""
    told = {}
    for name, content in CONFIGS.items():
        whole = {"name": "x", "spec": {}, "train": {}}
        a_run(
            f"config-{name}",
            config_json=content if isinstance(content, str) else json.dumps(whole | content),
        )
        told[f"config-{name}"] = True
    for kind, contents in (("status", STATUSES), ("notes", NOTES), ("best", CARDS)):
        for name, content in contents.items():
            a_run(f"{kind}-{name}", **{f"{kind}_json": content})
            told[f"{kind}-{name}"] = kind == "notes" or (kind == "status" and name in NOT_AN_OBJECT)
    for name, row in ROWS.items():
        lines = [_STEP, _EPOCH, _EPOCH | {"step": 4, "epoch": 2} | row, _STEP | {"step": 5}]
        lines.append(_STEP | {"step": 6} | row | {"kind": "step"})
        a_run(f"rows-{name}", metrics_jsonl="\n".join([*map(json.dumps, lines), DEEP, "7", ""]))
        told[f"rows-{name}"] = False
    return told


def test_every_damaged_run_is_listed_with_its_damage(damaged, capsys):
    listed = {run.name: run for run in runs.list_runs()}
    shown = table.as_table(list(listed.values())).set_index("run")

    assert listed.keys() == damaged.keys() == set(shown.index)
    for name, told in damaged.items():
        run = listed[name]
        assert (
            ("cannot be read" in run.damage)
            == ("cannot be read" in shown.loc[name, "network"])
            == told
        ), name
        assert main(["runs", "show", name]) == 0
        assert ("cannot be read" in capsys.readouterr().out) == told, name
        assert run.resumable == (bool(run.config) and run.state in ("stopped", "crashed")), name
    assert main(["runs", "list"]) == 0 == main(["runs", "list", "--json"])
    assert capsys.readouterr().out.count("cannot be read") == 2 * sum(damaged.values())
    for name in damaged:
        assert main(["runs", "delete", name]) == 0
    assert runs.list_runs() == []


def screens() -> None:
    from dashboard.train import panel, table
    from vggcore import runs

    table.show()
    for run in runs.list_runs():
        panel.show(run.name)


def test_every_damaged_run_has_a_screen_with_delete(damaged, monkeypatch):
    monkeypatch.setattr(st, "page_link", lambda *args, **kwargs: None)  # there are no pages here
    found = runs.list_runs()
    monkeypatch.setattr(runs, "list_runs", lambda: found)  # each screen asks for all tags
    page = AppTest.from_function(screens, default_timeout=300).run()

    assert not page.exception, [(e.message, *e.stack_trace) for e in page.exception]
    keys = {button.key for button in page.button}
    assert {f"delete-{name}" for name in damaged} <= keys
    assert len([e for e in page.error if "cannot be read" in e.value]) == sum(damaged.values())
