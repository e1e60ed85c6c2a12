"""Words that people stumbled over do not come back: see docs/wording.md."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = (
    "ink it",
    "help it see",
    "sees px",
    "only this once",
    "it says, what",
    "imagenet top1",
    "imagenet top5",
    "the wild network looks",
    "turn the knobs",
    "recounts at once",
    "found something to mend",
    "asks for what cannot be",
    "named so",
    "as sure as right",
    "than its ground",
    "plain ground",
    "against ground",
)
PAGES = sorted((ROOT / "pages").glob("*.py")) + sorted((ROOT / "dashboard").rglob("*.py"))
ASSETS = sorted((ROOT / "dashboard").rglob("*.html")) + sorted((ROOT / "dashboard").rglob("*.js"))


def texts(file: Path) -> list[str]:
    """What a file may show to people: its strings, without docstrings and code."""
    if file.suffix != ".py":
        return [file.read_text("utf-8")]
    tree = ast.parse(file.read_text("utf-8"))
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@pytest.mark.parametrize("file", PAGES + ASSETS, ids=lambda file: file.name)
def test_no_page_says_what_people_stumbled_over(file):
    said = " ".join(texts(file)).lower()
    assert not [words for words in FORBIDDEN if words in said]


def button_labels(tree: ast.AST) -> list[str]:
    """The labels of buttons, inside `tr(…)` or not."""
    labels = []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and call.args:
            if getattr(call.func, "attr", "") in ("button", "form_submit_button"):
                label = call.args[0]
                if isinstance(label, ast.Call) and getattr(label.func, "id", "") == "tr":
                    label = label.args[0]
                if isinstance(label, ast.Constant):
                    labels.append(label.value)
    return labels


def test_labels_are_found_within_translations():
    assert button_labels(ast.parse('st.button(tr("Stop"))\nst.button("Go")')) == ["Stop", "Go"]
    found = [label for file in PAGES for label in button_labels(ast.parse(file.read_text()))]
    assert len(found) > 15


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_buttons_begin_with_a_verb_or_a_name(file):
    """A button that begins with an article or a pronoun is a sentence, not an action."""
    labels = button_labels(ast.parse(file.read_text("utf-8")))
    wrong = [label for label in labels if re.match(r"(the|a|an|it|this)\b", label, re.IGNORECASE)]
    assert not wrong
