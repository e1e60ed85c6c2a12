"""Launch, resume and delete a run on the cluster, from this machine."""

import shlex
import shutil
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vggcore.machine.files import read_json, write_json
from vggcore.machine.messages import Message
from vggcore.model import checkpoints
from vggcore.model.recipe import CORRECTIONS, OWN, TrainConfig
from vggcore.runs.cluster import package, settings
from vggcore.runs.cluster.jobs import Jobs, Unreachable
from vggcore.runs.cluster.store import Store, StoredRun, StoreError
from vggcore.runs.folder import RunFolder
from vggcore.runs.names import CLUSTER, CONFIG, LAUNCH, STOP, RunError, State
from vggcore.runs.status import Status, read_status, write_status

QUEUE = ("cluster",)  # in place of a status's devices: it waits for no device of this machine
START = "start"  # in the store: the checkpoint that a run starts from
_ENTRYPOINT = "exec python -m vggcore.training.cluster_job"


def check(train: TrainConfig) -> None:
    """Raises ValueError if a run cannot be trained away from this machine."""
    settings.require()
    if train.dataset in (OWN, CORRECTIONS):
        raise RunError(
            Message("own pictures stay on this machine: train on them here, not on the cluster")
        )


def job_name(run_id: str, attempt: int) -> str:
    """Ray's id for an attempt's job: of two jobs with the same id, Ray takes one."""
    return f"{run_id}-{attempt}"


def read_about(folder: Path) -> dict:
    """What cluster.json says of `run`, `attempt` and `submitted`, without what is damaged."""
    values, kinds = read_json(folder / CLUSTER) or {}, {"run": str, "attempt": int}
    return {
        key: value for key, value in values.items() if isinstance(value, kinds.get(key, object))
    }


def run_id_of(folder: Path) -> str:
    """The store's id of the run in this folder; empty if it trains on this machine."""
    return read_about(folder).get("run", "")


def prepare(folder: Path) -> None:
    """Make a new run's folder a queued run of the cluster. Nothing is sent yet."""
    run_id = f"{folder.name}-{uuid.uuid4().hex[:8]}"
    write_json(folder / CLUSTER, {"run": run_id, "attempt": 1, "submitted": False})
    write_queued(folder, Status())


def write_queued(folder: Path, earlier: Status) -> None:
    """Write the status of a run that was sent to the cluster and has not been heard of yet."""
    status = replace(
        earlier, state=State.QUEUED, choices=QUEUE, ticket=None, message="", summary={}, pid=None
    )
    write_status(folder, replace(status, trouble=""))


def launch(folder: Path) -> None:
    """Send a prepared run to the store and to the cluster. If that fails, nothing of it is left.

    Raises RunError, in one line.
    """
    cluster = settings.require()
    config, about = RunFolder(folder).config, read_about(folder)
    train = RunFolder(folder).train
    start = checkpoints.find(train.init_from) if train.init_from else None
    if start:
        config = config | {"train": config["train"] | {"init_from": START}}
    stored = None
    try:
        package_name = _upload_package(Jobs(cluster))
        stored = _stored(cluster, about["run"])
        stored.create(config, read_json(folder / LAUNCH) or {}, start)
        stored.attempt(1).begin()
        _submit(cluster, stored, 1, package_name)
    except (ValueError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        if stored is not None:
            with suppress(StoreError):  # report the first error
                stored.delete()
        raise
    write_json(folder / CLUSTER, about | read_about(folder) | {"submitted": True})


def resume(folder: Path) -> None:
    """Send an ended run to the cluster again, as its next attempt. The caller holds its lock.

    Raises RunError, in one line.
    """
    about, cluster = read_about(folder), settings.require()
    stored = _stored(cluster, str(about.get("run")))
    if stored.config() is None:
        raise RunError(Message("run {name} is no longer in the store", name=folder.name))
    package_name = _upload_package(Jobs(cluster))
    earlier = stored.attempts()
    for before in earlier[-1:]:  # if its job is still alive after all, it ends
        stored.attempt(before).request_stop()
    number = max([about.get("attempt", 0), *earlier]) + 1
    stored.attempt(number).begin()
    try:
        _submit(cluster, stored, number, package_name)
    except Unreachable:  # Ray may have the job anyway: it will then see the request and exit
        stored.attempt(number).request_stop()
        write_json(folder / CLUSTER, about | {"attempt": number, "submitted": True})
        raise
    except RunError:
        stored.attempt(number).withdraw()
        raise
    (folder / STOP).unlink(missing_ok=True)
    write_queued(folder, read_status(folder))
    write_json(folder / CLUSTER, about | {"attempt": number, "submitted": True})


def delete(folder: Path) -> None:
    """Remove a run from the store, for every machine. Raises RunError if that is impossible."""
    about, cluster = read_about(folder), settings.read()
    if cluster is None or "run" not in about:  # only the local copy can be deleted
        return
    stored = _stored(cluster, about["run"])
    stored.delete()
    with suppress(RunError):  # only tidying up: Ray forgets its jobs by itself
        Jobs(cluster).forget(job_name(stored.id, about.get("attempt", 1)))


def _stored(cluster: settings.Cluster, run_id: str) -> StoredRun:
    return StoredRun(Store(cluster.store, cluster.store_options), run_id)


def _upload_package(jobs: Jobs) -> str:
    """Give the cluster our code unless it already has it; returns the package's name."""
    name, content = package.make()
    if not jobs.has_package(name):
        jobs.upload_package(name, content)
    return name


def _submit(cluster: settings.Cluster, stored: StoredRun, number: int, name: str) -> None:
    """Submit the job. name: of the package with the code."""
    processes = stored.launched().get("processes", 1)
    several = isinstance(processes, int) and processes > 1
    wanted = dict(cluster.runtime_env)
    variables = wanted.pop("env_vars", {})
    environment = {
        settings.STORE: cluster.store,
        settings.STORE_OPTIONS: settings.to_text(cluster.store_options),
    }
    if several:  # each of Ray Train's workers reserves its own
        environment |= {settings.GPUS: f"{cluster.gpus:g}", settings.CPUS: f"{cluster.cpus:g}"}
        resources = {"entrypoint_num_cpus": 0.0}
    else:
        resources = {"entrypoint_num_cpus": cluster.cpus, "entrypoint_num_gpus": cluster.gpus}
    variables = dict(variables) if isinstance(variables, dict) else {}
    runtime_env = {"working_dir": f"gcs://{name}", "env_vars": environment | variables, **wanted}
    entrypoint = f"{_ENTRYPOINT} {shlex.quote(stored.id)} {number}"
    Jobs(cluster).submit(job_name(stored.id, number), entrypoint, runtime_env, resources)


def adopt(stored: StoredRun, folder: Path, config: dict, launched: dict, attempt: int) -> None:
    """Create the local folder of a run that another machine launched. Raises FileError."""
    folder.mkdir(parents=True)
    write_json(folder / LAUNCH, launched)
    write_json(folder / CLUSTER, {"run": stored.id, "attempt": attempt, "submitted": True})
    write_queued(folder, Status())
    write_json(folder / CONFIG, config | {"name": folder.name})
