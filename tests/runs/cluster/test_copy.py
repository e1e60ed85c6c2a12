"""The one true state of a run elsewhere, whatever the cluster and the store say or do not say."""

import json
import os
import time
from dataclasses import dataclass, field, replace

import pytest

from vggcore import runs
from vggcore.machine import paths
from vggcore.machine.files import read_json, write_json
from vggcore.model.presets import PRESETS
from vggcore.runs import folder, locks
from vggcore.runs.cluster import copy, followed, submitting
from vggcore.runs.cluster.copy import Copy
from vggcore.runs.cluster.follower import Follower
from vggcore.runs.cluster.jobs import Job, Unreachable
from vggcore.runs.cluster.settings import Cluster
from vggcore.runs.cluster.store import Attempt, Store, StoredRun


@dataclass
class FakeJobs:
    """Ray's answer. None: it does not know the job; an error: it gives no answer."""

    says: Job | None | Exception = Job("RUNNING")
    printed: str = ""
    stopped: list[str] = field(default_factory=list)

    def find(self, job: str) -> Job | None:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def stop(self, job: str) -> None:
        self.stopped.append(job)

    def log(self, job: str) -> str:
        return self.printed


class World:
    """A run that was launched on a cluster, with the store in a folder."""

    def __init__(self, store: Store, path):
        self.jobs = FakeJobs()
        preset = PRESETS["try-out"]
        folder.create(path, preset.spec, preset.train, preset="try-out")
        submitting.prepare(path)
        about = read_json(path / "cluster.json")
        write_json(path / "cluster.json", about | {"submitted": True})
        self.stored = StoredRun(store, about["run"])
        self.stored.create(read_json(path / "config.json"), {}, None)
        self.attempt = self.stored.attempt(1)
        self.attempt.begin()
        self.copy = Copy(store, self.jobs, path, about["run"])

    def look(self) -> runs.Run:
        self.copy.update()
        return runs.read_run("a")


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path / "store"), {})


@pytest.fixture
def world(store) -> World:
    paths.runs_dir().mkdir()
    return World(store, paths.runs_dir() / "a")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(followed, "_LOST_PATIENCE", 0.0)
    monkeypatch.setattr(followed, "_GIVE_UP_SECONDS", 0.0)


def test_a_pending_job_is_queued_with_rays_reason(world):
    world.jobs.says = Job("PENDING", "waiting for resources")

    assert (world.look().state, world.look().message) == ("queued", "waiting for resources")


def test_rows_log_and_files_come_as_they_are_written(world):
    rows = world.attempt.pieces("rows")
    rows.send(b'{"kind": "step", "step": 1}\n')
    world.attempt.write_status({"state": "running", "step": 1, "choices": ["cpu"]})
    first = world.look()
    rows.send(b'{"kind": "step", "step": 1}\n{"kind": "step", "step": 2}\n')
    world.attempt.write_files({"best.safetensors": b"w", "last.safetensors": b"l"}, {})
    world.attempt.write_status({"state": "running", "step": 2})
    second = world.look()

    assert first.state == "running" and first.status.choices == ("cluster",)
    assert len((second.path / "metrics.jsonl").read_text().splitlines()) == 2
    assert (second.path / "best.safetensors").read_bytes() == b"w"
    assert not (second.path / "last.safetensors").exists()  # large, and replaced all the time

    world.attempt.write_status({"state": "finished", "summary": {"run_dir": "/elsewhere"}})
    ended = world.look()

    assert ended.state == "finished" and ended.status.summary["run_dir"] == str(ended.path)
    assert (ended.path / "last.safetensors").read_bytes() == b"l"


def test_a_job_that_ended_without_a_word_is_a_crash_with_rays_reason_and_log(world):
    world.attempt.write_status({"state": "running", "step": 3})
    world.jobs.says = Job("FAILED", "The node ran out of memory.")
    world.jobs.printed = "Killed\n"

    run = world.look()

    assert run.state == "crashed" and run.resumable
    assert run.message.startswith("The node ran out of memory; resume continues")
    assert "Killed" in runs.log_tail(run)
    assert world.attempt.status()["state"] == "crashed"  # for other machines, and for later


def test_a_cluster_that_gives_no_answer_changes_no_state(world):
    world.attempt.write_status({"state": "running", "step": 3})
    world.jobs.says = Unreachable("the cluster at head gives no answer: refused")
    silent = world.look()
    world.jobs.says = Job("RUNNING")
    again = world.look()

    assert silent.state == "running" and "gives no answer" in silent.status.trouble
    assert again.state == "running" and again.status.trouble == ""


def test_a_store_that_is_gone_changes_no_state_and_comes_back(world, store, tmp_path):
    world.attempt.write_status({"state": "running", "step": 3})
    world.look()
    os.rename(tmp_path / "store", tmp_path / "elsewhere")
    gone = world.look()
    os.rename(tmp_path / "elsewhere", tmp_path / "store")
    world.attempt.write_status({"state": "finished"})
    back = world.look()

    assert gone.state == "running" and "the store has lost this run" in gone.status.trouble
    assert back.state == "finished" and back.status.trouble == ""


