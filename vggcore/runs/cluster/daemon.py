"""Keeps a follower running, which updates the copies of the cluster's runs, if a cluster is set up.

Called at every look at runs, so it must be cheap: no fsspec, no network.
"""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import vggcore
from vggcore.machine import paths
from vggcore.machine.file_lock import is_locked
from vggcore.machine.files import read_json
from vggcore.machine.messages import restored
from vggcore.runs.cluster import settings

LOCK, ASKED, PASS, LOG = "lock", "asked", "pass.json", "log.txt"
_ASK_SECONDS = 5.0  # between two notes that a page or command is reading runs
_START_SECONDS = 5.0  # between two attempts to start a follower
_started = float("-inf")


def place() -> Path:
    """The follower's own folder, inside the runs folder."""
    return paths.runs_dir() / ".cluster"


def key(cluster: settings.Cluster) -> tuple[str, str]:
    """Identifies a follower's version, cluster and store, and its headers."""
    where = repr((vggcore.__version__, cluster.address, cluster.store))
    return _short(where), _short(repr(sorted(cluster.headers.items())))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def attend(wait: float = 0.0) -> None:
    """Start the follower unless one is running. wait: most seconds to wait for its next pass.

    Does nothing if no cluster is set up or its settings cannot be used: that error is reported
    when a run is launched.
    """
    try:
        cluster = settings.read()
    except ValueError:
        return
    if cluster is None:
        return
    now = time.time()
    try:
        _ask(now)
        _keep_one(cluster)
    except OSError:
        return  # nothing can be written here: the runs are shown as they are
    while wait > 0 and (read_json(place() / PASS) or {}).get("time", 0) < now:
        time.sleep(0.05)
        wait -= 0.05


def trouble() -> str:
    """What keeps the follower from seeing the store; empty if nothing does."""
    return str(restored(read_json(place() / PASS) or {}, "trouble").get("trouble", ""))


def _ask(now: float) -> None:
    request = place() / ASKED
    try:
        if now - request.stat().st_mtime < _ASK_SECONDS:
            return
    except FileNotFoundError:
        place().mkdir(parents=True, exist_ok=True)
    request.touch()


def _keep_one(cluster: settings.Cluster) -> None:
    global _started
    lock = place() / LOCK
    if is_locked(lock):
        owner = lock.read_text(encoding="ascii", errors="replace").split()
        where, headers = key(cluster)
        # A terminal without the token accepts the follower that the app started.
        if len(owner) != 3 or (owner[1] == where and (owner[2] == headers or not cluster.headers)):
            return
        os.kill(int(owner[0]), signal.SIGTERM)  # another version, or the settings changed since
    if time.monotonic() - _started < _START_SECONDS:
        return
    _started = time.monotonic()
    with open(place() / LOG, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "vggcore.runs.cluster.follower"],
            cwd=paths.PROJECT,
            env=os.environ | {"VGGCORE_RUNS": str(paths.runs_dir().resolve())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True, name="reap follower").start()
