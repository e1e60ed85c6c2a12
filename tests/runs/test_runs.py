"""Supervision of runs: what is derived from disk stays true no matter what dies, or when."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from untrained import bare_card, save_untrained

from vggcore import runs
from vggcore.machine import hardware, paths
from vggcore.machine.file_lock import take_lock
from vggcore.machine.files import read_json
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.runs import launching, locks, process, stopper
from vggcore.runs.locks import holder
from vggcore.runs.process import hold_run_lock
from vggcore.runs.queue import changing_runs, next_ticket, wait_for_device, waiting_before

SPEC = PRESETS["try-out"].spec
REAL_COMMAND = runs.trainer_command
FAKE = Path(__file__).resolve().parents[1] / "fake_trainer.py"


@pytest.fixture(autouse=True)
def fake_trainer(monkeypatch):
    monkeypatch.setattr(
        launching, "trainer_command", lambda path, how: [sys.executable, str(FAKE), str(path)]
    )
    yield
    for run in runs.list_runs():
        if run.living and (pid := holder(run.path)):
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.killpg(pid, signal.SIGKILL)


def launch(name="", epochs=1, **options) -> runs.Run:
    train = TrainConfig(dataset="synthetic", device="cpu", epochs=epochs)
    return runs.launch(SPEC, train, name=name, preset="try-out", **options)


def wait_for(name: str, *states: str, seconds: float = 30) -> runs.Run:
    deadline = time.monotonic() + seconds
    while (run := runs.read_run(name)).state not in states:
        assert time.monotonic() < deadline, f"{name} is {run.state}, not {states}: {run.message}"
        time.sleep(0.02)
    return run


def kill(run: runs.Run) -> None:
    deadline = time.monotonic() + 10
    while (pid := holder(run.path)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)


def test_a_run_trains_in_the_background_without_torch_while_it_waits():
    run = launch()

    assert run.name == "try-out-1" and run.state in ("queued", "starting", "running")
    finished = wait_for(run.name, "finished")
    finished = runs.wait_until_ended(run.name, 10)
    assert finished.status.step == 40
    assert json.loads(runs.log_tail(finished)) == {"torch": False}


def test_runs_on_one_device_go_in_the_order_of_their_launch():
    names = [launch(epochs=2).name, launch().name, launch().name]
    wait_for(names[0], "running")

    assert [runs.read_run(name).state for name in names[1:]] == ["queued", "queued"]
    assert runs.queue_ahead(runs.read_run(names[2])) == names[:2]
    for name in names:
        wait_for(name, "finished")
    began = [(paths.runs_dir() / name / "metrics.jsonl").stat().st_ctime for name in names]
    assert began == sorted(began)


def test_a_queued_run_can_be_cancelled_and_resumed():
    wait_for(launch(epochs=50).name, "running")
    waiting = launch()
    for _ in range(100):
        if runs.log_tail(waiting):
            break
        time.sleep(0.1)

    runs.stop(waiting.name)
    cancelled = wait_for(waiting.name, "stopped")
    assert cancelled.message == "cancelled before it started"
    runs.wait_until_ended(waiting.name, 5)
    said = runs.log_tail(cancelled).splitlines()
    assert said == ["waiting for cpu behind try-out-1; Ctrl-C cancels", cancelled.message]
    assert runs.resume(waiting.name).state == "queued"


def test_a_killed_run_is_crashed_within_five_seconds_and_resumes_to_its_end():
    run = launch(epochs=3)
    wait_for(run.name, "running")

    kill(run)
    crashed = wait_for(run.name, "crashed", seconds=5)
    assert crashed.resumable and "Resume" in crashed.message
    runs.resume(run.name)
    assert wait_for(run.name, "finished").status.step == 120


def test_stop_saves_and_resume_goes_on_at_the_same_step():
    run = launch(epochs=50)
    wait_for(run.name, "running")

    assert runs.stop(run.name).state in ("stopping", "stopped")
    stopped = wait_for(run.name, "stopped", seconds=10)
    runs.wait_until_ended(run.name, 10)
    saved = int((run.path / "last.safetensors").read_text())
    assert saved == stopped.status.step
    runs.resume(run.name)
    resumed = wait_for(run.name, "running")
    assert resumed.status.step > saved
    assert runs.stop(run.name).state in ("stopping", "stopped")


def test_a_run_that_does_not_hear_is_killed_and_says_so(monkeypatch):
    monkeypatch.setenv("FAKE_DEAF", "1")
    monkeypatch.setattr(stopper, "TERM_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(stopper, "KILL_AFTER_SECONDS", 0.5)
    run = launch(epochs=100)
    wait_for(run.name, "running")

    (run.path / "stop").touch()
    stopper.see_to_end(run.path)

    killed = runs.read_run(run.name)
    assert killed.state == "stopped" and "was killed" in killed.message
    assert killed.resumable and not (run.path / "stop").exists()


def test_the_stopper_leaves_a_resumed_run_alone(monkeypatch):
    monkeypatch.setattr(stopper, "KILL_AFTER_SECONDS", 0.0)
    run = launch(epochs=50)
    wait_for(run.name, "running")
    (run.path / "stop").touch()
    seen = iter([holder(run.path) + 1])
    monkeypatch.setattr(stopper, "holder", lambda path: next(seen, holder(path)))

    stopper.see_to_end(run.path)

    assert "was killed" not in runs.read_run(run.name).message


def test_no_zombie_is_left_behind():
    run = launch()
    pid = None
    while pid is None:
        pid = holder(run.path)
    wait_for(run.name, "finished")
    runs.wait_until_ended(run.name, 10)

    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, Path(f"/proc/{pid}/stat").read_text()
        time.sleep(0.02)


def test_runs_outlive_the_process_that_launched_them():
    code = (
        "import sys; sys.path[:0] = ['tests/runs', 'tests']; import test_runs as test;"
        "from vggcore.runs import launching;"
        "fake = lambda path, how: [sys.executable, str(test.FAKE), str(path)];"
        "launching.trainer_command = fake;"
        "test.launch('orphan', epochs=2); import os; os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.PROJECT)

    assert done.returncode == -signal.SIGKILL
    assert wait_for("orphan", "finished").status.step == 80


def test_a_second_click_with_the_same_request_starts_nothing():
    clicks = [threading.Thread(target=launch, kwargs={"request": "form-1"}) for _ in range(4)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()

    assert [run.name for run in runs.list_runs()] == ["try-out-1"]


def test_resuming_twice_starts_one_process():
    run = launch(epochs=50)
    wait_for(run.name, "running")
    kill(run)
    wait_for(run.name, "crashed")

    runs.resume(run.name)
    with pytest.raises(runs.RunError, match="only an ended run can be resumed"):
        runs.resume(run.name)


def test_a_finished_run_is_not_resumed():
    run = launch()
    wait_for(run.name, "finished")
    runs.wait_until_ended(run.name, 10)

    with pytest.raises(runs.RunError, match="nothing left to train"):
        runs.resume(run.name)
    with pytest.raises(runs.RunError, match="nothing to stop"):
        runs.stop(run.name)


@pytest.mark.parametrize("name", ["../evil", "/etc", "a/b", "", ".hidden", "A", "x" * 64, "a\0", 7])
def test_only_plain_names_become_paths(name):
    for action in (runs.read_run, runs.delete, runs.stop, runs.resume):
        with pytest.raises(runs.RunError, match="not a run name"):
            action(name)


def test_slugs_of_what_people_type_are_names():
    assert runs.slug("  Größe 12: <b>my run</b>!  ") == "gr-e-12-b-my-run-b"
    assert runs.slug("../../etc/passwd") == "etc-passwd"
    assert runs.slug("☃") == ""


def test_a_taken_name_is_refused():
    launch("mine")

    with pytest.raises(runs.RunError, match="already"):
        launch("mine")


def test_a_living_run_is_neither_deleted_nor_renamed():
    run = launch(epochs=50)

    with pytest.raises(runs.RunError, match="stop it before you delete it"):
        runs.delete(run.name)
    with pytest.raises(runs.RunError, match="stop it before you rename it"):
        runs.rename(run.name, "other")


def ended(name: str) -> runs.Run:
    run = launch(name)
    wait_for(name, "finished")
    return runs.wait_until_ended(run.name, 10)


def test_rename_and_delete_an_ended_run():
    ended("first")

    renamed = runs.rename("first", "second")
    assert (renamed.name, renamed.config["name"], renamed.state) == ("second", "second", "finished")
    assert renamed.status.summary["run_dir"] == str(renamed.path)
    runs.delete("second")
    assert runs.list_runs() == []
    assert not list(paths.runs_dir().glob(".deleted*"))


def test_promote_copies_whole_checkpoints_only(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    run = ended("first")
    with pytest.raises(runs.RunError, match="no checkpoint yet"):
        runs.promote("first", "good")
    (run.path / "best.safetensors").write_bytes(b"weights")
    card = replace(bare_card(SPEC), sha256=hashlib.sha256(b"weights").hexdigest())
    (run.path / "best.json").write_text(json.dumps(card.to_dict()))

    runs.promote("first", "good")

    promoted = json.loads((tmp_path / "checkpoints" / "good.json").read_text())
    assert (promoted["name"], promoted["run"]) == ("good", "first")
    with pytest.raises(runs.RunError, match="already"):
        runs.promote("first", "good")
    (run.path / "best.safetensors").write_bytes(b"others")
    with pytest.raises(runs.RunError, match="try again"):
        runs.promote("first", "better")


def test_a_run_and_a_checkpoint_never_share_a_name(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    save_untrained(tmp_path / "checkpoints", "fast-1")
    run = ended("first")
    (run.path / "best.json").write_text("{}")

    assert runs.free_name("fast") == "fast-2"
    for ask in (
        lambda: launch("fast-1"),
        lambda: runs.rename("first", "fast-1"),
        lambda: runs.promote("first", "fast-1"),
    ):
        with pytest.raises(runs.RunError, match="there is a checkpoint named 'fast-1' already"):
            ask()
    with pytest.raises(runs.RunError, match="there is a run named 'first' already"):
        runs.promote("first", "first")


def test_a_run_with_an_end_is_free_while_its_process_goes_on(monkeypatch):
    """It may be computing results by then, which takes a minute."""
    path = a_folder("done", '{"state": "running"}')
    lock = locks.take(path)
    monkeypatch.setenv(process.LOCK_FD, str(lock))
    with hold_run_lock(path):
        assert locks.is_alive(path)
        process.record_end(path, runs.State.FINISHED, "")

    runs.delete("done")  # at once, and not after waiting for the process

    assert not path.exists()


def a_folder(name: str, status: str | None, config: str = "{}") -> Path:
    folder = paths.runs_dir() / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(config)
    if status is not None:
        (folder / "status.json").write_text(status)
    return folder


def test_a_status_file_cut_in_half_is_neither_believed_nor_fatal():
    folder = a_folder("cut", '{"state": "runn')

    assert runs.read_run("cut").state == "crashed"
    with hold_run_lock(folder):
        assert runs.read_run("cut").state == "starting"


def test_a_damaged_config_is_listed_and_cannot_be_resumed():
    a_folder("broken", '{"state": "stopped"}', config='{"name": ')

    run = runs.read_run("broken")
    assert run.state == "stopped" and not run.resumable
    with pytest.raises(ValueError, match="config.json"):
        runs.resume("broken")
    assert not runs.read_run("broken").locked


@pytest.mark.parametrize(
    "locked, said, stop_requested, state",
    [
        (True, "queued", False, "queued"),
        (True, "queued", True, "stopping"),
        (True, "running", False, "running"),
        (True, "running", True, "stopping"),
        (True, "stopping", False, "stopping"),
        (True, None, False, "starting"),
        (True, "finished", False, "finished"),
        (False, "finished", False, "finished"),
        (False, "failed", False, "failed"),
        (False, "stopped", True, "stopped"),
        (False, "queued", True, "stopped"),
        (False, "queued", False, "crashed"),
        (False, "running", True, "crashed"),
        (False, "stopping", False, "crashed"),
        (False, None, False, "crashed"),
    ],
)
def test_states_are_derived_from_lock_status_and_stop_request(locked, said, stop_requested, state):
    folder = a_folder("some", json.dumps({"state": said}) if said else None)
    if stop_requested:
        (folder / "stop").touch()
    lock = take_lock(folder / "lock") if locked else None

    assert runs.read_run("some").state == state
    if lock is not None:
        os.close(lock)


def test_only_asking_does_not_hold_up_who_takes_the_lock(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    with open(path) as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(0.1, lambda: fcntl.flock(asking, fcntl.LOCK_UN)).start()

        fd = take_lock(path, patience=5)

    assert fd is not None
    os.close(fd)


def test_an_error_in_the_trainer_is_recorded_as_failed():
    folder = a_folder("bad", '{"state": "running", "step": 7}')

    with pytest.raises(MemoryError), hold_run_lock(folder):
        raise MemoryError("no room for the network")

    run = runs.read_run("bad")
    assert (run.state, run.message) == ("failed", "no room for the network")
    assert run.status.step == 7


def test_a_second_process_is_refused():
    folder = a_folder("one", None)

    with hold_run_lock(folder), pytest.raises(runs.RunError, match="already running"):
        with hold_run_lock(folder):
            pass


def test_the_pid_of_an_earlier_process_is_never_taken_for_the_holders():
    folder = a_folder("again", None)
    with hold_run_lock(folder):
        assert holder(folder) == os.getpid()

    lock = take_lock(folder / "lock")  # a launcher, before its process says who it is

    assert holder(folder) is None
    os.close(lock)


def test_what_a_killed_process_left_half_written_is_removed():
    folder = a_folder("left", '{"state": "running"}')
    (folder / ".tmp-abc").write_text("half")
    (folder / "last-incoming.safetensors").write_text("half")

    with hold_run_lock(folder):
        pass

    assert sorted(f.name for f in folder.iterdir()) == ["config.json", "lock", "status.json"]


def test_sigterm_takes_a_waiting_run_out_of_the_queue():
    wait_for(launch(epochs=50).name, "running")
    waiting = launch()
    deadline = time.monotonic() + 30
    while "waiting for cpu" not in runs.log_tail(waiting):
        assert time.monotonic() < deadline
        time.sleep(0.01)

    os.kill(holder(waiting.path), signal.SIGTERM)

    assert wait_for(waiting.name, "stopped").message == "cancelled before it started"


def test_the_queue_does_not_look_at_the_clock(monkeypatch):
    first, second = a_folder("first", None), a_folder("second", None)
    with changing_runs(paths.runs_dir()):
        for folder, now in ((first, 2e9), (second, 1.0)):  # the clock jumps back by decades
            monkeypatch.setattr(time, "time", lambda now=now: now)
            launching.write_queued(folder, TrainConfig(device="cpu"), runs.Status())
    locks = [take_lock(folder / "lock") for folder in (first, second)]

    ticket = read_json(second / "status.json")["ticket"]
    assert waiting_before(ticket, ["cpu"]) == [first]
    for lock in locks:
        os.close(lock)


def test_tickets_go_on_rising_when_their_file_is_lost():
    folder = a_folder("one", '{"state": "queued", "ticket": 41}')

    with changing_runs(folder.parent):
        assert next_ticket(folder.parent) == 42
        (folder.parent / ".ticket.json").write_text("{")
        shutil.rmtree(folder)
        assert next_ticket(folder.parent) == 1


def test_runs_share_a_machine_with_several_gpus(monkeypatch):
    monkeypatch.setattr(hardware, "available_devices", lambda: ["cuda:0", "cuda:1", "cpu"])
    folders = [a_folder(name, None) for name in ("a", "b")]

    with (
        wait_for_device("auto", folders[0]) as first,
        wait_for_device("auto", folders[1]) as second,
    ):
        assert (first, second) == ("cuda:0", "cuda:1")
    with wait_for_device("cuda", folders[0], count=2):
        third = a_folder("c", None)
        (third / "stop").touch()
        with pytest.raises(SystemExit), wait_for_device("cuda:1", third):
            pass


@pytest.mark.parametrize(
    "visible, devices",
    [(None, ["cuda:0", "cuda:1", "cpu"]), ("1", ["cuda:0", "cpu"]), ("", ["cpu"])],
)
def test_gpus_are_counted_without_torch(monkeypatch, tmp_path, visible, devices):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setattr(hardware, "Path", lambda path: tmp_path)
    monkeypatch.setattr(hardware, "torch_version", lambda: "2.14.1")
    monkeypatch.setattr(hardware.sys, "platform", "linux")
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert hardware.available_devices() == devices


def test_a_folder_that_cannot_be_written_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("VGGCORE_RUNS", "/proc/no-such-place")

    with pytest.raises(runs.RunError, match="cannot write to /proc/no-such-place"):
        launch()


def test_a_full_disk_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 5))
    with pytest.raises(runs.RunError, match="MB are free"):
        launch()


def test_a_disk_that_fills_up_while_launching_is_one_clear_line(monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(launching.locks, "take", full)

    with pytest.raises(runs.RunError, match="No space left on device"):
        launch("unlucky")
    monkeypatch.undo()
    assert runs.list_runs() == [] and not (paths.runs_dir() / "unlucky").exists()


def test_a_run_whose_folder_is_deleted_ends_and_frees_the_device():
    doomed = launch(epochs=100)
    wait_for(doomed.name, "running")
    pid = holder(doomed.path)
    shutil.rmtree(doomed.path, ignore_errors=True)
    shutil.rmtree(doomed.path, ignore_errors=True)

    assert doomed.name not in [run.name for run in runs.list_runs()]
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    wait_for(launch("next").name, "finished")


def test_a_trainer_that_cannot_be_started_is_failed(monkeypatch):
    monkeypatch.setattr(launching, "trainer_command", lambda path, how: ["/no/such/python"])

    with pytest.raises(runs.RunError, match="could not be started"):
        launch("never")
    assert runs.read_run("never").state == "failed" and not runs.read_run("never").locked


def test_launch_keeps_what_a_sweep_must_not_touch():
    run = ended("keep")
    (paths.runs_dir() / ".deleted-old").mkdir()
    (paths.runs_dir() / ".tmp-half").touch()

    launch("next", epochs=1)

    left = {path.name for path in paths.runs_dir().iterdir()}
    assert run.name in left and not left & {".deleted-old", ".tmp-half"}


def test_a_run_is_described_for_programs():
    run = ended("told").to_dict()

    assert run["state"] == "finished" and run["step"] == run["total_steps"] == 40
    assert run["summary"]["test_accuracy"] == 0.9
    assert json.loads(json.dumps(run)) == run


@pytest.mark.slow
def test_a_run_of_several_processes_is_killed_and_resumed_like_any_other(monkeypatch):
    monkeypatch.setattr(launching, "trainer_command", REAL_COMMAND)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    train = TrainConfig(
        dataset="synthetic", device="cpu", train_limit=256, batch_size=16, epochs=40
    )
    run = runs.launch(SPEC, train, name="pair", processes=2)
    wait_for("pair", "running", seconds=300)
    ranks = [process for process in Path("/proc").glob("[0-9]*") if is_rank_of(process, run)]

    kill(run)
    crashed = wait_for("pair", "crashed", seconds=5)

    deadline = time.monotonic() + 30
    while any(is_rank_of(process, run) for process in ranks):
        assert time.monotonic() < deadline, "a rank trains on without its lock"
        time.sleep(0.1)
    assert len(ranks) == 2 and crashed.resumable
    runs.resume("pair")
    wait_for("pair", "running", seconds=300)
    runs.stop("pair")
    assert wait_for("pair", "stopped", seconds=60).status.step > 0


def is_rank_of(process: Path, run: runs.Run) -> bool:
    """Whether /proc/PID is one of torchrun's ranks that train this run."""
    try:
        arguments = (process / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return False
    return str(run.path) in arguments and "torch.distributed.run" not in arguments
