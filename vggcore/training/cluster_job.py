"""The job that trains a run on a Ray cluster: `python -m vggcore.training.cluster_job RUN ATTEMPT`.

It fetches the run from the store, trains it with the same `vggcore train` as anywhere else (over
several GPUs or nodes: Ray Train's TorchTrainer around the same loop), and mirrors the folder as
it grows. If the job is killed, the next attempt continues from what it left in the store.
"""

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from vggcore.machine.messages import Message
from vggcore.runs.cluster import settings
from vggcore.runs.cluster.store import Store, StoredRun, StoreError
from vggcore.runs.folder import RunFolder
from vggcore.runs.launching import trainer_command
from vggcore.runs.names import LOG, State
from vggcore.runs.process import BOUND
from vggcore.runs.run import processes_of
from vggcore.runs.status import read_status, write_status
from vggcore.training import cluster_workers
from vggcore.training.cluster_mirror import Mirror, fetch, record_loss, use_place

_LOOK_SECONDS = 1.0
LOST_RAY = Message("Ray ended on its node, so the run saved and ended; resume continues from there")


def main(run_id: str, number: str) -> int:
    """Train one attempt of a run; returns exit code 0 if its end is in the store."""
    run = StoredRun(Store(*settings.store()), run_id)
    attempt = run.attempt(int(number))
    if attempt.stop_requested() or not attempt.has_begun():
        print("cancelled before it started", flush=True)
        return 0
    with tempfile.TemporaryDirectory(prefix="vggcore-", ignore_cleanup_errors=True) as place:
        folder = Path(place) / "runs" / run_id
        fetch(run, attempt, folder)
        if (processes := processes_of(folder)) > 1:
            return cluster_workers.train(run_id, attempt.number, processes)
        environment = use_place(run, Path(place))
        with Mirror(run, attempt, RunFolder(folder)):
            return _train(folder, environment)


def _train(folder: Path, environment: dict[str, str]) -> int:
    """Train in a separate process, which may run out of memory without taking this one along."""
    how = "--resume" if any(folder.glob("last*.safetensors")) else "--from-config"
    with open(folder / LOG, "ab") as log:
        trainer = subprocess.Popen(
            trainer_command(folder, how),
            env=os.environ | environment | {BOUND: "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        # Ray ends a job with SIGTERM: the trainer then saves, and what it saved is sent.
        signal.signal(signal.SIGTERM, lambda *_: trainer.terminate())
        lost_ray = _wait(trainer)
    record_loss(folder, _why(trainer.returncode))
    status = read_status(folder)
    if lost_ray and status.state == State.STOPPED:
        status = write_status(folder, replace(status, message=LOST_RAY))
    print(f"{status.state} at step {status.step}: {status.message or 'no message'}", flush=True)
    return 0 if status.state in (State.FINISHED, State.STOPPED) else 1


def _wait(trainer: subprocess.Popen) -> bool:
    """Wait for the end; whether Ray was gone before it, and the GPU seemed to be free."""
    supervisor, lost = os.getppid(), False
    while True:
        try:
            trainer.wait(_LOOK_SECONDS)
            return lost
        except subprocess.TimeoutExpired:
            if os.getppid() != supervisor and not lost:
                lost = True
                trainer.terminate()  # the trainer then saves


def _why(code: int) -> str:
    if code == -signal.SIGKILL:
        return "its process on the cluster was killed, probably for lack of memory"
    if code < 0:
        return f"its process on the cluster ended by signal {-code}"
    return f"the process on the cluster ended unexpectedly (exit code {code})"


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (StoreError, ValueError, OSError) as error:
        print(f"vggcore: {error}", flush=True)
        sys.exit(1)
