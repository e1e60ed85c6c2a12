"""The arrows point one way, and the light modules stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path.stem for path in (ROOT / "vggcore").glob("*.py") if path.stem != "__main__")
WITHOUT_TORCH = (
    "vggcore", "vggcore.model.architectures", "vggcore.model.anatomy", "vggcore.data.classes", "vggcore.commands.cli",
    "vggcore.model.recipe", "vggcore.machine.paths", "vggcore.runs", "vggcore.model.checkpoints", "vggcore.runs.folder",
)  # fmt: skip


def loaded_after(*imports: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after these imports."""
    code = "import sys\n" + "\n".join(f"import {name}" for name in imports)
    code += "\nprint(' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_library_never_loads_streamlit_or_plotly():
    modules = loaded_after(*(f"vggcore.{name}" for name in MODULES if name != "__init__"))

    assert not {"streamlit", "plotly"} & modules
    assert "torch" in modules


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_light_modules_do_not_load_torch(name):
    assert not {"torch", "torchvision"} & loaded_after(name)


def test_pages_and_dashboard_import_only_downwards():
    allowed = {"dashboard": {"pages", "streamlit_app"}, "vggcore": {"pages", "dashboard"}}
    for folder, forbidden in allowed.items():
        for file in (ROOT / folder).glob("*.py"):
            imported = {
                (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, (ast.Import, ast.ImportFrom))
            }
            tops = {name.partition(".")[0] for name in imported}
            assert not tops & forbidden, f"{file.name} imports {tops & forbidden}"