def test_an_ended_job_is_not_a_crash_while_the_store_cannot_be_asked(world, tmp_path):
    world.attempt.write_status({"state": "running", "step": 3})
    world.look()
    os.rename(tmp_path / "store", tmp_path / "elsewhere")
    world.jobs.says = Job("SUCCEEDED")
    unknown = world.look()
    os.rename(tmp_path / "elsewhere", tmp_path / "store")
    world.attempt.write_status({"state": "finished"})

    assert unknown.state == "running" and world.look().state == "finished"


def test_a_job_that_the_cluster_has_forgotten_is_lost(world, impatient):
    world.attempt.write_status({"state": "running", "step": 3})
    world.jobs.says = None

    run = world.look()

    assert run.state == "crashed" and "no longer knows its job" in run.message


def test_a_forgotten_job_that_still_writes_is_alive(world):
    world.attempt.write_status({"state": "running", "step": 3})
    world.attempt.pieces("rows").send(b"{}\n")
    world.jobs.says = None

    assert world.look().state == "running"


def test_a_stop_reaches_the_trainer_and_then_ray(world, monkeypatch):
    world.attempt.write_status({"state": "running", "step": 3})
    world.look()
    stopping = runs.stop("a")
    world.look()
    assert stopping.state == "stopping" and world.attempt.stop_requested()
    assert world.jobs.stopped == []

    monkeypatch.setattr(followed, "STOP_PATIENCE", 0.0)
    world.look()
    world.look()
    assert len(world.jobs.stopped) == 1
    world.jobs.says = Job("STOPPED")
    killed = world.look()
    assert killed.state == "stopped" and "was killed" in killed.message
    assert not (killed.path / "stop").exists()


def test_a_waiting_run_is_cancelled(world):
    world.jobs.says = Job("PENDING")
    world.look()
    runs.stop("a")

    run = world.look()  # Ray still keeps the job: it cannot stop what has not begun

    assert (run.state, run.message) == ("stopped", "cancelled before it started")
    assert len(world.jobs.stopped) == 1 and world.attempt.stop_requested()


def test_a_run_to_be_stopped_on_a_dead_cluster_is_given_up_in_the_end(world, impatient):
    world.attempt.write_status({"state": "running", "step": 3})
    world.jobs.says = Unreachable("no answer")
    world.look()
    runs.stop("a")

    given_up = world.look()

    assert given_up.state == "stopped" and given_up.resumable and "given up" in given_up.message


def test_the_job_says_why_nothing_comes(world, impatient):
    world.attempt.write_status({"state": "running", "step": 3})
    world.jobs.printed = "store: the store s3://x cannot be written to: full\n"

    assert world.look().status.trouble == (
        "on the cluster, the store s3://x cannot be written to: full"
    )


def test_a_run_that_another_machine_resumed_is_followed(world):
    world.attempt.write_status({"state": "stopped", "step": 3})
    world.attempt.pieces("rows").send(b'{"step": 3}\n')
    assert world.look().state == "stopped"
    second = world.stored.attempt(2)
    second.begin()
    second.write_status({"state": "running", "step": 5})
    world.copy._looked = 0.0  # it looks only every ten seconds
    world.look()

    run = world.look()

    assert (run.state, run.status.step) == ("running", 5)
    assert (run.path / "metrics.jsonl").read_bytes() == b'{"step": 3}\n'  # until new ones come


def test_a_run_that_another_machine_deleted_goes_and_one_that_the_store_lost_stays(world, store):
    store.delete(world.stored.id)
    assert "the store has lost this run" in world.look().status.trouble

    world.stored.delete()
    world.copy.update()

    assert runs.list_runs() == []


def test_a_launch_that_was_cut_off_can_be_sent_again(world, monkeypatch):
    about = read_json(world.copy.folder / "cluster.json")
    write_json(world.copy.folder / "cluster.json", about | {"submitted": False})
    assert world.look().state == "queued"
    monkeypatch.setattr(copy, "_UNSENT_SECONDS", 0.0)
    world.attempt.withdraw()

    assert "never reached the cluster" in world.look().message


def test_a_launch_that_was_cut_off_after_the_cluster_had_it_is_followed(world, monkeypatch):
    about = read_json(world.copy.folder / "cluster.json")
    write_json(world.copy.folder / "cluster.json", about | {"submitted": False})
    monkeypatch.setattr(copy, "_UNSENT_SECONDS", 0.0)
    world.look()

    assert world.look().state == "starting"  # Ray says that its job runs


def test_files_of_other_names_are_not_written(world):
    names = {"../evil.json": b"1", "config.json": b"2", "run.sh": b"3", "status.json": b"4"}
    world.attempt.write_files(names, {})
    before = (world.copy.folder / "config.json").read_bytes()
    world.look()

    assert (world.copy.folder / "config.json").read_bytes() == before
    assert not (paths.runs_dir() / "evil.json").exists()
    assert not (world.copy.folder / "run.sh").exists()


