"""The package as others install it: its public names, its wheel, and one set of version bounds."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from picture_files import encoded, garment

import vggcore
from vggcore.commands import app
from vggcore.machine import paths

ROOT = Path(__file__).resolve().parent.parent


def bounds(lines) -> dict[str, str]:
    """Package → version range, of lines such as `numpy>=2.1,<3`."""
    found = (re.fullmatch(r"([A-Za-z][\w-]*)(.*)", line.strip()) for line in lines)
    return {m[1].lower(): m[2] for m in found if m and not m[0].startswith("-r")}


def test_every_name_that_the_package_hands_on_is_there():
    assert all(getattr(vggcore, name) is not None for name in vggcore.__all__)


def test_a_name_that_is_not_handed_on_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'vggcore' has no attribute 'nothing'"):
        vggcore.nothing  # noqa: B018


def test_counting_layers_needs_no_torch():
    code = (
        "import sys, vggcore\n"
        "spec = vggcore.VGGSpec(configuration='A', width='1/8', num_classes=10)\n"
        "print(vggcore.anatomy.totals(spec).parameters, 'torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout == "2018346 False\n", done.stderr


def test_requirements_and_package_ask_for_the_same_versions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    stated = bounds(project["dependencies"] + [line for extra in extras.values() for line in extra])
    files = "\n".join(file.read_text() for file in ROOT.glob("requirements*.txt"))
    asked = bounds(files.splitlines())

    assert set(stated) == set(asked)
    # The library runs on older versions than the app is tested with.
    for name in ("torch", "torchvision", "pandas"):
        assert asked.pop(name).split(",")[1] == stated.pop(name).split(",")[1]
    assert asked == stated


def test_the_app_starts_with_our_settings_and_the_callers_come_last():
    command = app.command(["--server.port=8502"])

    assert command[4].endswith("streamlit_app.py") and command[-1] == "--server.port=8502"
    assert "--server.maxUploadSize=20" in command and "--client.showErrorDetails=none" in command


def test_without_streamlit_the_app_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(app.importlib.util, "find_spec", lambda name: None)

    assert vggcore_main(["app"]) == 2
    assert "pip install 'vgg-dashboard[app]'" in capsys.readouterr().err


def vggcore_main(arguments: list[str]) -> int:
    from vggcore.commands.cli import main

    return main(arguments)


@pytest.mark.slow
def test_the_wheel_works_outside_the_checkout(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(tmp_path / "site")
    (tmp_path / "shirt.png").write_bytes(encoded(garment(), "PNG"))

    done = subprocess.run(
        [sys.executable, "-m", "vggcore", "classify", "shirt.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site"), "VGGCORE_CHECKPOINTS": ""},
    )

    assert done.returncode == 0 and "shirt.png" in done.stdout, done.stderr
    inside = {str(p.relative_to(tmp_path / "site")) for p in (tmp_path / "site").rglob("*")}
    assert {
        "vggcore/py.typed",
        "vggcore/app/streamlit_app.py",
        "vggcore/app/pages/train.py",
        "vggcore/app/dashboard/shared/palette.py",
        "vggcore/app/.streamlit/config.toml",
        "vggcore/wild/garment_icons/icons.png",
        "vggcore/wild/label_corrections.csv",
        "vggcore/runs/recordings/best.json",
    } <= inside


def test_folders_of_the_checkout_are_found_in_the_checkout():
    assert paths.app_dir() == ROOT
