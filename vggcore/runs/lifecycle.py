"""What can be done with an existing run: stop, resume, rename, delete, promote."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from vggcore.machine import paths
from vggcore.machine.files import read_json, write_atomically, write_json
from vggcore.machine.messages import Message
from vggcore.model import checkpoints
from vggcore.model.recipe import TrainConfig
from vggcore.runs import locks
from vggcore.runs.folder import RunFolder
from vggcore.runs.launching import check_room, one_line_errors, start, write_queued
from vggcore.runs.limits import Limits
from vggcore.runs.names import BEST, CLUSTER, CONFIG, NOTES, STOP, RunError, RunFinished, State
from vggcore.runs.notes import Notes
from vggcore.runs.queue import changing_runs
from vggcore.runs.run import Run, check_free, check_name, read_run, read_run_folder, visitor_of
from vggcore.runs.status import read_status, write_status

_ENDING_SECONDS = 20.0  # how long the process of an ended run may take to exit


def stop(name: str, *, visitor: str = "", password: str = "", limits: Limits | None = None) -> Run:
    """Ask a living run to save and end; if it does not, it is killed after 30 seconds.

    A waiting run is cancelled. A small separate process sees it through (`stopper`), so that
    this works even if the app or terminal that asked is gone. Raises RunError.
    """
    run = read_run(name)
    if not run.living:
        raise RunError(
            Message("run {name} is {state}: there is nothing to stop", name=name, state=run.state)
        )
    _check_own(run, "stopping", visitor, password, limits or Limits.read())
    with one_line_errors(run.path):
        (run.path / STOP).touch()
    if run.on_cluster:  # the follower passes it on and sees it through
        return read_run_folder(run.path)
    stopper = subprocess.Popen(
        [sys.executable, "-m", "vggcore.runs.stopper", str(run.path.resolve())],
        cwd=paths.PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=stopper.wait, daemon=True, name=f"reap stopper {name}").start()
    return read_run_folder(run.path)


def resume(
    name: str, *, visitor: str = "", password: str = "", limits: Limits | None = None
) -> Run:
    """Start a stopped, failed or crashed run again, from the step of its last checkpoint.

    A run that ended before its first checkpoint starts from the beginning. Raises RunError or
    NotAllowed.
    """
    limits = limits or Limits.read()
    run = read_run(name)
    if limits.public:
        limits.capped(run.preset, TrainConfig())
    _check_own(run, "resuming", visitor, password, limits)
    with one_line_errors(run.path), changing_runs(paths.runs_dir()):
        check_room(limits, visitor)
        lock = _take_resting_lock(run)
        if lock is None:
            raise _not_ended(read_run_folder(run.path))
        how = ""
        try:
            if run.on_cluster:
                _check_ended(read_run_folder(run.path))
            else:
                how = _prepare_resume(run.path)
        except (OSError, ValueError):
            os.close(lock)
            raise
    if run.on_cluster:
        _resume_on_cluster(run.path, lock)
    else:
        start(run.path, how, lock)
    return read_run_folder(run.path)


def _resume_on_cluster(path: Path, lock: int) -> None:
    from vggcore.runs.cluster import submitting

    try:
        with one_line_errors(path):
            submitting.resume(path)
    finally:
        os.close(lock)


def _check_ended(run: Run) -> None:
    """Raises RunError if a run on the cluster is living, or has nothing left to train."""
    if run.living:
        raise _not_ended(run)
    if run.state == State.FINISHED:
        raise _finished(run.name)


def _not_ended(run: Run) -> RunError:
    return RunError(
        Message(
            "run {name} is {state}: only an ended run can be resumed",
            name=run.name,
            state=run.state,
        )
    )


def _finished(name: str) -> RunFinished:
    return RunFinished(
        Message("run {name} has finished: there is nothing left to train", name=name)
    )


def _prepare_resume(path: Path) -> str:
    """Set a run's folder back to "queued", holding its lock; returns how to start the trainer."""
    status = read_status(path)
    if status.state == State.FINISHED:
        raise _finished(path.name)
    train = RunFolder(path).train
    locks.remove_temporary_files(path)
    (path / STOP).unlink(missing_ok=True)
    write_queued(path, train, status)
    return "--resume" if any(path.glob("last*.safetensors")) else "--from-config"


