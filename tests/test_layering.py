"""Imports point one way, and the light modules stay light."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A wing may import wings on a lower floor, and nothing on its own floor or above.
FLOORS = (
    ("vggcore.machine",),
    ("vggcore.pictures",),
    ("vggcore.data", "vggcore.model"),
    ("vggcore.answers", "vggcore.runs"),
    ("vggcore.wild",),
    ("vggcore.training",),
    ("vggcore.commands",),
    ("dashboard",),
    ("pages",),
    ("streamlit_app",),
)
FLOOR_OF = {wing: floor for floor, wings in enumerate(FLOORS) for wing in wings}
WITHOUT_TORCH = (
    "vggcore",
    "vggcore.model.architectures",
    "vggcore.model.anatomy",
    "vggcore.data.classes",
    "vggcore.commands.cli",
    "vggcore.model.presets",
    "vggcore.machine.paths",
    "vggcore.runs",
    "vggcore.runs.folder",
    "vggcore.model.checkpoints",
)
WITHOUT_A_SCREEN = {"streamlit", "plotly"}


def modules() -> list[str]:
    """Dotted names of all modules of the library."""
    files = sorted((ROOT / "vggcore").rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def loaded_after(*imports: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after these imports."""
    code = "import sys\n" + "\n".join(f"import {name}" for name in imports)
    code += "\nprint(' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def wing_of(module: str) -> str | None:
    """The wing that a dotted name belongs to; None outside the project."""
    return next((wing for wing in FLOOR_OF if f"{module}.".startswith(f"{wing}.")), None)


def imports(source: str) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it the import is."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def upward(wing: str, source: str) -> list[str]:
    """What a module of this wing imports from wings beside or above its own."""
    return [
        name
        for name in imports(source)
        if (other := wing_of(name)) and other != wing and FLOOR_OF[other] >= FLOOR_OF[wing]
    ]


def test_the_library_never_loads_streamlit_or_plotly():
    loaded = loaded_after(*modules())

    assert not WITHOUT_A_SCREEN & loaded
    assert "torch" in loaded


def test_light_modules_do_not_load_torch():
    code = (
        "import importlib, sys\n"
        f"for name in {WITHOUT_TORCH}:\n"
        "    importlib.import_module(name)\n"
        "    assert not {'torch', 'torchvision'} & set(sys.modules), name"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("wing", [wing for wings in FLOORS for wing in wings])
def test_no_wing_imports_upwards(wing):
    place = ROOT / wing.replace(".", "/")
    files = list(place.rglob("*.py")) or [place.with_suffix(".py")]

    found = {str(file.relative_to(ROOT)): upward(wing, file.read_text()) for file in files}

    assert not {file: names for file, names in found.items() if names}


def test_every_module_of_the_library_stands_in_a_wing():
    assert [name for name in modules() if wing_of(name) is None] == ["vggcore"]


@pytest.mark.parametrize(
    "line",
    [
        "import os, vggcore.training.loop",
        "from vggcore import answers, commands",
        "from vggcore import runs",
        "def late():\n    from dashboard.shared import formatting",
    ],
)
def test_an_import_upwards_is_seen(line):
    assert upward("vggcore.answers", line)


def test_without_a_cluster_nothing_of_it_is_imported():
    code = (
        "import sys\n"
        "import dashboard.train.form\n"
        "from vggcore.commands.cli import main\n"
        "main(['runs', 'list'])\n"
        "print([name for name in sys.modules if 'runs.cluster' in name or name == 'fsspec'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_file_on_the_map_is_there():
    """Paths in a row of docs/architecture.md may leave out `vggcore/` or the folder before them."""
    missing = []
    for row in (ROOT / "docs" / "architecture.md").read_text("utf-8").splitlines():
        folder = ROOT
        for name in re.findall(r"`([\w./-]+(?:\.py|\.js|/))`", row) if row.startswith("|") else ():
            places = [base / name for base in (ROOT, ROOT / "vggcore", folder)]
            place = next((each for each in places if each.exists()), None)
            if place is None:
                missing.append(name)
            elif "/" in name:
                folder = place if place.is_dir() else place.parent
    assert missing == []
