"""The notebook for learners runs from top to bottom, and the network it makes can be added."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from vggcore.commands import cli
from vggcore.model import checkpoints

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "train_on_a_free_gpu.ipynb"
SMALL = ["--dataset", "synthetic", "--train-limit", "512", "--epochs", "1", "--width", "1/16"]


@pytest.mark.notebook
def test_the_notebook_trains_and_its_network_can_be_added(tmp_path, monkeypatch, capsys):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = [
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])
    ]
    parameters.source += f'\nRECIPE = "try-out"\nOPTIONS = {SMALL!r}\n'

    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()

    written = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "test accuracy" in written and "from-a-notebook.zip" in written
    with zipfile.ZipFile(tmp_path / "from-a-notebook.zip") as packed:
        packed.extractall(tmp_path / "unpacked")
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("VGGCORE_RUNS", str(tmp_path / "runs-at-home"))
    file = tmp_path / "unpacked" / "from-a-notebook.safetensors"
    assert cli.main(["checkpoints", "add", str(file)]) == 0, capsys.readouterr().err
    assert checkpoints.read_card("from-a-notebook").preset == "try-out"


def test_the_notebook_is_kept_without_outputs():
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None
