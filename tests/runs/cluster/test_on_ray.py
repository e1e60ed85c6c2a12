"""Runs on a real Ray cluster: launched, watched, stopped, resumed, and equal to local ones."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ray_cluster import pause, ray_cluster, s3_server, settings_for, stop_follower

from vggcore import runs
from vggcore.commands import cli
from vggcore.machine import paths
from vggcore.model.presets import PRESETS
from vggcore.runs import folder
from vggcore.runs.cluster import submitting
from vggcore.runs.names import LAST, STOP

pytestmark = [pytest.mark.ray, pytest.mark.slow]
TRY_OUT = PRESETS["try-out"]
SPEC = replace(TRY_OUT.spec, width="1/32")
# Short: where a stop or a kill must come before the end, the trainer is paused.
SHORT = replace(
    TRY_OUT.train,
    dataset="synthetic",
    train_limit=1024,
    batch_size=32,
    ema=0.9,
    epochs=4,
    checkpoint_seconds=0.2,
)
SHORT_OPTIONS = (
    "--preset try-out --width 1/32 --dataset synthetic --train-limit 1024 --batch-size 32 "
    "--ema 0.9 --epochs 4 --checkpoint-seconds 0.2"
)
ENDLESS = replace(SHORT, epochs=900)


@pytest.fixture(scope="module")
def cluster():
    with ray_cluster(cpus=1) as started:
        yield started


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> str:
    """Hash of the weights that SHORT gives on this machine."""
    made = folder.create(tmp_path_factory.mktemp("expected") / "local", SPEC, SHORT).path
    done = subprocess.run(
        [sys.executable, "-m", "vggcore", "train", "--from-config", str(made)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "VGGCORE_RAY": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return hashlib.sha256((made / "best.safetensors").read_bytes()).hexdigest()


@pytest.fixture
def here(cluster, tmp_path, monkeypatch):
    """This machine, with a folder store that it shares with the cluster."""
    use(settings_for(cluster, str(tmp_path / "store")), monkeypatch)
    yield tmp_path
    finish_all()


def use(settings: dict[str, str], monkeypatch) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def finish_all() -> None:
    for run in runs.list_runs():
        if run.living:
            runs.stop(run.name)
            wait_for(run.name, *runs.ENDED)
    stop_follower(paths.runs_dir())


def wait_for(name: str, *states: str, seconds: float = 120) -> runs.Run:
    return wait_until(name, lambda run: run.state in states, seconds)


def wait_until(name: str, holds, seconds: float = 120) -> runs.Run:
    deadline = time.monotonic() + seconds
    while not holds(run := runs.read_run(name)):
        assert time.monotonic() < deadline, f"{name} is {run.state}: {run.message} {run.status}"
        time.sleep(0.1)
    return run


def best_weights(run: runs.Run) -> str:
    return hashlib.sha256((run.path / "best.safetensors").read_bytes()).hexdigest()


def test_a_run_from_the_command_line_is_killed_and_resumes_as_if_it_never_was(
    here, expected, capsys
):
    options = f"{SHORT_OPTIONS} --on cluster --name a --json"
    assert cli.main(["runs", "launch", *options.split()]) == 0
    launched = json.loads(capsys.readouterr().out)
    run = wait_for("a", "starting")
    trainer, _ = pause(submitting.run_id_of(run.path))
    os.kill(trainer, signal.SIGKILL)
    crashed = wait_for("a", "crashed")
    resumable = (run.path / LAST).exists()
    runs.resume("a")
    finished = wait_for("a", "finished")

    assert launched["state"] == "queued" and launched["on"] == "cluster"
    assert (run.spec, run.train) == (SPEC, SHORT)
    assert "killed, probably for lack of memory" in crashed.message and resumable
    assert best_weights(finished) == expected
    assert finished.status.summary["test_accuracy"] > 0.5
    assert (run.path / "best.results.npz").exists()
    assert "finished after 4" in runs.log_tail(finished)


def test_a_run_is_stopped_and_resumed_at_the_exact_step_through_s3(cluster, expected, monkeypatch):
    with s3_server() as store:
        use(settings_for(cluster, "") | store, monkeypatch)
        runs.launch(SPEC, SHORT, name="b", on_cluster=True)
        trainer, folder = pause(submitting.run_id_of(wait_for("b", "starting").path))
        runs.stop("b")
        wait_until("b", lambda run: (folder / STOP).exists())
        os.kill(trainer, signal.SIGCONT)
        stopped = wait_for("b", "stopped")
        runs.resume("b")
        finished = wait_for("b", "finished")
        finish_all()

    assert 0 < stopped.status.step < finished.status.step
    steps = [row["step"] for row in rows(finished) if row["kind"] == "step"]
    assert steps == sorted(set(steps))
    assert best_weights(finished) == expected


def rows(run: runs.Run) -> list[dict]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def test_a_run_waits_for_room_and_two_machines_with_one_store_see_the_same_runs(here, monkeypatch):
    runs.launch(SPEC, ENDLESS, name="shared", on_cluster=True)
    wait_for("shared", "running")
    check_waiting_and_deleting(here / "store")
    first, second = paths.runs_dir(), here / "second"
    monkeypatch.setenv("VGGCORE_RUNS", str(second))

    seen = wait_elsewhere("shared", "running")
    runs.stop("shared")
    wait_for("shared", "stopped")
    monkeypatch.setenv("VGGCORE_RUNS", str(first))
    stopped = wait_for("shared", "stopped")
    runs.resume("shared")
    wait_for("shared", "running")
    monkeypatch.setenv("VGGCORE_RUNS", str(second))
    resumed = wait_for("shared", "running")
    runs.stop("shared")
    wait_for("shared", "stopped")
    runs.delete("shared")
    monkeypatch.setenv("VGGCORE_RUNS", str(first))
    wait_until_gone("shared")
    stop_follower(second)

    assert seen.on_cluster and stopped.status.step > 0
    assert resumed.status.step >= 0


def check_waiting_and_deleting(store: Path) -> None:
    """While a run has the node to itself, another one waits, is cancelled and deleted."""
    runs.launch(SPEC, ENDLESS, name="second", on_cluster=True)
    waiting = wait_until("second", lambda run: "resources" in run.message)
    runs.stop("second")
    cancelled = wait_for("second", "stopped")
    stored = submitting.run_id_of(cancelled.path)
    runs.delete("second")

    assert waiting.state == "queued"
    assert cancelled.message == "cancelled before it started" and cancelled.resumable
    assert not (store / stored).exists()
    with pytest.raises(runs.RunError, match="stop it before you delete it"):
        runs.delete("shared")


def wait_elsewhere(name: str, state: str) -> runs.Run:
    """Wait for a run that this machine has yet to discover."""
    wait_until_listed(name)
    return wait_for(name, state)


def wait_until_listed(name: str) -> None:
    deadline = time.monotonic() + 60
    while name not in [run.name for run in runs.list_runs()]:
        assert time.monotonic() < deadline, "not discovered"
        time.sleep(0.2)


def wait_until_gone(name: str) -> None:
    deadline = time.monotonic() + 60
    while name in [run.name for run in runs.list_runs()]:
        assert time.monotonic() < deadline, "still here"
        time.sleep(0.2)


def test_two_workers_train_one_run_stop_and_resume(here, monkeypatch):
    monkeypatch.setenv("VGGCORE_RAY_CPUS", "0.5")  # both fit on the node's one CPU
    train = replace(SHORT, train_limit=2048, batch_size=64)  # the workers are not paused
    runs.launch(SPEC, train, name="d", on_cluster=True, processes=2)
    wait_until("d", lambda run: run.status.step > 20)
    runs.stop("d")
    stopped = wait_for("d", "stopped")
    runs.resume("d")
    finished = wait_for("d", "finished", seconds=300)

    steps = [row["step"] for row in rows(finished) if row["kind"] == "step"]
    assert 20 < stopped.status.step < finished.status.step
    assert steps == sorted(set(steps))
    assert finished.status.summary["test_accuracy"] > 0.5
    assert (finished.path / "best.results.npz").exists()
