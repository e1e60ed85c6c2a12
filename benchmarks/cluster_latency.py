"""How soon a row written by the trainer on a cluster's node arrives here, by folder and by S3.

    python benchmarks/cluster_latency.py

A Ray node on this machine trains a run; its metrics file on the node and the copy here are
checked every 20 ms. Prints the median and longest wait in seconds, one JSON line per store. (The
Train page checks the copy once a second.)
"""

import glob
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from ray_cluster import ray_cluster, s3_server, settings_for, stop_follower  # noqa: E402

from vggcore import runs  # noqa: E402
from vggcore.machine import paths  # noqa: E402
from vggcore.model.architectures import VGGSpec  # noqa: E402
from vggcore.model.recipe import TrainConfig  # noqa: E402
from vggcore.runs.cluster import submitting  # noqa: E402

SPEC = VGGSpec(configuration="A", width="1/16", batch_norm=True, image_size=32, head="pool")
TRAIN = TrainConfig(dataset="synthetic", batch_size=32, epochs=2)
PATIENCE = 300.0


def waits() -> list[float]:
    """Seconds from each growth of the node's file to the same length here, for one run."""
    run = runs.launch(SPEC, TRAIN, on_cluster=True)
    there = f"/tmp/vggcore-*/runs/{submitting.run_id_of(run.path)}/metrics.jsonl"
    grown: list[tuple[int, float]] = []
    found, deadline = [], time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        now = time.monotonic()
        for file in glob.glob(there):
            length = os.path.getsize(file)
            if length > (grown[-1][0] if grown else found_length(run)):
                grown.append((length, now))
        while grown and found_length(run) >= grown[0][0]:
            found.append(now - grown.pop(0)[1])
        if runs.read_run(run.name).state == "finished":
            return found
        time.sleep(0.02)
    raise SystemExit("the run did not finish")


def found_length(run: runs.Run) -> int:
    file = run.path / "metrics.jsonl"
    return file.stat().st_size if file.exists() else 0


def main() -> None:
    with tempfile.TemporaryDirectory() as place, ray_cluster(cpus=1) as cluster, s3_server() as s3:
        for name, store in (("folder", {"VGGCORE_STORE": f"{place}/store"}), ("s3", s3)):
            os.environ |= settings_for(cluster, "") | store | {"VGGCORE_RUNS": f"{place}/{name}"}
            measured = waits()
            said = {"store": name, "rows": len(measured), "median_s": round(median(measured), 2)}
            print(json.dumps(said | {"longest_s": round(max(measured), 2)}), flush=True)
            stop_follower(paths.runs_dir())


if __name__ == "__main__":
    main()
