"""Kill the trainer, its job, the node, the follower or the store at random; nothing may be lost.

    python benchmarks/cluster_chaos.py --kills 20

A Ray node on this machine trains one run, through a store in a folder. After every kill the run
must reach a true state by itself: it continues, or it has crashed and is resumed. At the end it
must have the weights of an undisturbed run, every step once, and no second copy.
Prints what happened and every broken promise as JSON; exits with 1 if there is any.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from ray_cluster import (  # noqa: E402
    RayCluster,
    processes_of_job,
    ray_cluster,
    settings_for,
    stop_follower,
)

from vggcore import runs  # noqa: E402
from vggcore.machine import paths  # noqa: E402
from vggcore.model.architectures import VGGSpec  # noqa: E402
from vggcore.model.recipe import TrainConfig  # noqa: E402
from vggcore.runs import folder  # noqa: E402
from vggcore.runs.cluster import submitting  # noqa: E402

KINDS = ("trainer", "job", "node", "follower", "store")
SPEC = VGGSpec(configuration="A", width="1/32", batch_norm=True, image_size=32, head="pool")
PATIENCE = 180.0  # seconds for a run to reach a state
STORE_IS_GONE = 8.0  # seconds


def recipe(kills: int) -> TrainConfig:
    """Long enough to be killed this often."""
    return TrainConfig(
        dataset="synthetic",
        train_limit=2048,
        batch_size=64,
        epochs=4 + 2 * kills,
        checkpoint_seconds=1.0,
        flip=True,
        ema=0.9,
    )


class Chaos:
    """One run on one cluster, and what has happened to it."""

    def __init__(self, cluster: RayCluster, store: Path, seed: int):
        self.cluster, self.store = cluster, store
        self.random = random.Random(seed)
        self.happened: Counter = Counter()
        self.broken: list[str] = []

    def expect(self, holds: bool, promise: str) -> None:
        if not holds:
            self.broken.append(promise)

    def wait_for(self, *states: str) -> runs.Run:
        """The run, once it is in one of these states; if it never is, a promise is broken."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [run for run in runs.list_runs() if run.name == "r"]
            if found and found[0].state in states:
                return found[0]
            if time.monotonic() > deadline:
                said = (
                    f"{found[0].state}: {found[0].message or found[0].status}" if found else "gone"
                )
                self.broken.append(f"the run is {said}, not {' or '.join(states)}")
                raise TimeoutError
            time.sleep(0.1)

    def strike(self, kind: str) -> None:
        """Kill one thing at a random moment, and check that the run reaches a true state."""
        self.wait_for("running")
        time.sleep(self.random.uniform(0.0, 4.0))
        self.happened[kind] += 1
        run_id = submitting.run_id_of(paths.runs_dir() / "r")
        if kind == "follower":
            stop_follower(paths.runs_dir())
        elif kind == "store":
            aside = self.store.with_name("gone")
            os.rename(self.store, aside)
            time.sleep(STORE_IS_GONE)
            os.rename(aside, self.store)
        elif kind == "node":
            self.cluster.kill()
            self.cluster.start()
        else:
            job = f"cluster_job {run_id}".encode()
            for pid in jobs(job) if kind == "job" else processes_of_job(run_id):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        run = self.wait_for("running", "crashed", "finished")
        if kind in ("trainer", "job", "node") and run.state != "finished":
            run = self.wait_for("crashed", "finished")
        if run.state == "crashed":
            self.expect(run.resumable, f"after {kind}: crashed, and cannot be resumed")
            runs.resume("r")

    def finish(self) -> runs.Run:
        run = self.wait_for("finished", "crashed", "failed")
        self.expect(run.state == "finished", f"it ended as {run.state}: {run.message}")
        self.expect(len(runs.list_runs()) == 1, "there is a second copy of the run")
        lines = (run.path / "metrics.jsonl").read_text().splitlines()
        steps = [row["step"] for line in lines if (row := json.loads(line))["kind"] == "step"]
        self.expect(steps == sorted(set(steps)), "a step is missing, double or out of order")
        return run


def jobs(mark: bytes) -> list[int]:
    """Pids of processes whose command line contains this."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if mark in Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" "):
                found.append(int(name))
    return found


def undisturbed(place: Path, train: TrainConfig) -> str:
    """Hash of the weights of the same run, undisturbed."""
    path = folder.create(place / "undisturbed", SPEC, train).path
    command = [sys.executable, "-m", "vggcore", "train", "--from-config", str(path)]
    quiet = os.environ | {"VGGCORE_RAY": "", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=quiet, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return weights(path)


def weights(run: Path) -> str:
    return hashlib.sha256((run / "best.safetensors").read_bytes()).hexdigest()


def chaos(kills: int, seed: int, kinds: tuple[str, ...] = ()) -> Chaos:
    """Strike `kills` times, with these kinds or random ones. Changes this process's environment."""
    train = recipe(kills)
    with tempfile.TemporaryDirectory() as place, ray_cluster(cpus=1) as cluster:
        here, store = Path(place), Path(place) / "store"
        os.environ |= settings_for(cluster, str(store)) | {"VGGCORE_RUNS": str(here / "runs")}
        world = Chaos(cluster, store, seed)
        try:
            runs.launch(SPEC, train, name="r", on_cluster=True)
            for number in range(kills):
                world.strike(kinds[number] if kinds else world.random.choice(KINDS))
            run = world.finish()
            same = weights(run.path) == undisturbed(here, train)
            world.expect(same, "the weights are not those of a run that nothing happened to")
        except TimeoutError:
            pass  # already reported
        finally:
            stop_follower(here / "runs")
    return world


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.monotonic()
    world = chaos(args.kills, args.seed)
    seconds = round(time.monotonic() - began)
    said = {"kills": dict(world.happened), "broken": world.broken, "seconds": seconds}
    print(json.dumps(said, indent=1))
    return 1 if world.broken else 0


if __name__ == "__main__":
    sys.exit(main())
