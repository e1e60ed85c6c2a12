"""Everything that needs a GPU to check, in nine minutes; one JSON line for each result.

    VGGCORE_DATA=../shared/datasets python benchmarks/gpu_check.py --out FOLDER
    python benchmarks/gpu_check.py --dry-run          # all of it, on the CPU, a hundredth as large

Each part runs in its own process with its own time limit; a part that is cut off leaves the
lines that it had printed. Needs torch 2.11 or newer and Python 3.12, but no streamlit, plotly or
torchvision. `best`, the last part, trains with all the time that is left; its weights and card are
left in FOLDER. It is chosen on validation, and tested once.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from vggcore.model.architectures import VGGSpec  # noqa: E402
from vggcore.model.presets import PRESETS  # noqa: E402
from vggcore.model.recipe import TrainConfig  # noqa: E402

WHOLE = 540  # seconds for all parts together
LEAST = 20  # seconds below which a part is not started
LIMITS = {  # seconds
    "machine": 30,
    "tests": 60,
    "tutorial": 60,
    "fast": 60,
    "resume": 40,
    "graphs": 30,
    "out-of-memory": 40,
    "memory": 70,
    "nccl": 40,
    "latency": 40,
    "wild": 120,
    "best": WHOLE,
}
# Wider and longer than the preset, with more augmentation: a GPU has time for it.
BEST = dict(
    spec=dict(width="1", dropout=0.3),
    train=dict(epochs=60, batch_size=512, learning_rate=0.002, mixup=0.1, cutmix=0.5, ema=0.999),
)


class Check:
    """What every part knows: where it runs, at what size, and where it reports its results."""

    def __init__(self, args: argparse.Namespace):
        self.dry, self.seconds = args.dry_run, args.seconds
        self.device = "cpu" if args.dry_run else args.device
        self.out = Path(args.out)
        self.work = self.out / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        if self.dry:
            from vggcore.data import raw_files

            raw_files.SYNTHETIC_COUNTS.update(train=240, validation=60, test=60)

    def say(self, **found) -> None:
        """One JSON line; numbers to six digits."""
        print(json.dumps({k: _rounded(v) for k, v in found.items()}), flush=True)

    def sized(self, spec: VGGSpec, train: TrainConfig) -> tuple[VGGSpec, TrainConfig]:
        """A recipe unchanged, or for the dry run a hundredth of it on synthetic garments."""
        if not self.dry:
            return spec, replace(train, device=self.device)
        small = replace(spec, width="1/32", image_size=min(spec.image_size, 32))
        shorter = replace(
            train,
            dataset="synthetic",
            train_limit=192,
            epochs=min(train.epochs, 2),
            batch_size=min(train.batch_size, 32),
            device="cpu",
        )
        return small, shorter

    def train(self, name: str, spec: VGGSpec, train: TrainConfig) -> tuple[dict, list[dict]]:
        """Train a run with this name; returns its summary and the rows of its epochs."""
        from vggcore.runs import folder
        from vggcore.training import loop

        run = folder.create(self.work / name, spec, train)
        summary = loop.fit(run, device=self.device)
        rows = (run.path / "metrics.jsonl").read_text("utf-8").splitlines()
        return summary, [row for row in map(json.loads, rows) if row["kind"] == "epoch"]


def _rounded(value):
    return float(f"{value:.6g}") if isinstance(value, float) else value


def machine(check: Check) -> None:
    import torch

    from vggcore.machine import devices, precision

    device = devices.resolve(check.device)
    check.say(
        part="machine",
        torch=torch.__version__,
        python=sys.version.split()[0],
        device=devices.describe(device),
        precision=precision.resolve("auto", device),
        cuda=torch.version.cuda,
        memory_bytes=torch.cuda.mem_get_info()[1] if device.type == "cuda" else None,
    )


def tests(check: Check) -> None:
    """Tests that need a GPU; in the dry run they are collected, and skipped."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/training", "tests/machine",
         "-p", "no:cacheprovider"],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    last = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "")
    check.say(part="tests", code=done.returncode, summary=last, error=done.stderr[-300:])


