"""Predicted against measured: peak memory and seconds per epoch of training.

Each recipe trains for real in its own process, on synthetic garments, and reports its peak rise in
resident memory (on a GPU: the most that PyTorch allocated) and how long a step took.

    python benchmarks/training_cost.py [--device cpu] [--clock cpu]
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore.model.architectures import VGGSpec  # noqa: E402
from vggcore.model.recipe import TrainConfig  # noqa: E402

RECIPES = (
    dict(spec=dict(configuration="A", width="1/8", image_size=224), train=dict(batch_size=64)),
    dict(
        spec=dict(configuration="A", width="1/4", batch_norm=True, image_size=32, head="pool"),
        train=dict(batch_size=256),
    ),
    dict(
        spec=dict(configuration="D", width="1/4", batch_norm=True, image_size=64, head="pool"),
        train=dict(batch_size=64),
    ),
    dict(
        spec=dict(configuration="B", width="1/2", batch_norm=True, image_size=32, head="pool"),
        train=dict(batch_size=128, ema=0.99),
    ),
    dict(
        spec=dict(configuration="E", width="1/8", image_size=96),
        train=dict(batch_size=64, optimizer="sgd", precision="float32"),
    ),
    dict(spec=dict(configuration="C", width="1/2", image_size=32), train=dict(batch_size=128)),
    dict(spec=dict(configuration="A", image_size=32), train=dict(batch_size=32)),
    dict(spec=dict(configuration="A-LRN", width="1/4", image_size=64), train=dict(batch_size=64)),
)


def measure(spec: VGGSpec, train: TrainConfig, folder: Path) -> dict:
    """Train in this process; peak bytes beyond the start, and seconds of the median step."""
    import torch

    from vggcore.machine import devices
    from vggcore.runs import folder as run_folder
    from vggcore.training import loop

    device = devices.resolve(train.device)
    torch.ones(8, device=device).sum().item()
    before = peak_bytes(device)
    run = run_folder.create(folder / "run", spec, train)
    loop.fit(run)
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    seconds = [line["seconds"] for line in lines if line["kind"] == "step"]
    steps = [after - before for before, after in zip(seconds, seconds[1:], strict=False)]
    return {"memory": peak_bytes(device) - before, "seconds": statistics.median(steps)}


def peak_bytes(device) -> int:
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def use_cpu_clock() -> None:
    """Let training and calibration read CPU time, divided by threads, instead of the wall clock.

    This equals the wall clock on an idle machine, and other programs do not disturb it.
    """
    import torch

    from vggcore.training import report, speed

    def clock() -> float:
        return time.process_time() / torch.get_num_threads()

    speed.time = report.time = SimpleNamespace(monotonic=clock, perf_counter=clock)


def child(job: dict) -> dict:
    """The work of a separate process: calibrate, or train one recipe."""
    if job["clock"] == "cpu":
        use_cpu_clock()
    if "spec" not in job:
        from vggcore.training import speed

        return {name: list(s) for name, s in speed.measure(job["device"]).items()}
    with tempfile.TemporaryDirectory() as folder:
        spec, train = VGGSpec.from_dict(job["spec"]), TrainConfig.from_dict(job["train"])
        return measure(spec, train, Path(folder))


def in_child(**job) -> dict:
    # Waiting threads must not spin, or their CPU time would count as work.
    environment = os.environ | {"OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, __file__, "--child", json.dumps(job)]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(output.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: CPU time divided by threads, for machines that do other work meanwhile",
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(json.loads(args.child))))
        return
    from vggcore.machine import devices, precision
    from vggcore.training import cost, speed

    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        kept = in_child(clock=args.clock, device=args.device)
    speeds = {name: speed.Speeds(*values) for name, values in kept.items()}
    print(json.dumps(kept))
    print(f"{'network':34} {'batch':>5} | memory: measured, predicted | step: measured, predicted")
    for recipe in RECIPES:
        spec, batch = VGGSpec(**recipe["spec"]), recipe["train"]["batch_size"]
        train = TrainConfig(
            dataset="synthetic",
            train_limit=batch * args.steps,
            epochs=1,
            device=args.device,
            **recipe["train"],
        )
        measured = in_child(clock=args.clock, spec=spec.to_dict(), train=train.to_dict())
        memory = cost.memory_bytes(spec, train)
        used = precision.resolve(train.precision, devices.resolve(args.device))
        seconds = cost.seconds_per_step(spec, train, speeds[used])
        print(
            f"{spec.name + f' {spec.image_size} px':34} {batch:5} | "
            f"{measured['memory'] / 1e6:6.0f} MB {memory / 1e6:6.0f} MB "
            f"{memory / measured['memory']:5.2f} | {measured['seconds']:6.3f} s {seconds:6.3f} s "
            f"{seconds / measured['seconds']:5.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
