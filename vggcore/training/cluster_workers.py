"""One run over several GPUs or nodes: Ray Train's TorchTrainer around the same loop.

Each worker is a rank of `machine.distributed`; Ray starts them, joins them into a process group
and gives each its GPU. Rank 0 mirrors the run. Needs `ray[train]`, only on the cluster.
"""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from vggcore.machine.messages import Message
from vggcore.runs.cluster import settings
from vggcore.runs.cluster.store import Store, StoredRun
from vggcore.runs.folder import RunFolder
from vggcore.runs.names import BEST, State
from vggcore.runs.status import Status, is_ended, read_status

LOST = Message(
    "a process of this run on the cluster was lost: resume continues from its last checkpoint"
)


def train(run_id: str, number: int, processes: int) -> int:
    """Train one attempt; returns exit code 0 if its end is in the store."""
    from ray import train as ray_train
    from ray.train.torch import TorchTrainer

    gpus, cpus = float(os.environ.get(settings.GPUS, 1)), float(os.environ.get(settings.CPUS, 1))
    resources = {"CPU": cpus, **({"GPU": gpus} if gpus else {})}
    scaling = ray_train.ScalingConfig(
        num_workers=processes, use_gpu=gpus > 0, resources_per_worker=resources
    )
    with tempfile.TemporaryDirectory(prefix="vggcore-", ignore_cleanup_errors=True) as place:
        trainer = TorchTrainer(
            _work,
            train_loop_config={"run": run_id, "attempt": number},
            scaling_config=scaling,
            run_config=ray_train.RunConfig(storage_path=place, name="ray"),
        )
        try:
            trainer.fit()
        except Exception as error:  # Ray's training errors have no common base class
            print(f"Ray Train: {error}", flush=True)
    return _ended(run_id, number)


def _ended(run_id: str, number: int) -> int:
    """Record a crash if rank 0 could not say how it ended."""
    attempt = StoredRun(Store(*settings.store()), run_id).attempt(number)
    status = Status.from_dict(attempt.status())
    if not is_ended(status):
        attempt.write_status(replace(status, state=State.CRASHED, message=LOST).to_dict())
        return 1
    return 0 if status.state in (State.FINISHED, State.STOPPED) else 1


def _work(config: dict) -> None:
    """One worker: fetch the run, train its share; rank 0 mirrors it."""
    from vggcore.machine import distributed
    from vggcore.training import loop
    from vggcore.training.cluster_mirror import Mirror, fetch, record_loss, use_place

    run = StoredRun(Store(*settings.store()), config["run"])
    attempt = run.attempt(config["attempt"])
    with tempfile.TemporaryDirectory(prefix="vggcore-", ignore_cleanup_errors=True) as place:
        os.environ.update(use_place(run, Path(place)))
        folder = RunFolder(Path(place) / "runs" / run.id)
        fetch(run, attempt, folder.path)
        if not distributed.is_main():
            loop.fit(folder)
            return
        with Mirror(run, attempt, folder):
            try:
                loop.fit(folder)
            except (ValueError, RuntimeError) as error:
                if distributed.is_lost_process(error):
                    record_loss(folder.path, LOST)
                else:
                    folder.write_status("failed", message=str(error))
                raise
            _keep_results(folder)


def _keep_results(folder: RunFolder) -> None:
    if read_status(folder.path).state == State.FINISHED:
        from vggcore.answers import making_results

        making_results.build(folder.path / BEST)
