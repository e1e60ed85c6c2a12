"""What a pool of `wild`, or a start, is worth: short trainings on the same pictures.

    python benchmarks/wild_trials.py TRIAL … --out FILE [--seeds 2] [--steps 400]
    python benchmarks/wild_trials.py --out FILE          # the table of what FILE holds

Each trial trains the preset's network at a quarter of the width and is judged on the held-out
tenth of the real pictures. TRIAL: one of `TRIALS`; "PATH" of a folder with pools that another
version drew, to train on those. A start that was trained before takes as many steps again:
"twice the steps" is its measure.
"""

import argparse
import copy
import json
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from vggcore.answers import calibration, evaluation  # noqa: E402
from vggcore.model.network import build  # noqa: E402
from vggcore.model.presets import PRESETS  # noqa: E402
from vggcore.training import optimizer as optimizer_module  # noqa: E402
from vggcore.wild.items import NONE, PHOTO_SOURCES, not_garment_kinds  # noqa: E402
from vggcore.wild.loss import none_aware_loss  # noqa: E402
from vggcore.wild.pools import Pool  # noqa: E402
from vggcore.wild.training_data import SHARES, WildData  # noqa: E402
from vggcore.wild.validation import prepared_images  # noqa: E402

BATCH, WIDTH, EMA = 64, "1/4", 0.99
GOOD_UNSURE = 0.09  # share of the rightly named photos that may be called unsure
FASHION, THINGS = {"fashion": 1.0}, {"none-kinds": 1.0}  # what some starts are trained on
# Shares of a batch in each stage, and whether Tiny ImageNet's kinds are a task of their own.
TRIALS: dict[str, list[tuple[dict[str, float], bool]]] = {
    "all pools": [(SHARES, False)],
    **{
        f"without {name}": [({other: SHARES[other] for other in SHARES if other != name}, False)]
        for name in SHARES
    },
    "twice the steps": [(SHARES, False)] * 2,
    "from Fashion-MNIST": [(FASHION, False), (SHARES, False)],
    "from Tiny ImageNet": [(THINGS, True), (SHARES, False)],
    "Tiny ImageNet's kinds in a second head": [(SHARES, True)],
}


def add_kinds(data: WildData) -> int:
    """Add the kinds of other things to the targets, as columns from NONE + 1; returns how many."""
    folders = [item.name.split("/")[0] for item in not_garment_kinds(trained=True)]
    names = sorted(set(folders))
    kinds = F.one_hot(torch.tensor([names.index(folder) for folder in folders])).float()
    for name, pool in data.pools.items():
        own = kinds if name == "none-kinds" else torch.zeros(len(pool.images), len(names))
        data.pools[name] = pool._replace(targets=torch.cat([pool.targets, own], 1))
    return len(names)


def loss(logits, targets, with_kinds: bool):
    """That of `wild`; with_kinds: and the cross-entropy of the kinds, where there is one."""
    total = none_aware_loss(logits[:, :NONE], targets[:, : NONE + 1], 0.0)
    kinds = targets[:, NONE + 1 :]
    of_things = kinds.any(1)
    if with_kinds and of_things.any():
        total = total + F.cross_entropy(logits[of_things, NONE:], kinds[of_things])
    return total


