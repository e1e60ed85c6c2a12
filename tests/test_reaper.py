"""A test session that is interrupted leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
INTERRUPTED = """
import signal, subprocess, sys, time
from pathlib import Path
from vggcore import runs
from vggcore.model.presets import PRESETS
from vggcore.runs import launching, locks

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

def test_endless(monkeypatch):
    command = [sys.executable, "-c", DEAF, str(Path.cwd())]
    monkeypatch.setattr(launching, "trainer_command", lambda path, how: command)
    runs.launch(PRESETS["try-out"].spec, PRESETS["try-out"].train)  # outlives its launcher
    server = subprocess.Popen(command, start_new_session=True)
    Path("started").write_text("yes")
    time.sleep(600)
"""


def sleeping(place: Path) -> list[str]:
    """The processes that the session in this folder has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            command = (process / "cmdline").read_bytes().decode()
            if "time.sleep(600)" in command and str(place) in command:
                found.append(process.name)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_session_leaves_no_process_behind(tmp_path, end):
    (tmp_path / "test_endless.py").write_text(INTERRUPTED)
    session = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "--rootdir", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_until(lambda: (tmp_path / "started").exists() or session.poll() is not None)
    assert session.poll() is None, session.stdout.read()
    assert len(sleeping(tmp_path)) == 2

    session.send_signal(end)
    session.communicate(timeout=60)

    wait_until(lambda: not sleeping(tmp_path))


def wait_until(holds) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
