"""What tests need of the machine, which of them run by default, and folders of their own.

A plain `pytest` leaves out the tests with a marker of `LEFT_OUT` and says how to run them:
`pytest --all`, or a marker or a path on the command line. Without any options, it runs two
processes of pytest-xdist. Tests whose needs (`NEEDS`) are missing
are skipped. VGGCORE_REQUIRE=browser,data,… (set in CI) makes such a test fail instead: a check that
silently did not run has not passed.
"""

import functools
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import reaper

# Two processes of tests with two threads each would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from vggcore.machine import paths  # noqa: E402

CHROMIUM = Path("/usr/bin/chromium")


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _installed(*packages: str) -> tuple:
    missing = [package for package in packages if find_spec(package) is None]
    return lambda: not missing, f"{', '.join(missing)} not installed: see requirements-extra.txt"


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
    "ray": _installed("ray", "s3fs", "moto"),
    "notebook": _installed("nbclient", "ipykernel"),
    "onnx": _installed("onnx", "onnxscript", "onnxruntime"),
    "gpu": (_has_gpu, "no CUDA device"),
}
LEFT_OUT = ("browser", "ray", "notebook", "onnx", "slow")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help=f"also tests marked {', '.join(LEFT_OUT)}")


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what takes long, unless the command line says which tests to run."""
    named = config.args_source != pytest.Config.ArgsSource.TESTPATHS
    config.option.all |= named or bool(config.option.markexpr)
    if not config.option.all:
        config.option.markexpr = f"not ({' or '.join(LEFT_OUT)})"
        if _bare(config):
            config.option.dist, config.option.tx = "loadfile", ["popen"] * 2


def _bare(config: pytest.Config) -> bool:
    """Whether this is `pytest` without options, on a machine where two processes are faster."""
    options = config.invocation_params.args or os.environ.get("PYTEST_ADDOPTS")
    in_worker = "PYTEST_XDIST_WORKER" in os.environ  # which must never start workers of its own
    several = (os.cpu_count() or 1) > 1 and config.pluginmanager.hasplugin("xdist")
    return several and not options and not in_worker


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The browser's tests cannot even be imported without the extra packages."""
    in_browser = collection_path == Path(__file__).parent / "e2e"
    return True if in_browser and not config.option.all else None


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if not config.option.all:
        terminalreporter.write_line(
            f"Left out: tests marked {', '.join(LEFT_OUT)}. To run them:\n"
            "  pip install -r requirements-extra.txt && pytest --all    (or, say: pytest -m slow)"
        )


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # workers of xdist belong to their session
        reaper.start()


def pytest_runtest_setup(item: pytest.Item) -> None:
    required = os.environ.get("VGGCORE_REQUIRE", "").split(",")
    for name, (is_there, reason) in NEEDS.items():
        if item.get_closest_marker(name) is None or is_there():
            continue
        if name in required:
            pytest.fail(f"{reason}, and VGGCORE_REQUIRE demands it")
        pytest.skip(reason)


@pytest.fixture(autouse=True, scope="session")
def _components_are_looked_for_once():
    """Each AppTest reads the metadata of all installed packages, for components of theirs."""
    if "streamlit" not in sys.modules:
        yield
        return
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


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


@pytest.fixture(autouse=True)
def _own_checkpoints_alone(monkeypatch):
    """A test that sets VGGCORE_CHECKPOINTS does not find the shipped networks."""
    shipped = paths.shipped_dir()
    monkeypatch.setattr(
        paths, "shipped_dir", lambda: Path(os.environ.get("VGGCORE_CHECKPOINTS") or shipped)
    )
