"""Keeps the copies of the cluster's runs up to date: `python -m vggcore.runs.cluster.follower`.

One process for all runs of this machine. A page or command that reads runs starts it (`daemon`),
detached like a trainer, so that it outlives the app. It ends when no page or command has read runs
for a while and no run is living. It can be killed at any time: everything it knows is read again.
"""

import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

from vggcore.machine import paths
from vggcore.machine.file_lock import take_lock
from vggcore.machine.files import write_json
from vggcore.machine.messages import Message, parts
from vggcore.runs.cluster import daemon, settings, submitting
from vggcore.runs.cluster.copy import Copy
from vggcore.runs.cluster.jobs import Jobs
from vggcore.runs.cluster.store import Store, StoredRun, StoreError, run_ids
from vggcore.runs.cluster.submitting import run_id_of
from vggcore.runs.names import CLUSTER, LIVING
from vggcore.runs.queue import changing_runs
from vggcore.runs.run import free_name_like
from vggcore.runs.status import read_status

PASS_SECONDS = 1.0
_COMPLAIN_SECONDS = 60.0
_DISCOVER_SECONDS = 5.0  # between looks for runs that others launched
_UNASKED_SECONDS = 300.0  # without a request, and without a living run


class Follower:
    """All of this machine's runs on the cluster."""

    def __init__(self, cluster: settings.Cluster):
        self.cluster = cluster
        self.store = Store(cluster.store, cluster.store_options)
        self.jobs = Jobs(cluster)
        self._copies: dict[str, Copy] = {}  # by the run's id in the store
        self._discovered = float("-inf")
        self._complained: dict[str, float] = {}

    def look_once(self) -> None:
        """Update every copy, and create copies of runs that others launched."""
        trouble = self._discover()
        folders = {copy_id: folder for folder in _folders() if (copy_id := run_id_of(folder))}
        for run_id, folder in folders.items():
            try:
                copy = self._copies.get(run_id)
                if copy is None or copy.folder != folder:
                    copy = self._copies[run_id] = Copy(self.store, self.jobs, folder, run_id)
                copy.update()
            except Exception as error:  # whatever is wrong with one run, the others are followed
                trouble = trouble or Message("{name}: {error}", name=folder.name, error=error)
                self._complain(folder.name)
        for gone in self._copies.keys() - folders.keys():
            del self._copies[gone]
        report = {"time": time.time(), "trouble": trouble} | parts(trouble=trouble)
        write_json(daemon.place() / daemon.PASS, report)

    def _complain(self, name: str) -> None:
        """Log the error for the maintainer, at most once a minute per run."""
        if time.monotonic() - self._complained.get(name, float("-inf")) > _COMPLAIN_SECONDS:
            self._complained[name] = time.monotonic()
            traceback.print_exc()

    def _discover(self) -> str:
        if time.monotonic() - self._discovered < _DISCOVER_SECONDS:
            return ""
        self._discovered = time.monotonic()
        try:
            stored = run_ids(self.store)
            known = {run_id_of(folder) for folder in _folders()}
        except StoreError as error:
            return str(error)
        trouble = ""
        for run_id in stored:
            if run_id not in known:
                try:
                    self._adopt(StoredRun(self.store, run_id))
                except (ValueError, OSError) as error:
                    trouble = Message("{name}: {error}", name=run_id, error=error)
        return trouble

    def _adopt(self, stored: StoredRun) -> None:
        config, attempts = stored.config(), stored.attempts()
        if config is None or not attempts or stored.is_deleted():
            return  # being created or deleted
        launched = stored.launched()
        staging = paths.runs_dir() / ".new-from-store" / stored.id
        shutil.rmtree(staging, ignore_errors=True)
        with changing_runs(paths.runs_dir()):
            if stored.id in {run_id_of(folder) for folder in _folders()}:
                return  # being launched here right now
            name = free_name_like(str(config.get("name") or stored.id))
            submitting.adopt(stored, staging, config | {"name": name}, launched, attempts[-1])
            os.rename(staging, paths.runs_dir() / name)


def _folders() -> list[Path]:
    return [file.parent for file in paths.runs_dir().glob(f"[!.]*/{CLUSTER}")]


def _is_wanted(request: Path) -> bool:
    """Whether a page or command has read runs recently, or a run is living."""
    try:
        unasked = time.time() - request.stat().st_mtime
    except OSError:
        return False  # the runs folder is gone
    if unasked < _UNASKED_SECONDS:
        return True
    return any(read_status(folder).state in LIVING for folder in _folders())


def main() -> int:
    place = daemon.place()
    lock = take_lock(place / daemon.LOCK, patience=0)
    if lock is None:
        return 0  # another follower is running
    cluster = settings.require()
    os.write(lock, "\n".join([str(os.getpid()), *daemon.key(cluster), ""]).encode())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    follower = Follower(cluster)
    while _is_wanted(place / daemon.ASKED):
        began = time.monotonic()
        follower.look_once()
        time.sleep(max(0.05, PASS_SECONDS - (time.monotonic() - began)))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ValueError, OSError) as error:
        print(f"{time.strftime('%F %T')} {error}", file=sys.stderr, flush=True)
        sys.exit(1)