def tutorial(check: Check) -> None:
    """Seconds per epoch of the tutorial's own recipe: the target on an H100 is at most 1.5."""
    preset = PRESETS["tutorial"]
    for name, graphs in (("auto", False), ("auto", True), ("float32", False)):
        recipe = replace(preset.train, epochs=3, precision=name, cuda_graphs=graphs)
        spec, train = check.sized(preset.spec, recipe)
        summary, epochs = check.train(f"tutorial-{name}-{graphs}", spec, train)
        ends = [0.0, *(row["seconds"] for row in epochs)]
        lengths = [after - before for before, after in zip(ends, ends[1:], strict=False)]
        check.say(
            part="tutorial",
            precision=name,
            cuda_graphs=graphs,
            seconds_per_epoch=min(lengths),
            first_epoch_seconds=lengths[0],
            val_accuracy=summary["best_val_accuracy"],
        )


def fast(check: Check) -> None:
    """Training seconds to 0.918 and 0.940 accuracy on the validation images."""
    fast, best = PRESETS["fast"], PRESETS["best"]
    recipes = {
        "fast": (fast.spec, fast.train),
        "fast, 4 epochs": (fast.spec, replace(fast.train, epochs=4)),
        "best's network, 6 epochs": (best.spec, replace(best.train, epochs=6, cutmix=0.0)),
    }
    for name, recipe in recipes.items():
        spec, train = check.sized(*recipe)
        summary, epochs = check.train(name.replace(" ", "-").replace("'", ""), spec, train)
        reached = {
            f"seconds_to_{aim}": next(
                (row["seconds"] for row in epochs if row["val_accuracy"] >= aim), None
            )
            for aim in (0.918, 0.94)
        }
        check.say(part="fast", recipe=name, test_accuracy=summary["test_accuracy"], **reached)


def resume(check: Check) -> None:
    """Compares a run that was stopped and resumed with one that was not, bit for bit."""
    import torch
    from safetensors.torch import load_file

    from vggcore.runs import folder
    from vggcore.training import loop

    preset = PRESETS["fast"]
    for deterministic in (True, False):
        spec, train = check.sized(
            preset.spec,
            replace(preset.train, epochs=2, train_limit=6400, deterministic=deterministic, ema=0.9),
        )
        kind = "deterministic" if deterministic else "usual"
        check.train(f"whole-{kind}", spec, train)
        run = folder.create(check.work / f"stopped-{kind}", spec, train)
        stop_at = 2 if check.dry else 30

        def stop(said, run=run, stop_at=stop_at):
            if said.step >= stop_at:
                run.request_stop()

        from vggcore.training import report

        report.STATUS_SECONDS = 0.0
        first = loop.fit(run, device=check.device, on_step=stop)
        second = loop.fit(folder.RunFolder(run.path), device=check.device)
        ours, theirs = (
            load_file(check.work / f"{name}-{kind}" / "last.safetensors")
            for name in ("whole", "stopped")
        )
        apart = {
            name: (ours[name].double() - theirs[name].double()).abs().max().item()
            for name in ours
            if ours[name].is_floating_point()
        }
        check.say(
            part="resume",
            mode=kind,
            stopped=first["state"],
            then=second["state"],
            same_bits=all(torch.equal(ours[name], theirs[name]) for name in ours),
            largest_difference=max(apart.values()),
        )


def graphs(check: Check) -> None:
    """Bits and seconds of a training with CUDA graphs against one without (a CPU has none)."""
    import torch
    from safetensors.torch import load_file

    preset = PRESETS["fast"]
    weights, seconds = [], []
    for wanted in (False, True):
        recipe = replace(
            preset.train, epochs=2, train_limit=6400, deterministic=True, cuda_graphs=wanted
        )
        spec, train = check.sized(preset.spec, recipe)
        summary, _ = check.train(f"graphs-{wanted}", spec, train)
        weights.append(load_file(check.work / f"graphs-{wanted}" / "last.safetensors"))
        seconds.append(summary["seconds"])
    without, graphed = weights
    check.say(
        part="graphs",
        same_bits=all(torch.equal(without[name], graphed[name]) for name in without),
        seconds_without=seconds[0],
        seconds=seconds[1],
    )


