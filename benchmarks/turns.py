"""Measure things side by side: processes that take turns on the same machine, in one run.

Other work on the machine then slows all of them alike, and their ratio stays true.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Ended(Exception):
    """Raised by `before_step` when no more steps are wanted."""


class Worker:
    """A process that does some steps when asked, and otherwise waits.

    `work(before_step)` calls `before_step()` before each of its steps, forever.
    """

    def __init__(self, work: Callable):
        # Spawned, so that no worker inherits another's threads, caches or allocator settings.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(work, theirs))
        self.process.start()
        theirs.close()  # so that we notice if it dies

    def seconds_per_step(self, steps: int) -> float:
        """Let it do `steps` steps; returns mean wall-clock seconds per step."""
        self.connection.send(steps)
        return self.connection.recv() / steps

    def end(self) -> dict:
        """End the process; returns what `work` reported (see `before_step.report`)."""
        self.connection.send(0)
        report = self.connection.recv()
        self.process.join()
        return report


@contextmanager
def workers(**works: Callable) -> Iterator[dict[str, Worker]]:
    """One worker for each piece of work, ended and joined at the end."""
    started = {name: Worker(work) for name, work in works.items()}
    try:
        yield started
        for worker in started.values():
            if worker.process.is_alive():
                worker.end()
    finally:
        for worker in started.values():
            worker.process.terminate()


def _serve(work: Callable, connection) -> None:
    before_step = _Orders(connection)
    try:
        work(before_step)
    except Ended:
        connection.send(before_step.report)


class _Orders:
    def __init__(self, connection):
        self.connection, self.left, self.started = connection, 0, None
        self.report: dict = {}

    def __call__(self) -> None:
        if self.left == 0:
            if self.started is not None:
                self.connection.send(time.perf_counter() - self.started)
            self.left = self.connection.recv()
            if self.left == 0:
                raise Ended
            self.started = time.perf_counter()
        self.left -= 1