def delete(name: str, *, password: str = "", limits: Limits | None = None) -> None:
    """Delete an ended run for good. Raises RunError, NotAllowed."""
    (limits or Limits.read()).require_owner(password, "deleting a run")
    with _resting(name, "delete") as path:
        if (path / CLUSTER).is_file():
            from vggcore.runs.cluster import submitting

            submitting.delete(path)
        # Renaming first makes it disappear in one step, for every reader.
        doomed = path.with_name(f".deleted-{name}-{os.getpid()}-{time.monotonic_ns()}")
        os.rename(path, doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def rename(name: str, new_name: str, *, password: str = "", limits: Limits | None = None) -> Run:
    """Give an ended run another name. Raises RunError, NotAllowed."""
    (limits or Limits.read()).require_owner(password, "renaming a run")
    check_name(new_name)
    changing = changing_runs(paths.runs_dir())
    with one_line_errors(paths.runs_dir()), changing, _resting(name, "rename") as path:
        new_path = path.with_name(new_name)
        check_free(new_name)
        config = RunFolder(path).config
        write_json(path / CONFIG, config | {"name": new_name})
        card_file = path / f"{BEST}.json"
        if card := read_json(card_file):
            write_json(card_file, card | {"name": new_name})
        status = read_status(path)
        if status.summary:
            write_status(path, replace(status, summary=status.summary | {"run_dir": str(new_path)}))
        os.rename(path, new_path)
    return read_run_folder(new_path)


def write_notes(
    name: str, notes: Notes, *, password: str = "", limits: Limits | None = None
) -> Run:
    """Replace the notes on a run, living or not. Raises RunError, NotAllowed."""
    (limits or Limits.read()).require_owner(password, "writing on a run")
    run = read_run(name)
    with one_line_errors(run.path):
        write_json(run.path / NOTES, asdict(notes))
    return read_run_folder(run.path)


def promote(
    name: str, checkpoint_name: str, *, password: str = "", limits: Limits | None = None
) -> Path:
    """Copy a run's best checkpoint to the checkpoints folder; returns its path without suffix.

    Classify offers it from then on. Raises RunError, NotAllowed.
    """
    (limits or Limits.read()).require_owner(password, "promoting a checkpoint")
    run, target = read_run(name), paths.checkpoints_dir() / check_name(checkpoint_name)
    if not run.has_best:
        raise RunError(
            Message(
                "run {name} has no checkpoint yet: its first comes after the first epoch", name=name
            )
        )
    card_file = target.with_name(target.name + ".json")
    check_free(checkpoint_name)
    with one_line_errors(paths.checkpoints_dir()):
        target.parent.mkdir(parents=True, exist_ok=True)
        weights = (run.path / f"{BEST}.safetensors").read_bytes()
        card = checkpoints.read_card(run.path / BEST)
        if hashlib.sha256(weights).hexdigest() != card.sha256:
            raise RunError(
                Message("the best checkpoint of {name} is being replaced: try again", name=name)
            )
        with suppress(FileNotFoundError):  # the Results page's data: can be made again later
            results = (run.path / f"{BEST}.results.npz").read_bytes()
            write_atomically(target.with_name(target.name + ".results.npz"), results)
        # The card last: checkpoints are listed by their card, so a half-copied one is never seen.
        write_atomically(target.with_name(target.name + ".safetensors"), weights)
        write_json(card_file, replace(card, name=checkpoint_name, run=name).to_dict())
    return target


def _check_own(run: Run, action: str, visitor: str, password: str, limits: Limits) -> None:
    """Raises NotAllowed if a visitor of a public deployment tries to change another's run."""
    if visitor_of(run) != visitor:
        limits.require_owner(password, f"{action} another visitor's run")


def _take_resting_lock(run: Run) -> int | None:
    """The lock of an ended run; None if the run is living. Waits for its process to exit."""
    patience = 1.0 if run.living else _ENDING_SECONDS
    return locks.take(run.path, patience)


@contextmanager
def _resting(name: str, action: str) -> Iterator[Path]:
    """The folder of a run that no process works on, and that none can start on during the block."""
    run = read_run(name)
    with one_line_errors(run.path):
        lock = _take_resting_lock(run)
        now = read_run_folder(run.path)
        if lock is not None and now.on_cluster and now.living:  # its lock is no sign of life
            os.close(lock)
            lock = None
        if lock is None:
            raise RunError(
                Message(
                    "run {name} is {state}: stop it before you {action} it",
                    name=name,
                    state=now.state,
                    action=action,
                )
            )
        try:
            yield run.path
        finally:
            os.close(lock)
