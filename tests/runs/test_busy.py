"""Trainings in the background let visitors who wait for an answer go first."""

import os
import subprocess
import sys

from vggcore import runs
from vggcore.model.presets import PRESETS
from vggcore.runs import launching


def test_a_launched_training_leaves_the_cores_to_the_server(monkeypatch):
    started: list[subprocess.Popen] = []
    popen = subprocess.Popen

    def remembered(*args, **others):
        started.append(popen(*args, **others))
        return started[-1]

    waits = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(launching, "trainer_command", lambda path, how: waits)
    monkeypatch.setattr(subprocess, "Popen", remembered)
    preset = PRESETS["fast"]
    try:
        runs.launch(preset.spec, preset.train, preset="fast")
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, started[0].pid) == min(own + 5, 19)
    finally:
        for process in started:
            process.kill()
