"""What Streamlit would say in its own words, in all calls of our pages."""

import ast

import pytest

from vggcore.machine.paths import shipped_dir

FILES = [
    file
    for folder in ("dashboard", "pages")
    for file in sorted((shipped_dir().parent / folder).rglob("*.py"))
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_is_empty_says_nothing_in_english(file):
    """Streamlit would write "None" into an empty cell, and "Choose options" into an empty box."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            called = getattr(node.func, "attr", "")
            empty = called in ("dataframe", "multiselect") or (
                called == "selectbox" and given.get("index") == "None"
            )
            assert not empty or "placeholder" in given, node.lineno
