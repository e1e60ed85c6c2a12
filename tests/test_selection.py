"""Which tests run by default, with and without pytest-xdist's workers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SETTINGS = """
[pytest]
testpaths = tests
addopts = -p no:cacheprovider
markers =
    slow: takes long
"""
TWO_TESTS = """
import os
import pytest

def test_quick():
    open(f"quick-{os.environ.get('PYTEST_XDIST_WORKER_COUNT', '1')}", "w").close()

@pytest.mark.slow
def test_slow():
    open("slow", "w").close()
"""


@pytest.mark.parametrize(
    ("options", "ran"),
    [
        ([], ["quick-2"]),
        (["-q"], ["quick-1"]),
        (["-n", "2"], ["quick-2"]),
        (["-n", "2", "--all"], ["quick-2", "slow"]),
        (["tests"], ["quick-1", "slow"]),
    ],
    ids=" ".join,
)
@pytest.mark.skipif(os.cpu_count() == 1, reason="with one processor, two processes are no faster")
def test_a_plain_run_has_two_workers_and_leaves_out_what_is_slow(tmp_path, options, ran):
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").symlink_to(TESTS / "conftest.py")
    (tmp_path / "tests" / "test_two.py").write_text(TWO_TESTS)
    outside = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env=outside | {"PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    made = {file.name for file in tmp_path.iterdir()} - {"pytest.ini", "tests"}
    assert sorted(made) == ran
