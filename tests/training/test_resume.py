import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_run
import torch
from safetensors.torch import load_file, save_file
from untrained import bare_card

from vggcore.data import raw_files
from vggcore.machine.files import FileError
from vggcore.model import checkpoints
from vggcore.model.checkpoints import CheckpointError
from vggcore.model.network import build
from vggcore.runs.folder import RunFolder
from vggcore.training import interruptions, loop, report
from vggcore.training.fashion_data import FashionData
from vggcore.training.progress import Progress

KILLS, KILLS_PER_RUN = 25, 5
VOLATILE = {"seconds", "images_per_second", "memory_bytes", "created"}
FILE_EVENTS = ("open", "os.rename", "os.truncate", "os.chmod", "os.remove")


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))


# --- killed at any point ------------------------------------------------------------------------


def train_in_child(path: Path, kill_at_file_event: int = 0, kill_after: float = 0.0) -> None:
    """Runs in its own process, which may kill itself: at a file operation, or after a time."""
    torch.set_num_threads(1)
    raw_files.SYNTHETIC_COUNTS.update(tiny_run.IMAGES)
    seen = 0

    def count(event, arguments):
        nonlocal seen
        if event in FILE_EVENTS and str(path) in str(arguments[0]):
            seen += 1
            if seen == kill_at_file_event:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    if kill_after:
        threading.Timer(kill_after, os.kill, (os.getpid(), signal.SIGKILL)).start()
    started = time.monotonic()
    loop.fit(RunFolder(path))
    measured = {"file_events": seen, "seconds": time.monotonic() - started}
    Path(f"{path}.measured").write_text(json.dumps(measured))


def run_child(path: Path, **kill) -> int:
    """Train in a fork of this process; returns its exit code, negative for a signal."""
    child = multiprocessing.get_context("fork").Process(
        target=train_in_child, args=(path,), kwargs=kill
    )
    child.start()
    child.join(120)
    return child.exitcode


def outcome(path: Path) -> dict:
    """Everything that a run leaves behind, except times, memory and speed."""
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    card = json.loads((path / "best.json").read_bytes())
    return {
        "metrics": [{k: v for k, v in row.items() if k not in VOLATILE} for row in rows],
        "card": {k: v for k, v in card.items() if k not in VOLATILE | {"name"}},
        "best": (path / "best.safetensors").read_bytes(),
        "last": {k: v.tolist() for k, v in load_file(path / "last.safetensors").items()},
    }


@pytest.mark.slow
def test_a_run_killed_at_25_random_points_ends_as_if_it_never_was(tmp_path, monkeypatch):
    # A process of its own may be forked; one in which autograd uses a GPU may not.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    alone = multiprocessing.get_context("spawn").Process(target=kill_at_25_points, args=(tmp_path,))
    alone.start()
    alone.join()
    assert alone.exitcode == 0  # what failed is on standard error


def kill_at_25_points(folder: Path) -> None:
    torch.set_num_threads(1)
    # This process trains once itself: its forks start with everything imported.
    tiny_run.create(folder / "first")
    loop.fit(RunFolder(folder / "first"))
    tiny_run.create(folder / "whole")
    assert run_child(folder / "whole") == 0
    expected = outcome(folder / "whole")
    measured = json.loads((folder / "whole.measured").read_text())
    chance, kills, run = random.Random(20), 0, 0
    while kills < KILLS:
        path = folder / f"run{(run := run + 1)}"
        tiny_run.create(path)
        for _ in range(KILLS_PER_RUN):
            if chance.random() < 0.6:
                kill = {"kill_at_file_event": chance.randint(1, measured["file_events"])}
            else:
                kill = {"kill_after": chance.uniform(0.01, measured["seconds"])}
            code = run_child(path, **kill)
            if code == 0:  # it finished before it was due to be killed
                break
            assert code == -signal.SIGKILL
            kills += 1
        assert run_child(path) == 0
        assert outcome(path) == expected
        shutil.rmtree(path)


def test_the_order_in_which_a_save_replaces_files_never_leaves_none(tmp_path, monkeypatch):
    folder = tiny_run.create(tmp_path / "run")
    replaced = []
    replace = os.replace
    seen = []

    def watched(source, target):
        replace(source, target)
        replaced.append(Path(target).name)
        if any(name.startswith("last") for name in replaced):
            seen.append(any(folder.path.glob("last*.safetensors")))

    monkeypatch.setattr(os, "replace", watched)
    loop.fit(folder)

    assert "last-previous.safetensors" in replaced and all(seen)


# --- damage -------------------------------------------------------------------------------------


def stopped_half_way(path: Path, **recipe) -> RunFolder:
    """A run stopped after its second epoch."""
    folder = tiny_run.create(path, train=replace(tiny_run.TRAIN, **recipe))

    def stop_late(status):
        if status.step >= 8 and status.state == "running":
            folder.request_stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "STATUS_SECONDS", 0)
        patch.setattr(interruptions, "STOP_CHECK_SECONDS", 0)
        assert loop.fit(folder, on_step=stop_late)["state"] == "stopped"
    return RunFolder(path)