def out_of_memory(check: Check) -> None:
    """A batch that cannot fit, the batch size that the message suggests, and whether that fits."""
    from vggcore.training.progress import TrainingFailed

    spec = VGGSpec(configuration="E", batch_norm=True, image_size=224, num_classes=10)
    train = TrainConfig(dataset="synthetic", batch_size=4000, epochs=1, device=check.device)
    if check.dry:
        check.say(part="out-of-memory", skipped="a CPU would fill the computer's memory")
        return
    try:
        check.train("too-large", spec, train)
        check.say(part="out-of-memory", error="a batch of 4,000 fits VGG-19 at 224 px here")
    except TrainingFailed as error:
        named = re.search(r"--batch-size (\d+)", str(error))
        check.say(part="out-of-memory", message=str(error))
        if named:
            size = int(named[1])
            smaller = replace(train, batch_size=size, train_limit=2 * size)
            summary, _ = check.train("named", spec, smaller)
            check.say(part="out-of-memory", batch_size=size, then=summary["state"])


def memory(check: Check) -> None:
    """Predicted against measured peak memory for eight recipes."""
    import training_cost

    from vggcore.training import cost

    for recipe in training_cost.RECIPES[: 2 if check.dry else None]:
        spec = VGGSpec(**recipe["spec"])
        batch = recipe["train"]["batch_size"]
        train = TrainConfig(
            dataset="synthetic", train_limit=3 * batch, device=check.device,
            **recipe["train"] | {"epochs": 1},
        )  # fmt: skip
        if check.dry:
            spec, train = check.sized(spec, train)
        measured = training_cost.in_child(clock="wall", spec=spec.to_dict(), train=train.to_dict())
        predicted = cost.memory_bytes(spec, train)
        check.say(
            part="memory",
            network=f"{spec.name}, {spec.image_size} px, batch {train.batch_size}",
            measured_bytes=measured["memory"],
            predicted_bytes=predicted,
            ratio=predicted / measured["memory"],
        )


def nccl(check: Check) -> None:
    """One process that trains as part of a group: NCCL on a GPU, gloo on a CPU."""
    import torch

    backend = "gloo" if check.dry else "nccl"
    with tempfile.NamedTemporaryFile() as file:
        torch.distributed.init_process_group(
            backend, init_method=f"file://{file.name}-group", rank=0, world_size=1
        )
        numbers = torch.ones(1_000_000, device=check.device)
        torch.distributed.all_reduce(numbers)
        model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 8).to(check.device))
        model(torch.ones(2, 8, device=check.device)).sum().backward()
        torch.distributed.destroy_process_group()
    check.say(part="nccl", backend=backend, sum=numbers.sum().item())


