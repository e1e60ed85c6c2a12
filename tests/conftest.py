"""What tests need of the machine, and run folders of their own.

Tests marked `browser`, `data`, `garments`, `ray` or `gpu` are skipped where that is missing.
VGGCORE_REQUIRE=browser,data,garments,ray (set in CI) makes such a test fail instead: a check that
silently did not run has not passed.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from vggcore.machine import paths

CHROMIUM = Path("/usr/bin/chromium")


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


NEEDS = {
    "browser": (CHROMIUM.exists, f"{CHROMIUM} is not installed"),
    "data": (
        lambda: (paths.data_dir() / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte").exists(),
        "Fashion-MNIST is not under VGGCORE_DATA",
    ),
    "garments": (
        lambda: (paths.data_dir() / "garments-dev").is_dir(),
        "garments-dev is not under VGGCORE_DATA",
    ),
    "ray": (lambda: find_spec("ray") is not None, "Ray is not installed"),
    "gpu": (_has_gpu, "no CUDA device"),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    required = os.environ.get("VGGCORE_REQUIRE", "").split(",")
    for name, (is_there, reason) in NEEDS.items():
        if item.get_closest_marker(name) is None or is_there():
            continue
        if name in required:
            pytest.fail(f"{reason}, and VGGCORE_REQUIRE demands it")
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def _own_main_module():
    """Streamlit's AppTest leaves its script as `__main__`, which spawned processes would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def _own_runs_folder(tmp_path, monkeypatch):
    """No test sees, or leaves behind, runs and pictures of the person who starts it."""
    monkeypatch.setenv("VGGCORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VGGCORE_PICTURES", str(tmp_path / "own-pictures"))
