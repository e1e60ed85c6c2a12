"""How often VGG networks stay at chance, and how often each remedy frees them.

    python benchmarks/stuck.py [--seeds 3] [--processes 2] [--steps 200]

Networks A, B, D and E at two widths, with and without batch norm, from five pairs of
initialisation and learning rate (Adam, batch 64, 32 px, 8,000 training images of Fashion-MNIST).
A training counts as stuck if its last 40 steps stay at chance; it ends early once it has learned.
Then each stuck training is repeated with one change, a remedy that the Train page offers.
Validation and test images are not used.
"""

import argparse
import itertools
import math
import multiprocessing
import sys
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore.model.architectures import VGGSpec  # noqa: E402
from vggcore.model.network import VGG, build  # noqa: E402
from vggcore.model.pretraining import copy_weights  # noqa: E402
from vggcore.model.recipe import TrainConfig  # noqa: E402
from vggcore.training import optimizer as optimizer_module  # noqa: E402
from vggcore.training.fashion_data import FashionData  # noqa: E402

NETWORKS = ("A", "B", "D", "E")
WIDTHS = (Fraction(1, 8), Fraction(1, 16))
STARTS = (
    ("xavier", 0.001),
    ("xavier", 0.02),
    ("kaiming", 0.001),
    ("kaiming", 0.01),
    ("paper", 0.001),
)
CPU = torch.device("cpu")
WINDOW = 40  # steps at the end that are checked
LEARNED = 0.8  # times the loss at chance: below it a training has begun to learn


class Case(NamedTuple):
    """One training."""

    spec: VGGSpec
    train: TrainConfig
    steps: int
    shallower: bool = False  # start from VGG-11 of the same width, trained for as many steps

    @property
    def setting(self) -> tuple:
        return self.spec.batch_norm, self.train.init, self.train.learning_rate


def cases(seeds: int, steps: int) -> list[Case]:
    found = []
    for name, width, norm, (init, rate), seed in itertools.product(
        NETWORKS, WIDTHS, (False, True), STARTS, range(seeds)
    ):
        spec = VGGSpec(configuration=name, width=width, batch_norm=norm, image_size=32, dropout=0.5)
        train = TrainConfig(
            train_limit=8_000, batch_size=64, optimizer="adam", learning_rate=rate,
            weight_decay=0.0, schedule="constant", init=init, flip=False, shift=0, erase=0.0,
            ema=0.0, label_smoothing=0.0, precision="float32", seed=seed,
        )  # fmt: skip
        found.append(Case(spec, train, steps))
    return found


def remedies(case: Case) -> dict[str, Case]:
    """By name, each remedy of the Train page that is a change for this case."""
    spec, train = case.spec, case.train
    changed = {
        "batch norm": case._replace(spec=replace(spec, batch_norm=True)),
        "Kaiming's initial weights": case._replace(train=replace(train, init="kaiming")),
        "the paper's initial weights": case._replace(train=replace(train, init="paper")),
        "a fifth of the rate": case._replace(
            train=replace(train, learning_rate=train.learning_rate / 5)
        ),
        "a warm-up": case._replace(train=replace(train, schedule="one-cycle")),
        "a start from VGG-11": case._replace(shallower=True),
    }
    if spec.configuration == "A":
        del changed["a start from VGG-11"]
    return {name: other for name, other in changed.items() if other != case}


@lru_cache(maxsize=4)
def _source(train: TrainConfig) -> FashionData:
    return FashionData(VGGSpec(image_size=32), train, CPU)


def trained(case: Case) -> tuple[VGG, bool]:
    """The network, and whether it is stuck."""
    spec, train = case.spec, case.train
    data = _source(replace(train, init="kaiming", learning_rate=0.001, schedule="constant"))
    network = build(spec, init=train.init, seed=train.seed)
    if case.shallower:
        first, _ = trained(case._replace(spec=replace(spec, configuration="A"), shallower=False))
        copy_weights(first, network, "paper")
    optimizer = optimizer_module.make_optimizer(train, network.train())
    guessing, losses = math.log(spec.num_classes), []
    for step in range(case.steps):
        for group in optimizer.param_groups:
            group["lr"] = optimizer_module.learning_rate(train, step, case.steps)
        torch.manual_seed(train.seed * 1_000_003 + step)
        inputs, targets = data.batch(step)
        loss = data.loss(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if sum(losses[-WINDOW:]) < LEARNED * guessing * WINDOW and len(losses) >= WINDOW:
            return network, False
    recent = sum(losses[-WINDOW:]) / WINDOW
    return network, not recent < 0.97 * guessing


def is_stuck(case: Case) -> bool:
    torch.set_num_threads(1)
    return trained(case)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()
    everything = cases(arguments.seeds, arguments.steps)
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        stuck = pool.map(is_stuck, everything, chunksize=1)
        print("| batch norm | start, rate | A | B | D | E |", "|---|---|--:|--:|--:|--:|", sep="\n")
        for norm, (init, rate) in itertools.product((False, True), STARTS):
            cells = []
            for name in NETWORKS:
                some = [
                    bad
                    for case, bad in zip(everything, stuck, strict=True)
                    if case.setting == (norm, init, rate) and case.spec.configuration == name
                ]
                cells.append(f"{sum(some)} of {len(some)}")
            print(f"| {'with' if norm else 'without'} | {init}, {rate:g} | {' | '.join(cells)} |")
        print(f"stuck: {sum(stuck)} of {len(stuck)}", flush=True)
        tried = [
            (name, other)
            for case, bad in zip(everything, stuck, strict=True)
            if bad
            for name, other in remedies(case).items()
        ]
        still = pool.map(is_stuck, [other for _, other in tried], chunksize=1)
    count, freed = Counter(name for name, _ in tried), Counter[str]()
    for (name, _), bad in zip(tried, still, strict=True):
        freed[name] += not bad
    print("", "| remedy | frees |", "|---|--:|", sep="\n")
    for name, total in sorted(count.items(), key=lambda item: -freed[item[0]] / item[1]):
        print(f"| {name} | {freed[name]} of {total} ({freed[name] / total:.0%}) |")


if __name__ == "__main__":
    main()
