"""How much faster is a training step than in the tutorial's style, on this machine?

    python benchmarks/tutorial_speed.py [--alternations 7] [--steps 4]

Both train the tutorial's recipe (VGG-11 at 1/8, 224 px, batch 64, Adam) on Fashion-MNIST, in
separate processes that take turns. Ours is the same loop as in `python -m vggcore train
--preset tutorial`. Also printed: the share of our step spent outside forward, backward and
optimizer, and the ratio of our step to a bare forward and backward on tensors that are ready.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import turns, tutorial_way  # noqa: E402


def ours(before_step) -> None:
    """The real training loop, held before each step."""
    import torch

    from vggcore.model.presets import PRESETS
    from vggcore.runs import folder as run_folder
    from vggcore.training import loop as training
    from vggcore.training.step import Step

    preset, take = PRESETS["tutorial"], Step.take
    inside = before_step.report = {"model": 0.0, "steps": 0.0}

    def timed(name, function):
        def call(*args, **kwargs):
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                inside[name] += time.perf_counter() - started

        return call

    def held(step):
        before_step()
        if "forward" not in vars(step.network):
            step.network.forward = timed("model", step.network.forward)
            step.optimizer.step = timed("model", step.optimizer.step)
            torch.Tensor.backward = timed("model", torch.Tensor.backward)
        timed("steps", take)(step)

    Step.take = held
    with tempfile.TemporaryDirectory() as place:
        folder = run_folder.create(Path(place) / "run", preset.spec, preset.train)
        training.fit(folder, device="cpu")


def bare(before_step) -> None:
    """Forward and backward alone, on one batch that is already loaded."""
    import torch

    from vggcore.model.network import build
    from vggcore.model.presets import PRESETS
    from vggcore.training.fashion_data import FashionData

    preset = PRESETS["tutorial"]
    images, labels = FashionData(preset.spec, preset.train, torch.device("cpu")).batch(0)
    network = build(preset.spec, init=preset.train.init, seed=0)
    network.to(memory_format=torch.channels_last)
    while True:
        before_step()
        network.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(images)
        torch.nn.functional.cross_entropy(logits.float(), labels).backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alternations", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4, help="steps of each in a turn")
    args = parser.parse_args()
    works = {"tutorial": tutorial_way.work, "ours": ours, "bare": bare}
    seconds = {name: [] for name in works}
    with turns.workers(**works) as workers:
        for name in works:  # warm-up, not counted
            workers[name].seconds_per_step(3)
        for _ in range(args.alternations):
            for name in works:
                seconds[name].append(workers[name].seconds_per_step(args.steps))
        inside = workers["ours"].end()
    ratios = [a / b for a, b in zip(seconds["tutorial"], seconds["ours"], strict=True)]
    figures = {f"{name}_ms": 1e3 * statistics.median(values) for name, values in seconds.items()}
    figures |= {
        "times_faster": statistics.median(ratios),
        "times_faster_range": [min(ratios), max(ratios)],
        "share_outside_model": 1 - inside["model"] / inside["steps"],
        "times_bare": statistics.median(
            a / b for a, b in zip(seconds["ours"], seconds["bare"], strict=True)
        ),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
