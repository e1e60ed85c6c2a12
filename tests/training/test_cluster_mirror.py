"""The job's side of a run on a cluster, with a folder as the store and no Ray."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_run

from vggcore.runs import folder
from vggcore.runs.cluster import settings
from vggcore.runs.cluster.store import Missing, Store, StoredRun
from vggcore.runs.folder import RunFolder
from vggcore.runs.process import BOUND
from vggcore.runs.status import read_status
from vggcore.training import cluster_job, cluster_mirror
from vggcore.training.cluster_mirror import Mirror, fetch

FAKE = Path(__file__).resolve().parents[1] / "fake_trainer.py"


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    monkeypatch.setenv(settings.STORE, str(tmp_path / "store"))
    monkeypatch.setattr(cluster_mirror, "PUSH_SECONDS", 0.02)
    return Store(*settings.store())


@pytest.fixture
def stored(store, tmp_path) -> StoredRun:
    made = folder.create(tmp_path / "made", tiny_run.SPEC, tiny_run.TRAIN)
    run = StoredRun(store, "a-12")
    run.create(made.config, {"processes": 1}, None)
    run.attempt(1).begin()
    return run


@pytest.fixture
def on_node(stored, tmp_path) -> RunFolder:
    fetch(stored, stored.attempt(1), tmp_path / "node" / "a-12")
    return RunFolder(tmp_path / "node" / "a-12")


def save_best(run: RunFolder, weights: bytes) -> None:
    (run.path / "best.safetensors").write_bytes(weights)
    card = {"sha256": hashlib.sha256(weights).hexdigest()}
    (run.path / "best.json").write_text(json.dumps(card))


def wait_until(holds) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_new_run_is_fetched_with_its_recipe(on_node, stored):
    assert on_node.train == tiny_run.TRAIN and not (on_node.path / "last.safetensors").exists()
    with pytest.raises(Missing, match="it was deleted"):
        fetch(StoredRun(stored.store, "b-12"), stored.attempt(1), on_node.path)


def test_what_a_trainer_writes_is_in_the_store_and_the_next_attempt_has_it(
    on_node, stored, tmp_path
):
    attempt = stored.attempt(1)
    with Mirror(stored, attempt, on_node):
        on_node.append_metrics({"kind": "step", "step": 1})
        on_node.write_status("running", step=1, seconds=2.0)
        wait_until(lambda: (attempt.status() or {}).get("step") == 1)
        on_node.append_metrics({"kind": "step", "step": 2})
        (on_node.path / "last.safetensors").write_bytes(b"state")
        save_best(on_node, b"weights")
        on_node.write_status("stopped", step=2, seconds=3.0)
        time.sleep(0.2)
        assert attempt.status()["state"] == "stopping"  # not before everything else is there

    assert attempt.status()["state"] == "stopped"
    assert attempt.pieces("rows").read().count(b"\n") == 2
    stored.attempt(2).begin()
    assert fetch(stored, stored.attempt(2), tmp_path / "again")
    assert (tmp_path / "again" / "best.safetensors").read_bytes() == b"weights"
    assert (tmp_path / "again" / "metrics.jsonl").read_text().count("\n") == 2
    assert read_status(tmp_path / "again").seconds == 3.0


def test_an_attempt_that_ended_before_it_had_a_checkpoint_is_passed_over(on_node, stored, tmp_path):
    with Mirror(stored, stored.attempt(1), on_node):
        (on_node.path / "last.safetensors").write_bytes(b"state")
    stored.attempt(2).begin()
    stored.attempt(2).write_status({"state": "stopped", "message": "cancelled"})
    stored.attempt(3).begin()

    assert fetch(stored, stored.attempt(3), tmp_path / "again")


def test_a_state_is_sent_also_while_weights_and_card_do_not_belong_together(on_node, stored):
    with Mirror(stored, stored.attempt(1), on_node):
        (on_node.path / "best.safetensors").write_bytes(b"weights without their card")
        (on_node.path / "last.safetensors").write_bytes(b"state")

    assert set(stored.attempt(1).files()) == {"last.safetensors"}


def test_a_job_whose_attempt_was_taken_back_does_nothing(stored, fake_trainer):
    stored.attempt(1).withdraw()

    assert cluster_job.main("a-12", "1") == 0
    assert stored.attempts() == []


def test_weights_and_card_that_do_not_belong_together_wait(on_node, stored):
    attempt = stored.attempt(1)
    with Mirror(stored, attempt, on_node):
        (on_node.path / "best.json").write_text('{"sha256": "of other weights"}')
        (on_node.path / "best.safetensors").write_bytes(b"weights")
        (on_node.path / "samples.png").write_bytes(b"picture")
        wait_until(lambda: set(attempt.files()) == {"samples.png"})
        save_best(on_node, b"weights")

    assert set(attempt.files()) == {"best.safetensors", "best.json", "samples.png"}


def test_a_stop_request_in_the_store_reaches_the_folder(on_node, stored):
    with Mirror(stored, stored.attempt(1), on_node):
        stored.attempt(1).request_stop()
        wait_until(on_node.stop_requested)


def test_a_store_that_is_gone_does_not_stop_the_training(on_node, stored, tmp_path, capsys):
    attempt = stored.attempt(1)
    with Mirror(stored, attempt, on_node):
        os.rename(tmp_path / "store", tmp_path / "gone")
        on_node.append_metrics({"kind": "step", "step": 1})
        on_node.write_status("finished", step=1)
        time.sleep(0.3)
        assert not (tmp_path / "store").exists()  # nothing is written in place of the real one
        os.rename(tmp_path / "gone", tmp_path / "store")

    assert attempt.status()["state"] == "finished" and attempt.pieces("rows").read()
    said = capsys.readouterr().out
    assert "store: the store has lost this run" in said and "store: reached again" in said


def test_a_deleted_run_stops_and_writes_nothing(on_node, stored, tmp_path):
    with Mirror(stored, stored.attempt(1), on_node) as mirror:
        stored.delete()
        wait_until(on_node.stop_requested)

    assert mirror.deleted and os.listdir(tmp_path / "store") == [".deleted"]


# --- the job ------------------------------------------------------------------------------------


@pytest.fixture
def fake_trainer(monkeypatch):
    monkeypatch.setattr(
        cluster_job, "trainer_command", lambda path, how: [sys.executable, str(FAKE), str(path)]
    )
    monkeypatch.setattr(cluster_job, "_LOOK_SECONDS", 0.05)


def test_a_job_trains_to_the_end_and_says_so(stored, fake_trainer, capsys):
    assert cluster_job.main("a-12", "1") == 0

    attempt = stored.attempt(1)
    assert attempt.status()["state"] == "finished"
    assert b"torch" in attempt.pieces("log").read()
    assert "finished at step" in capsys.readouterr().out


def test_a_job_that_was_cancelled_while_it_waited_does_nothing(stored, fake_trainer):
    stored.attempt(1).request_stop()

    assert cluster_job.main("a-12", "1") == 0
    assert stored.attempt(1).status() is None


@pytest.mark.parametrize(
    "code, why",
    [
        ("import os; os.kill(os.getpid(), 9)", "killed, probably for lack of memory"),
        ("import os; os.kill(os.getpid(), 11)", "ended by signal 11"),
        ("raise SystemExit(3)", "unexpectedly (exit code 3)"),
    ],
)
def test_a_trainer_that_dies_is_a_crash_with_its_reason(stored, monkeypatch, code, why):
    monkeypatch.setattr(
        cluster_job, "trainer_command", lambda path, how: [sys.executable, "-c", code]
    )

    assert cluster_job.main("a-12", "1") == 1

    said = stored.attempt(1).status()
    assert said["state"] == "crashed" and why in said["message"]


def test_a_start_checkpoint_is_found_by_its_name(stored, tmp_path):
    stored.store.write("a-12/start.safetensors", b"w")
    stored.store.write("a-12/start.json", b"{}")

    environment = cluster_mirror.use_place(stored, tmp_path)

    assert (Path(environment["VGGCORE_CHECKPOINTS"]) / "start.json").read_bytes() == b"{}"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that it is alone")
def test_a_trainer_does_not_outlive_its_job(tmp_path):
    child = (
        "import time; from vggcore.runs.process import end_with_parent as e; e();"
        "print('ready', flush=True); time.sleep(600)"
    )
    parent = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "time.sleep(600)"
    )
    job = subprocess.Popen(
        [sys.executable, "-c", parent],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {BOUND: "1"},
    )
    assert job.stdout.readline() == "ready\n"
    job.kill()

    job.communicate(timeout=60)  # it ends when no process has the other end of the pipe
