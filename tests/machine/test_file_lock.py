"""File locks: exclusive, released with their process, and no obstacle to imports elsewhere."""

import os
import subprocess
import sys

import pytest

from vggcore.machine import paths
from vggcore.machine.file_lock import is_locked, take_lock
from vggcore.machine.files import write_atomically
from vggcore.runs import locks

WITHOUT_FCNTL = """
import sys
sys.modules["fcntl"] = None  # as on Windows
from vggcore import runs
from vggcore.commands.cli import main
from vggcore.training import cost
from dashboard.compare import views
"""


def test_a_lock_is_held_once(tmp_path):
    first = take_lock(tmp_path / "lock")

    assert first is not None and is_locked(tmp_path / "lock")
    assert take_lock(tmp_path / "lock", patience=0) is None
    os.close(first)
    assert not is_locked(tmp_path / "lock")


def test_a_lock_that_must_be_there_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        take_lock(tmp_path / "gone", create=False)

    assert not (tmp_path / "gone").exists()


def test_only_background_runs_need_fcntl(tmp_path):
    """Windows has no fcntl: its own locks replace it (here with a stand-in for their module)."""
    code = (
        "import subprocess, sys, types  # before Windows is played\n"
        "windows = types.ModuleType('msvcrt')\n"
        "windows.LK_LOCK = windows.LK_NBLCK = 1; windows.locking = lambda fd, how, size: None\n"
        "sys.modules['msvcrt'] = windows; platform = sys.platform; sys.platform = 'win32'\n"
        "import vggcore.machine.file_lock\n"
        "sys.platform = platform\n"
        "import vggcore.data.raw_files as raw\n"
        "raw.SYNTHETIC_COUNTS.update(train=96, validation=24, test=24)\n"
        + WITHOUT_FCNTL
        + "for arguments in sys.argv[1:]:\n"
        "    try: assert main(arguments.split()) == 0\n"
        "    except SystemExit as end: assert not end.code\n"
    )
    train = "train --preset try-out --dataset synthetic --epochs 1 --train-limit 0 --device cpu"

    done = subprocess.run(
        [sys.executable, "-c", code, "compare --configurations A", "classify --help", train],
        cwd=paths.PROJECT,
        capture_output=True,
        text=True,
        env=os.environ | {"VGGCORE_RUNS": str(tmp_path)},
    )

    assert done.returncode == 0, done.stderr[-500:]
    assert "test accuracy" in done.stdout


def test_a_write_survives_a_process_that_tidies_up_the_folder(tmp_path, monkeypatch):
    """The process removes what looks half written: here, the file that is being written."""
    chmod, tidied = os.chmod, []

    def tidy_once(path, mode):
        chmod(path, mode)
        if not tidied:
            tidied.append(path)
            locks.remove_temporary_files(tmp_path)

    monkeypatch.setattr(os, "chmod", tidy_once)
    write_atomically(tmp_path / "notes.json", b"{}")

    assert tidied and os.listdir(tmp_path) == ["notes.json"]