def latency(check: Check) -> None:
    """One answer of the shipped network, from input to logits."""
    import torch

    from vggcore.answers import evaluation
    from vggcore.machine import devices
    from vggcore.model import checkpoints

    device = devices.resolve(check.device)
    checkpoint = checkpoints.load("wild")
    spec, way = checkpoint.card.spec, checkpoint.card.preprocessing
    network = checkpoint.network.to(device)
    picture = torch.zeros(1, spec.in_channels, spec.image_size, spec.image_size, device=device)
    times = []
    with torch.inference_mode():
        for _ in range(10 if check.dry else 200):
            started = time.perf_counter()
            evaluation.answer(network, picture, way).cpu()
            times.append(time.perf_counter() - started)
    times = sorted(times[len(times) // 4 :])
    check.say(
        part="latency", device=devices.describe(device), median_seconds=times[len(times) // 2]
    )


def wild(check: Check) -> None:
    """The preset `wild` on noise, with its own loss, validation, calibration and test.

    To draw its pictures would take half an hour of the CPU. The time of a step does not depend on
    what they show, its accuracy does.
    """
    import numpy as np
    import torch

    from vggcore.data import fashion_mnist
    from vggcore.wild import pools, training_data, validation
    from vggcore.wild.items import SKETCH_SOURCES, WORN, Item

    pictures, steps = (44, 2) if check.dry else (2_000, 100)
    rng = np.random.default_rng(0)

    def noise(count: int, *shape: int) -> np.ndarray:
        return rng.integers(0, 256, (count, *shape), np.uint8)

    def pool(name: str, size: int, *_, colour: bool, **__) -> pools.Pool:
        channels = (4,) if colour and name != "fashion" else ()
        images = noise(pictures, size, size, *channels)
        return pools.Pool(torch.from_numpy(images), torch.eye(11)[torch.arange(pictures) % 11])

    def split(*_, **__) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(noise(pictures, 28, 28)), torch.arange(pictures) % 10

    def items(*_, **__) -> list[Item]:
        kinds = (WORN, SKETCH_SOURCES[0])
        named = [Item(kinds[n % 2], "dress", str(n), noise(1, 64, 64)[0]) for n in range(400)]
        return [item for item in named if item.held_out]

    training_data.cached_pool, fashion_mnist.load_split = pool, split
    validation.development_items, training_data.WILD_STEPS_PER_EPOCH = items, steps
    preset = PRESETS["wild"]
    for graphs in (False, True):
        recipe = replace(preset.train, epochs=2, cuda_graphs=graphs)
        spec, train = check.sized(preset.spec, recipe)
        train = replace(train, dataset="wild", train_limit=0)
        summary, epochs = check.train(f"wild-{graphs}", spec, train)
        first, second = (row["seconds"] for row in epochs)
        check.say(
            part="wild",
            cuda_graphs=graphs,
            state=summary["state"],
            seconds_per_step=(second - first) / steps,
            memory_bytes=torch.cuda.max_memory_allocated() if check.device != "cpu" else None,
        )


def best(check: Check) -> None:
    """Train `best`, wider and longer, in the time that is left; keeps weights and card."""
    preset = PRESETS["best"]
    spec = replace(preset.spec, **BEST["spec"])
    minutes = max(0.2, (check.seconds - 25) / 60)  # at the end it tests, calibrates and saves
    train = replace(preset.train, **BEST["train"], max_minutes=minutes)
    spec, train = check.sized(spec, train)
    probe, epochs = check.train("best-probe", spec, replace(train, epochs=1, max_minutes=0.0))
    a_minute = probe["seconds"]
    # As many epochs as there is time for: the schedule must end when the run does.
    fitting = int((check.seconds - a_minute - 25) / max(a_minute, 1e-3))
    epochs_now = max(1, min(train.epochs, fitting)) if not check.dry else train.epochs
    check.say(part="best", probe_seconds=a_minute, epochs=epochs_now)
    summary, epochs = check.train("best", spec, replace(train, epochs=epochs_now))
    check.say(
        part="best",
        network=spec.name,
        epochs=len(epochs),
        val_accuracy=summary["best_val_accuracy"],
        test_accuracy=summary["test_accuracy"],
        seconds=summary["seconds"],
        weights=str(check.work / "best" / "best.safetensors"),
    )


PARTS = {
    "machine": machine,
    "tests": tests,
    "tutorial": tutorial,
    "fast": fast,
    "resume": resume,
    "graphs": graphs,
    "out-of-memory": out_of_memory,
    "memory": memory,
    "nccl": nccl,
    "latency": latency,
    "wild": wild,
    "best": best,
}


def run_part(name: str, seconds: float, args: argparse.Namespace) -> bool:
    """One part in its own process; whether it ended by itself, and successfully."""
    command = [sys.executable, __file__, "--part", name, "--seconds", f"{seconds:.0f}"]
    command += ["--device", args.device, "--out", args.out] + ["--dry-run"] * args.dry_run
    errors = Path(args.out) / f"{name}.log"
    started = time.monotonic()
    with open(errors, "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=PROJECT, stderr=log, start_new_session=True)
        try:
            code: int | str = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            code = f"cut off after {seconds:.0f} s"
    if code != 0:
        tail = errors.read_text("utf-8", "replace").strip().splitlines()[-1:]
        print(json.dumps({"part": name, "error": str(code), "last_line": tail}), flush=True)
    print(
        json.dumps({"part": name, "took_seconds": round(time.monotonic() - started, 1)}), flush=True
    )
    return code == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", action="store_true", help="on the CPU, a hundredth as large")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", default="", help="folder for weights and logs")
    parser.add_argument("--only", action="append", choices=PARTS, help="only these parts")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=WHOLE, help="of all parts together")
    args = parser.parse_args()
    args.out = str(Path(args.out or tempfile.mkdtemp(prefix="gpu-check-")).resolve())
    if args.part:
        sys.path.insert(0, str(PROJECT / "benchmarks"))
        PARTS[args.part](Check(args))
        return 0
    Path(args.out).mkdir(parents=True, exist_ok=True)
    ends, failed = time.monotonic() + args.seconds, []
    for name in args.only or PARTS:
        left = ends - time.monotonic()
        if left < LEAST:
            print(json.dumps({"part": name, "error": "no time was left for it"}), flush=True)
            failed.append(name)
        elif not run_part(name, min(left, LIMITS[name]), args):
            failed.append(name)
    print(json.dumps({"part": "all", "failed": failed, "out": args.out}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