class Garments(nn.Module):
    """The network without the outputs of its second head."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, inputs):
        return self.network(inputs)[:, :NONE]


def train(stages, steps: int, seed: int, other_pools: Path | None) -> tuple[nn.Module, WildData]:
    """The averaged network after these stages, each of so many steps with a schedule of its own."""
    preset = PRESETS["wild"]
    recipe = replace(preset.train, batch_size=BATCH, ema=EMA)
    spec = replace(preset.spec, width=WIDTH)
    data = WildData(spec, recipe, torch.device("cpu"))
    if other_pools:
        for file in other_pools.glob("*.npz"):
            with np.load(file) as stored:
                pool = Pool(*(torch.from_numpy(stored[part]) for part in Pool._fields))
            name = file.name.split("-")[0]
            data.pools[name], data.weights[name] = pool, pool.weights()
    kinds = add_kinds(data)
    everything = data.pools
    network = build(replace(spec, num_classes=NONE + kinds), init=recipe.init, seed=seed)
    network = network.to(memory_format=torch.channels_last).train()
    for number, (shares, with_kinds) in enumerate(stages):
        data.shares = shares
        data.pools = {name: everything[name] for name in shares}
        average = copy.deepcopy(network)
        optimizer = optimizer_module.make_optimizer(recipe, network)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = optimizer_module.learning_rate(recipe, step, steps)
            inputs, targets = data.batch((seed * 10 + number) * 100_000 + step)
            logits = network(inputs.contiguous(memory_format=torch.channels_last))
            optimizer.zero_grad()
            loss(logits, targets, with_kinds).backward()
            optimizer.step()
            optimizer_module.update_average(average, network, recipe.ema, step)
        network.load_state_dict(average.state_dict())
    return Garments(network).eval(), data


def judge(network: nn.Module, data: WildData) -> dict[str, float]:
    """Accepted share by kind and by source of photos; share of unseen things called unsure."""
    way = data.preprocessing
    by_kind = data._validation.answers(network, way)
    scores = {kind: calibration.is_right(*found).mean().item() for kind, found in by_kind.items()}
    logits, right = by_kind["photos"]
    named = calibration.is_right(logits, right).bool()
    photos = [item for item in data._validation.items if item.kind == "photos"]
    for source in PHOTO_SOURCES:
        of_source = torch.tensor([item.source == source for item in photos])
        scores[source] = named[of_source].float().mean().item()
    # One threshold for the largest logit, the plainest way to call a picture unsure.
    level = logits[named].amax(1).quantile(GOOD_UNSURE)
    things = [item.picture() for item in not_garment_kinds(trained=False)][::4]
    prepared = prepared_images(things, way.image_size, way.style)
    unsure = evaluation.predict(network, prepared, way).amax(1) < level
    return scores | {"things unsure": unsure.float().mean().item()}


def table(results: list[dict]) -> list[str]:
    """Markdown rows: mean of the seeds of each trial, and their half-range."""
    by_trial = defaultdict(list)
    for result in results:
        by_trial[result["trial"]].append(result["scores"])
    columns = list(results[0]["scores"])
    rows = [f"| trial | seeds | {' | '.join(columns)} |", "|---|--:" + "|--:" * len(columns) + "|"]
    for trial, found in by_trial.items():
        cells = []
        for column in columns:
            values = [scores[column] for scores in found]
            spread = (max(values) - min(values)) / 2
            cells.append(f"{statistics.mean(values):.3f} ± {spread:.3f}")
        rows.append(f"| {trial} | {len(found)} | {' | '.join(cells)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=", ".join(TRIALS))
    parser.add_argument("--out", type=Path, required=True, help="one JSON object a line, added to")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400, help="of each stage")
    arguments = parser.parse_args()
    for seed in range(arguments.seeds):
        for trial in arguments.trials:
            folder = Path(trial) if trial not in TRIALS else None
            if folder and not folder.is_dir():
                parser.error(f"no trial and no folder: {trial}")
            started = time.perf_counter()
            stages = TRIALS["all pools" if folder else trial]
            network, data = train(stages, arguments.steps, seed, folder)
            result = {
                "trial": folder.name if folder else trial,
                "seed": seed,
                "steps": arguments.steps,
                "seconds": round(time.perf_counter() - started),
                "scores": judge(network, data),
            }
            with arguments.out.open("a") as out:
                out.write(json.dumps(result) + "\n")
            print(result, file=sys.stderr, flush=True)
    print(*table([json.loads(line) for line in arguments.out.open()]), sep="\n")


if __name__ == "__main__":
    main()
