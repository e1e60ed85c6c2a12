"""The queue for devices: one run per device; the others wait in the order of their tickets."""

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from vggcore.machine import gpus, paths
from vggcore.machine.file_lock import take_lock, wait_for_lock
from vggcore.machine.files import read_json, write_json
from vggcore.machine.hardware import device_choices
from vggcore.machine.messages import Message
from vggcore.runs import locks, process
from vggcore.runs.names import STATUS, STOP, RunError, State
from vggcore.runs.status import Status, read_status, write_status

_POLL_SECONDS = 0.25


@contextmanager
def wait_for_device(device: str, run_dir: Path, count: int = 1) -> Iterator[str]:
    """Wait in the queue for `device`, then hold it for the life of the block; yields its name.

    Enter it after `hold_run_lock` and before importing torch. "auto" and "cuda" take the first
    free GPU. `count`: how many to hold at once, or all if there are fewer; their names are
    separated by commas. Runs take their turn in order of their tickets, whatever
    the clock does. A stop request while waiting is recorded as "stopped" and raises
    SystemExit(0).
    """
    run_dir = Path(run_dir)
    if os.environ.get(process.LOCK_HELD):
        yield device
        return
    choices = device_choices(device)
    try:
        ticket = _ticket(run_dir, choices)
    except OSError as error:
        raise RunError(
            Message(
                "cannot write to {runs_dir}: {strerror}",
                runs_dir=paths.runs_dir(),
                strerror=error.strerror,
            )
        ) from None
    with ExitStack() as held:
        with _termination_as_cancel(run_dir):
            announced = False
            while not (granted := _try_devices(held, ticket, choices, count)):
                if (run_dir / STOP).exists():
                    _cancel(run_dir)
                if not announced:
                    _say_what_it_waits_for(ticket, choices)
                    announced = True
                time.sleep(_POLL_SECONDS)
            write_status(run_dir, replace(read_status(run_dir), state=State.STARTING))
            yield granted


@contextmanager
def changing_runs(runs_dir: Path) -> Iterator[None]:
    """Lets one process at a time create runs and give out tickets. Held for milliseconds."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    fd = wait_for_lock(runs_dir / ".changing.lock")
    try:
        yield
    finally:
        os.close(fd)


def next_ticket(runs_dir: Path) -> int:
    """A number above every ticket given out before. Call it inside `changing_runs`."""
    path = runs_dir / ".ticket.json"
    used = [(read_json(path) or {}).get("last", 0)]
    used += [status.ticket for _, status in _statuses(runs_dir)]
    ticket = max((number for number in used if isinstance(number, int)), default=0) + 1
    write_json(path, {"last": ticket})
    return ticket


def waiting_before(ticket: int, choices: list[str]) -> list[Path]:
    """Living runs with an earlier ticket that are waiting for one of the same devices, in order."""
    earlier = [
        (status.ticket, other)
        for other, status in _statuses(paths.runs_dir())
        if status.state == State.QUEUED
        and status.ticket is not None
        and status.ticket < ticket
        and _wants_one_of(status, choices)
        and locks.is_alive(other)
    ]
    return [other for _, other in sorted(earlier)]


def _statuses(runs_dir: Path) -> list[tuple[Path, Status]]:
    """Run folders with a readable status."""
    statuses = [
        (path.parent, read_status(path.parent)) for path in runs_dir.glob(f"[!.]*/{STATUS}")
    ]
    return [(run_dir, status) for run_dir, status in statuses if status.state]


def _ticket(run_dir: Path, choices: list[str]) -> int:
    """The ticket that the launcher wrote, or a new one for a run started in a terminal."""
    status = read_status(run_dir)
    if status.state == State.QUEUED and status.ticket is not None:
        return status.ticket
    with changing_runs(paths.runs_dir()):
        ticket = next_ticket(paths.runs_dir())
        queued = replace(
            status, state=State.QUEUED, ticket=ticket, choices=tuple(choices), pid=os.getpid()
        )
        write_status(run_dir, queued)
    return ticket


def _wants_one_of(status: Status, choices: list[str]) -> bool:
    return not set(status.choices or choices).isdisjoint(choices)


def _try_devices(held: ExitStack, ticket: int, choices: list[str], count: int) -> str | None:
    """Take `count` of the devices, or all if there are fewer, if it is this run's turn."""
    if waiting_before(ticket, choices):
        return None
    locks_held: dict[str, int] = {}
    count = min(count, len(choices))
    for name in choices:
        if len(locks_held) == count:
            break
        fd = take_lock(_device_lock(name), patience=0)
        if fd is not None:
            locks_held[name] = fd
    if len(locks_held) < count:
        for fd in locks_held.values():
            os.close(fd)
        return None
    for fd in locks_held.values():
        process.keep(fd)
        held.callback(process.release, fd)
    return ",".join(locks_held)


def _device_lock(device: str) -> Path:
    """Lock file named by the GPU's uuid: one process's cuda:0 may be another's cuda:1."""
    gpu = gpus.gpu(device)
    name = gpu.uuid if gpu and gpu.uuid else device
    return paths.runs_dir() / f".device-{re.sub('[^a-z0-9]', '-', name.lower())}.lock"


def _say_what_it_waits_for(ticket: int, choices: list[str]) -> None:
    """One line for the terminal or the run's log."""
    busy = [
        path.name
        for path, status in _statuses(paths.runs_dir())
        if status.state in (State.STARTING, State.RUNNING, State.STOPPING)
        and _wants_one_of(status, choices)
        and locks.is_alive(path)
    ]
    before = [*busy, *(path.name for path in waiting_before(ticket, choices))]
    print(
        f"waiting for {' or '.join(choices)} behind {', '.join(before) or 'another run'}; "
        "Ctrl-C cancels",
        file=sys.stderr,
        flush=True,
    )


def _cancel(run_dir: Path) -> None:
    """End this process, whose run has not started training in this session."""
    process.record_end(run_dir, State.STOPPED, Message("cancelled before it started"))
    (run_dir / STOP).unlink(missing_ok=True)
    print("cancelled before it started", file=sys.stderr, flush=True)
    raise SystemExit(0)


@contextmanager
def _termination_as_cancel(run_dir: Path) -> Iterator[None]:
    """SIGTERM and SIGINT cancel a run that waits or loads; `training` handles them after that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def request_stop(signum, frame):
        _cancel(run_dir)

    before = {s: signal.signal(s, request_stop) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