def test_a_run_that_goes_on_no_longer_needs_what_it_started_from(tmp_path):
    start = tmp_path / "start"
    checkpoints.save(start, build(tiny_run.SPEC, seed=1), bare_card(tiny_run.SPEC))
    folder = stopped_half_way(tmp_path / "run", init_from=str(start))
    for file in tmp_path.glob("start.*"):
        file.unlink()

    assert loop.fit(folder)["state"] == "finished"


def whole(path: Path) -> dict:
    loop.fit(tiny_run.create(path))
    return outcome(path)


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(tmp_path, damage, caplog):
    expected = whole(tmp_path / "whole")
    folder = stopped_half_way(tmp_path / "run")
    last = folder.path / "last.safetensors"
    content = bytearray(last.read_bytes())
    content[-5] ^= 1  # one bit of one weight
    last.write_bytes(content if damage is None else damage)

    loop.fit(folder)

    assert outcome(folder.path) == expected
    assert "going on from last-previous.safetensors instead" in caplog.text


def test_two_damaged_checkpoints_end_in_one_clear_line(tmp_path):
    folder = stopped_half_way(tmp_path / "run")
    for name in ("last.safetensors", "last-previous.safetensors"):
        (folder.path / name).write_bytes(b"gone")

    with pytest.raises(CheckpointError, match="no checkpoint in .*run can be used"):
        loop.fit(folder)


def test_a_pair_torn_between_weights_and_card_repairs_itself(tmp_path):
    expected = whole(tmp_path / "whole")
    folder = stopped_half_way(tmp_path / "run")
    # As if killed when a better epoch's weights were in place but their card was not yet.
    torn = load_file(folder.path / "best.safetensors")
    torn["classifier.fc.bias"] += 1
    save_file(torn, folder.path / "best.safetensors")

    loop.fit(folder)

    assert checkpoints.is_whole(folder.path / "best")
    rows = [row for row in outcome(folder.path)["metrics"] if row["kind"] == "epoch"]
    assert rows == [row for row in expected["metrics"] if row["kind"] == "epoch"]


def test_killed_while_finishing_it_finishes_when_resumed(tmp_path, monkeypatch):
    expected = whole(tmp_path / "whole")
    folder = tiny_run.create(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(FashionData, "test", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            loop.fit(folder)

    summary = loop.fit(RunFolder(folder.path))

    assert summary["state"] == "finished"
    assert outcome(folder.path) == expected


def test_another_number_of_threads_is_remarked_on(tmp_path):
    folder = stopped_half_way(tmp_path / "run")
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        loop.fit(folder)
    finally:
        torch.set_num_threads(threads)

    assert (
        f"resumed with {threads + 1} CPU threads (was {threads})"
        in (folder.path / "metrics.jsonl").read_text()
    )


# --- places that cannot be written --------------------------------------------------------------


def test_a_full_disk_ends_the_run_and_keeps_what_was_saved(tmp_path):
    expected = whole(tmp_path / "whole")
    folder = stopped_half_way(tmp_path / "run")
    saved = (folder.path / "last.safetensors").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(saved) // 2, hard))
    try:
        with pytest.raises(FileError, match="cannot write last-incoming.*File too large"):
            loop.fit(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (folder.path / "last.safetensors").read_bytes() == saved
    loop.fit(RunFolder(folder.path))
    assert outcome(folder.path) == expected


def test_a_vanished_run_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "STATUS_SECONDS", 0)
    folder = tiny_run.create(tmp_path / "run")

    with pytest.raises(FileError, match=f"cannot write .*{folder.path}.*No such file"):
        loop.fit(folder, on_step=lambda status: shutil.rmtree(folder.path))


def test_a_folder_that_cannot_be_made_is_named():
    with pytest.raises(FileError, match="cannot make the run folder /proc/run"):
        tiny_run.create(Path("/proc/run"))


@pytest.mark.gpu
def test_on_a_gpu_a_resumed_run_comes_within_tolerance(tmp_path):
    train = tiny_run.TRAIN.to_dict() | {"device": "cuda", "deterministic": True}
    train = type(tiny_run.TRAIN).from_dict(train)
    losses = []
    for name in ("whole", "resumed"):
        folder = tiny_run.create(tmp_path / name, train=train)
        if name == "resumed":
            loop.fit(folder, on_step=lambda status, folder=folder: folder.request_stop())
        loop.fit(RunFolder(folder.path))
        rows = [json.loads(r) for r in (folder.path / "metrics.jsonl").read_text().splitlines()]
        losses.append([row["train_loss"] for row in rows if row["kind"] == "epoch"])

    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_progress_of_an_older_version_keeps_its_best_score():
    assert Progress.from_saved({"step": 3, "best_rank": 0.5}) == Progress(step=3, best_score=0.5)
