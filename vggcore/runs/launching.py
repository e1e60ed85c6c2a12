"""Create a run and start its process: detached, locked, and queued for a device."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from vggcore.machine import paths
from vggcore.machine.files import FileError, read_json, write_json
from vggcore.machine.hardware import device_choices
from vggcore.machine.messages import Message
from vggcore.model.architectures import VGGSpec
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.runs import folder, locks
from vggcore.runs.limits import Limits
from vggcore.runs.names import LAUNCH, LOG, RunError, State
from vggcore.runs.process import LOCK_FD
from vggcore.runs.queue import changing_runs, next_ticket
from vggcore.runs.run import (
    MAX_PROCESSES,
    Run,
    check_free,
    check_name,
    disk_bytes,
    free_name,
    list_runs,
    read_run_folder,
    visitor_of,
)
from vggcore.runs.status import Status, write_status

_NICENESS = 5  # of trainings in the background, above the server's
MIN_FREE_BYTES = 200_000_000  # a run is not started on a disk fuller than this


class LaunchOptions(TypedDict, total=False):
    """Parameters of `launch` that are the same for all runs of a group."""

    preset: str
    visitor: str
    processes: int
    on_cluster: bool


def launch(
    spec: VGGSpec,
    train: TrainConfig,
    *,
    name: str = "",
    preset: str = "",
    visitor: str = "",
    request: str = "",
    processes: int = 1,
    limits: Limits | None = None,
    group: str = "",
    on_cluster: bool = False,
) -> Run:
    """Create a run and start its process, detached; it waits in the queue for its device.

    `request` makes a second click harmless: if a run was already created with it, that run is
    returned. `visitor` identifies a visitor of a public deployment. With several `processes`,
    torchrun trains on as many GPUs, and the run waits until that many are free at once. `group`
    names the runs that it belongs with. `on_cluster` sends it to the cluster that is set up here,
    where it trains on as many GPUs or nodes as there are `processes`. Raises RunError or
    NotAllowed (both ValueError) in one line: name taken, disk full, read-only, not allowed, no
    cluster, no answer from it.
    """
    limits = limits or Limits.read()
    if "," in train.device:
        processes = len(train.device.split(","))
    if sys.platform == "win32":  # a lock cannot be passed to another process there
        raise RunError(
            Message("background runs need Linux or macOS: train in a terminal, `vggcore train`")
        )
    if not 1 <= processes <= MAX_PROCESSES:
        raise RunError(
            Message(
                "processes {processes} is out of range: 1 to {limit}",
                processes=processes,
                limit=MAX_PROCESSES,
            )
        )
    if on_cluster:
        from vggcore.runs.cluster import submitting

        submitting.check(train)
        train = replace(train, device="cpu" if train.device == "cpu" else "auto")
    if limits.public:
        processes = 1
        train = limits.capped(preset, train)
        spec = PRESETS[preset].spec
    with one_line_errors(paths.runs_dir()), changing_runs(paths.runs_dir()):
        _sweep(paths.runs_dir())
        if earlier := requested_before(request):
            return earlier
        check_room(limits, visitor)
        name = check_name(name) if name else free_name(preset or "run")
        path = paths.runs_dir() / name
        check_free(name)
        staging = paths.runs_dir() / ".new" / name
        folder.create(staging, spec, train, preset=preset or None, group=group)
        order = {"visitor": visitor, "request": request, "processes": processes}
        write_json(staging / LAUNCH, order)
        lock = locks.take(staging)
        if lock is None:  # no other process knows the folder yet
            raise RunError(Message("run {name} could not be locked: try again", name=name))
        if on_cluster:
            submitting.prepare(staging)
        else:
            write_queued(staging, train, Status())
        os.rename(staging, path)  # the run appears complete, locked and queued
    if on_cluster:
        os.close(lock)
        with one_line_errors(path):
            submitting.launch(path)
    else:
        start(path, "--from-config", lock)
    return read_run_folder(path)


@contextmanager
def one_line_errors(place: Path) -> Iterator[None]:
    """File errors in the block become RunErrors."""
    try:
        yield
    except FileError as error:
        raise RunError(error.args[0]) from None
    except OSError as error:
        raise RunError(
            Message("cannot write to {place}: {value}", place=place, value=error.strerror or error)
        ) from None


def _sweep(runs_dir: Path) -> None:
    """Remove what a killed process left of a creation or deletion. Only inside `changing_runs`."""
    for leftover in (runs_dir / ".new", *runs_dir.glob(".deleted-*")):
        shutil.rmtree(leftover, ignore_errors=True)
    for leftover in runs_dir.glob(".tmp-*"):
        leftover.unlink(missing_ok=True)


def requested_before(request: str) -> Run | None:
    """The run that was created with this request; None for an empty one."""
    if not request:
        return None
    for file in paths.runs_dir().glob("*/launch.json"):
        if (read_json(file) or {}).get("request") == request:
            return read_run_folder(file.parent)
    return None


def check_room(limits: Limits, visitor: str) -> None:
    """Raises NotAllowed or RunError if this machine has no room for one more run."""
    free = shutil.disk_usage(paths.runs_dir()).free
    if free < MIN_FREE_BYTES:
        raise RunError(
            Message(
                "only {free:.0f} MB are free in {runs_dir}: delete runs or other files",
                free=free / 1e6,
                runs_dir=paths.runs_dir(),
            )
        )
    if limits.public:
        living = [run for run in list_runs() if run.living]
        own = [run for run in living if visitor_of(run) == visitor]
        limits.check_queue(len(living), len(own), disk_bytes(paths.runs_dir()))


def write_queued(path: Path, train: TrainConfig, earlier: Status) -> None:
    """Write a new ticket at the end of the queue. Only inside `changing_runs`."""
    queued = replace(
        earlier,
        state=State.QUEUED,
        ticket=next_ticket(paths.runs_dir()),
        choices=tuple(device_choices(train.device)),
        message="",
        summary={},
        pid=None,
    )
    write_status(path, queued)


def trainer_command(path: Path, how: str) -> list[str]:
    """Argument list that trains the run; `how` is "--from-config" or "--resume"."""
    return [sys.executable, "-m", "vggcore", "train", how, str(path)]


def start(path: Path, how: str, lock: int) -> None:
    """Start the trainer in its own session and hand it the lock; closes our copy."""
    folders = {
        "VGGCORE_RUNS": paths.runs_dir(),
        "VGGCORE_DATA": paths.data_dir(),
        "VGGCORE_PICTURES": paths.pictures_dir(),
        "VGGCORE_CHECKPOINTS": paths.checkpoints_dir(),
    }
    environment = os.environ | {key: str(value.resolve()) for key, value in folders.items()}
    environment |= {LOCK_FD: str(lock), "PYTHONUNBUFFERED": "1"}
    environment.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # GPUs are numbered as we show them
    try:
        with open(path / LOG, "ab") as log:
            process = subprocess.Popen(
                trainer_command(path.resolve(), how),
                cwd=paths.PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],
                start_new_session=True,
            )
    except OSError as error:
        message = Message("could not be started: {error}", error=error)
        write_status(path, Status(state=State.FAILED, message=message))
        raise RunError(
            Message("run {name} could not be started: {error}", name=path.name, error=error)
        ) from None
    finally:
        os.close(lock)
    with suppress(OSError):  # it has ended already
        # A visitor who draws during a training waits for a core: the server goes first.
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, process.pid, min(own + _NICENESS, 19))
    # Only to collect the exit code, so that no zombie stays while the app lives on.
    threading.Thread(target=process.wait, daemon=True, name=f"reap {path.name}").start()
