"""A real Ray cluster of one node, and what tests, benchmarks and screenshots do with it.

with ray_cluster(cpus=1) as cluster:
    environment = settings_for(cluster, store="/shared/folder")
"""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import reaper

PROJECT = Path(__file__).resolve().parents[1]
_PATIENCE = 90.0
_NODE = "VGGCORE_TEST_NODE"  # marks the processes of one node
# What no test needs: processes that Ray starts in case, each of which imports Ray anew.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "SPT_NOENV": "1",  # Ray's processes rename themselves: keep their environment, to find them by
}


@dataclass
class RayCluster:
    """A node that can be killed and started again at the same address."""

    ports: dict[str, int]
    cpus: int
    place: str
    environment: dict[str, str]
    process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['dashboard-port']}"

    def start(self) -> None:
        """Start the node, and wait until it takes jobs."""
        ray = Path(sys.executable).with_name("ray")
        command = [str(ray), "start", "--head", "--block", "--disable-usage-stats"]
        command += [f"--{name}={port}" for name, port in self.ports.items()]
        command += ["--dashboard-host=127.0.0.1", "--min-worker-port=0", "--max-worker-port=0"]
        command += [f"--num-cpus={self.cpus}", "--num-gpus=0", "--object-store-memory=100000000"]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            [*command, f"--temp-dir={self.place}"],
            env=os.environ | _QUIET | self.environment | {"PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError), urlopen(f"{self.address}/api/jobs/", timeout=5) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.2)
        raise AssertionError("Ray did not start")

    def kill(self) -> None:
        """As in a power cut: kill every process of the node, its jobs included."""
        reaper.kill(f"{_NODE}={self.place}")
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def ray_cluster(cpus: int = 1, **environment: str):
    """A Ray node on free ports of this machine. environment: variables of its processes."""
    place = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # Ray's sockets need a short path
    names = ("port", "dashboard-port", "dashboard-agent-listen-port", "ray-client-server-port")
    marked = environment | {_NODE: place}
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    cluster = RayCluster(ports, cpus, place, marked)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()
        shutil.rmtree(place, ignore_errors=True)


def settings_for(cluster: RayCluster, store: str, **more: str) -> dict[str, str]:
    """The owner's settings that name this cluster, which has no GPU, and a store."""
    return {
        "VGGCORE_RAY": cluster.address,
        "VGGCORE_RAY_GPUS": "0",
        "VGGCORE_STORE": store,
    } | more


@contextmanager
def s3_server():
    """moto's S3 server; yields the settings of a store in it."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=_free_ports(1)[0], verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys).create_bucket(
            Bucket="runs"
        )
        options = f'{{"key": "key", "secret": "secret", "endpoint_url": "{url}"}}'
        yield {"VGGCORE_STORE": "s3://runs/vgg", "VGGCORE_STORE_OPTIONS": options}
    finally:
        server.stop()


def stop_follower(runs: Path) -> None:
    """End the process that follows the cluster for these runs."""
    with suppress(OSError, ValueError, IndexError):
        pid = int((runs / ".cluster" / "lock").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)


def processes_of_job(run_id: str) -> list[int]:
    """Pids of a run's trainer on this machine's node, not counting its job."""
    return [pid for pid in _pids() if f"/runs/{run_id}" in _read(pid, "cmdline")]


def pause(run_id: str) -> tuple[int, Path]:
    """Stop a trainer's clock once it can be resumed, so that a short run lasts as long as needed.

    Returns its pid and its folder on the node.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for pid in processes_of_job(run_id):
            folder = Path(_read(pid, "cmdline").rstrip("\0").rpartition("\0")[2])
            if (folder / "last.safetensors").exists():
                os.kill(pid, signal.SIGSTOP)
                return pid, folder
        time.sleep(0.02)
    raise AssertionError(f"{run_id} has no checkpoint")


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
