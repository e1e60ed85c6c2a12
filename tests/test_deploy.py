"""Deployments ask for what the project needs, and a public one is limited from the start."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def requirements(text: str) -> dict[str, str]:
    """Package → version range, of lines such as `- streamlit>=1.67,<2`."""
    found = re.findall(r"^\s*-?\s*([A-Za-z][\w-]*)((?:[<>]=?|==?)[\d.,<>=]+)\s*$", text, re.M)
    return {name.lower(): versions for name, versions in found}


def test_community_cloud_gets_every_requirement_in_our_versions():
    ours = requirements((ROOT / "requirements.txt").read_text())
    theirs = requirements((ROOT / "environment.yml").read_text())

    assert len(ours) >= 8
    assert theirs.pop("pytorch-cpu").endswith("<3") and theirs.pop("python") == "=3.11"
    del ours["torch"]
    assert theirs.pop("torchvision").endswith(ours.pop("torchvision").split(",")[1])
    assert theirs == ours


def test_community_cloud_is_public_from_the_start(tmp_path):
    code = (
        "from streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({str(ROOT / 'community_cloud.py')!r}, default_timeout=60)\n"
        "page.switch_page('pages/train.py').run()\n"
        "assert not page.exception, page.exception\n"
        "print([element.value for element in page.info])\n"
    )
    environment = {"PATH": "/usr/bin", "VGGCORE_RUNS": str(tmp_path), "HOME": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert "Training is turned off" in done.stdout


@pytest.mark.parametrize("file", ["deploy/Dockerfile", "deploy/compose.yaml"])
def test_files_that_the_image_needs_are_there(file):
    text = (ROOT / file).read_text()

    for name in re.findall(r"[\w/.-]+\.(?:py|txt|yaml)|deploy/Dockerfile", text):
        assert (ROOT / name).is_file(), name


def test_compose_is_yaml_with_volumes_and_no_privileges():
    yaml = pytest.importorskip("yaml")
    service = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"][
        "dashboard"
    ]

    assert {volume.split(":")[1] for volume in service["volumes"]} == {
        "/srv/data",
        "/srv/runs",
        "/srv/cache",
    }
    assert service["cap_drop"] == ["ALL"] and service["init"] is True
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    assert dockerfile.index("USER vgg") < dockerfile.index("CMD [")
