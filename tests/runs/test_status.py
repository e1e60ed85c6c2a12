"""`status.json`: read from any version, and written even on a disk that is full."""

import errno
import json
import os
import shutil
import subprocess
from collections import namedtuple

import pytest
import tiny_run

from vggcore import runs
from vggcore.data import raw_files
from vggcore.machine import files, paths
from vggcore.machine.files import FileError
from vggcore.runs.names import RESERVE, State
from vggcore.runs.process import hold_run_lock
from vggcore.runs.status import Status, keep_reserve, no_room, read_status, write_status
from vggcore.training import loop, report


def test_a_status_comes_back():
    said = Status(state="running", step=3, total_steps=12, choices=("cpu",), summary={"epochs": 1})

    assert Status.from_dict(json.loads(json.dumps(said.to_dict()))) == said
    assert said.share == 0.25


@pytest.mark.parametrize(
    "values",
    [None, {}, {"state": None, "step": "three", "choices": "cpu", "summary": []}, {"epoch": True}],
)
def test_what_cannot_be_used_counts_as_not_said(values):
    assert Status.from_dict(values) == Status()


def no_space(times: int):
    """A stand-in for `os.fsync` on a disk that is full until something is removed."""
    calls = iter(range(times))

    def fsync(_):
        if next(calls, None) is not None:
            raise OSError(errno.ENOSPC, "No space left on device")

    return fsync


def test_the_reserve_makes_room_for_a_last_word(tmp_path, monkeypatch):
    keep_reserve(tmp_path)
    monkeypatch.setattr(files.os, "fsync", no_space(1))

    write_status(tmp_path, Status(state="failed", message="the disk is full"))

    assert read_status(tmp_path).state == State.FAILED
    assert not (tmp_path / RESERVE).exists()


def test_a_run_that_finds_the_disk_full_says_so(tmp_path, monkeypatch):
    folder = tiny_run.create(paths.runs_dir() / "full")
    full = FileError("cannot write last.safetensors", errno.ENOSPC)

    with pytest.raises(FileError), hold_run_lock(folder.path):
        raise full

    run = runs.read_run("full")
    assert run.state == State.FAILED and run.resumable
    assert "the disk is full" in run.message and "free some space, then resume" in run.message


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EDQUOT, "the disk quota is used up"), (errno.EROFS, "make it writable, then resume")],
)
def test_quota_and_read_only_disks_are_named(number, reason, tmp_path):
    assert reason in no_room(tmp_path, FileError("cannot write", number))


def test_a_run_found_dead_on_a_full_disk_is_not_called_killed(monkeypatch):
    folder = tiny_run.create(paths.runs_dir() / "dead")
    folder.write_status("running", step=3)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 0))

    run = runs.read_run("dead")

    assert run.state == State.CRASHED and "the disk is full (0.0 MB free)" in run.message


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes; skipped where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("no file system can be mounted here: not root")
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_really_fills_up_is_told_and_the_run_goes_on(small_disk, monkeypatch):
    monkeypatch.setenv("VGGCORE_RUNS", str(small_disk))
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))
    folder = tiny_run.create(small_disk / "run")
    filler = small_disk / "filler"

    def fill(said: Status) -> None:
        with open(filler, "ab") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(small_disk).free)

    monkeypatch.setattr(report, "STATUS_SECONDS", 0)
    with pytest.raises(FileError, match="No space left"), hold_run_lock(folder.path):
        loop.fit(folder, on_step=fill)

    run = runs.read_run("run")
    assert run.state == State.FAILED and "the disk is full" in run.message
    filler.unlink()
    assert loop.fit(type(folder)(folder.path))["state"] == "finished"