def test_a_run_that_is_being_renamed_is_left_alone(world):
    world.attempt.write_status({"state": "running", "step": 3})
    lock = locks.take(world.copy.folder)
    try:
        assert world.look().state == "queued"
    finally:
        os.close(lock)
    assert world.look().state == "running"


def test_runs_of_others_are_discovered_also_with_a_config_of_a_newer_version(store, tmp_path):
    paths.runs_dir().mkdir()
    stored = StoredRun(store, "theirs-1234")
    preset = PRESETS["try-out"]
    newer = preset.train.to_dict() | {"a_setting_of_tomorrow": 1}
    config = {"name": "theirs", "spec": preset.spec.to_dict(), "train": newer, "created": "2030"}
    stored.create(config, {"processes": 2}, None)
    stored.attempt(1).begin()
    stored.attempt(1).write_status({"state": "finished", "a_word_of_tomorrow": True})
    follower = Follower(Cluster(address="http://127.0.0.1:9", store=str(tmp_path / "store")))
    follower.jobs = FakeJobs(Job("SUCCEEDED"))
    (paths.runs_dir() / ".cluster").mkdir()

    follower.look_once()
    follower.look_once()

    assert runs.read_run("theirs").state == "finished"
    assert json.loads((paths.runs_dir() / "theirs" / "launch.json").read_text())["processes"] == 2


def test_a_run_taken_for_dead_that_is_not_can_be_stopped(world, impatient, monkeypatch):
    world.jobs.says = None
    assert world.look().state == "crashed"  # its launch, on another machine, was slow
    monkeypatch.setattr(followed, "_LOST_PATIENCE", 20.0)
    world.jobs.says = Job("RUNNING")
    world.attempt.write_status({"state": "running", "step": 1})
    world.copy._looked = 0.0
    world.look()
    assert world.look().state == "running"
    runs.stop("a")
    world.look()

    assert world.attempt.stop_requested()


def test_an_attempt_that_was_taken_back_is_left_for_the_one_before(world):
    world.attempt.write_status({"state": "stopped", "step": 3})
    world.stored.attempt(2).begin()
    world.look()
    world.copy.update()
    world.stored.attempt(2).withdraw()
    world.look()

    assert world.look().state == "stopped" and world.stored.attempts() == [1]


def test_a_card_says_what_its_run_is_called_here_also_after_a_restart(world, store, monkeypatch):
    card = json.dumps({"name": "theirs", "sha256": "0"}).encode()
    world.attempt.write_files({"best.json": card, "best.safetensors": b"w"}, {})
    world.attempt.write_status({"state": "finished"})
    run = world.look()
    assert read_json(run.path / "best.json")["name"] == "a"
    fetched = []
    again = Copy(store, world.jobs, run.path, world.stored.id)
    real = Attempt.read_file
    monkeypatch.setattr(
        Attempt, "read_file", lambda self, f: fetched.append(f.name) or real(self, f)
    )
    again.update()

    assert fetched == ["best.json"]  # what is already here is not fetched again
    assert read_json(run.path / "best.json")["name"] == "a"


def test_what_is_wrong_with_one_run_does_not_keep_the_others_from_being_followed(
    world, store, tmp_path
):
    other = World(store, paths.runs_dir() / "b")
    write_json(world.copy.folder / "cluster.json", {"run": "../x", "attempt": 1})
    store.write(f"{other.stored.id}/attempts/0001/files.json", b'{"x.png": {}}')
    third = World(store, paths.runs_dir() / "c")
    third.attempt.write_status({"state": "finished"})
    (paths.runs_dir() / ".cluster").mkdir()
    follower = Follower(Cluster(address="http://127.0.0.1:9", store=str(tmp_path / "store")))
    follower.jobs = FakeJobs()

    follower.look_once()

    assert runs.read_run("c").state == "finished"
    assert "a: " in (read_json(paths.runs_dir() / ".cluster" / "pass.json"))["trouble"]


def test_own_pictures_do_not_leave_the_machine(monkeypatch):
    monkeypatch.setenv("VGGCORE_RAY", "http://127.0.0.1:9")
    monkeypatch.setenv("VGGCORE_STORE", "/tmp/store")
    train = replace(PRESETS["own"].train, pictures="mine")

    with pytest.raises(runs.RunError, match="own pictures stay on this machine"):
        runs.launch(PRESETS["try-out"].spec, train, on_cluster=True)


def test_a_launch_on_a_cluster_that_is_not_there_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("VGGCORE_RAY", "http://127.0.0.1:9")
    monkeypatch.setenv("VGGCORE_STORE", str(tmp_path / "store"))
    preset = PRESETS["try-out"]
    began = time.monotonic()

    with pytest.raises(runs.RunError, match="the cluster at 127.0.0.1 gives no answer"):
        runs.launch(preset.spec, preset.train, name="x", on_cluster=True)

    assert time.monotonic() - began < 10
    assert not (paths.runs_dir() / "x").exists()
    assert not (tmp_path / "store").exists()
