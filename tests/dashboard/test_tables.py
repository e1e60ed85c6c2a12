"""Tables on pages."""

import ast

import pytest

from vggcore.machine.paths import shipped_dir

FILES = sorted((shipped_dir().parent / "dashboard").rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_an_empty_cell_of_a_table_is_empty(file):
    """Streamlit would write "None"."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "dataframe":
            assert "placeholder" in {keyword.arg for keyword in node.keywords}, node.lineno
