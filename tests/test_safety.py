"""What strangers send stays text, and none of it is executed."""

import ast
import json
import tomllib
from pathlib import Path

import pytest
from untrained import save_untrained

from dashboard.shared import formatting, thumbnails
from vggcore import runs

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    file
    for pattern in ("*.py", "pages/*.py", "dashboard/**/*.py", "vggcore/**/*.py", "deploy/*.py")
    for file in ROOT.glob(pattern)
)
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "a\0b",
    "[x](y)",
    "$(touch hacked)",
    "'; DROP TABLE",
    "x" * 10_000,
    "\u202egnp.exe",
    "%00",
    "-1",
    "nan",
)
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load"}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path / "data"))
    save_untrained(tmp_path / "checkpoints", "drawn")
    file = tmp_path / "checkpoints" / "drawn.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"data": {"name": "synthetic"}}))
    return tmp_path


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_sources_execute_no_text_no_shell_and_no_pickle(file):
    tree = ast.parse(file.read_text())

    for node in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(node.func)
        # With `weights_only` PyTorch's own unpickler builds tensors, and nothing else.
        tensors_only = any(
            keyword.arg == "weights_only" and getattr(keyword.value, "value", None) is True
            for keyword in node.keywords
        )
        if not (name == "torch.load" and tensors_only):
            assert name not in FORBIDDEN_CALLS, f"line {node.lineno}: {name}()"
        for keyword in node.keywords:
            if keyword.arg in ("shell", "allow_pickle"):
                assert keyword.value.value is False, f"line {node.lineno}: {keyword.arg}"
    imported = {
        name.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    } | {
        node.module.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert not imported & FORBIDDEN_MODULES


def test_there_are_sources_to_look_at():
    assert len(SOURCES) > 30


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ("-1", "nan")])
def test_run_names_that_are_no_names_are_refused_everywhere(name):
    for action in (
        runs.read_run,
        runs.stop,
        runs.resume,
        runs.delete,
        runs.check_name,
    ):
        with pytest.raises(ValueError):
            action(name)


def test_names_of_files_are_shown_as_text():
    from PIL import Image

    html = thumbnails.strip([('"><script>alert(1)</script>.png', Image.new("L", (4, 4)))])

    assert "<script" not in html and "&lt;script&gt;" in html
    assert formatting.plain("**bold** [x](y) <b>") == r"\*\*bold\*\* \[x\]\(y\) \<b\>"


def test_the_server_is_configured_for_strangers():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())

    assert config["server"]["enableXsrfProtection"] and config["server"]["enableCORS"]
    assert config["server"]["maxUploadSize"] <= 20 and config["server"]["maxWidgetStateSize"] <= 5
    assert config["server"]["disconnectedSessionTTL"] <= 120
    assert config["client"]["showErrorDetails"] == "none"
