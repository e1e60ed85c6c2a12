"""What a pool of `wild`, or a start, is worth: short trainings on the same pictures.

    python benchmarks/wild_trials.py TRIAL … --out FILE [--seeds 2] [--steps 400]
    python benchmarks/wild_trials.py --out FILE          # the table of what FILE holds

Each trial trains the preset's network at a quarter of the width, without real drawings: it is
judged on all of these, and on the held-out tenth of the photos. TRIAL: one of `TRIALS`, or a folder
with pools that another version drew. A start that was trained before has taken as many steps
again: "twice the steps" is its measure.
"""

import argparse
import copy
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from wild_sources import CPU, train_steps  # noqa: E402

from vggcore.answers import calibration, evaluation  # noqa: E402
from vggcore.model.network import build  # noqa: E402
from vggcore.model.presets import PRESETS  # noqa: E402
from vggcore.wild.items import (  # noqa: E402
    NONE,
    PHOTO_SOURCES,
    SKETCH_SOURCES,
    development_items,
    not_garment_kinds,
)
from vggcore.wild.loss import none_aware_loss  # noqa: E402
from vggcore.wild.pools import Pool  # noqa: E402
from vggcore.wild.training_data import SHARES, WildData  # noqa: E402
from vggcore.wild.validation import Validation, prepared_images  # noqa: E402

BATCH, WIDTH, EMA = 64, "1/4", 0.99
GOOD_UNSURE = 0.09  # share of the rightly named photos that may be called unsure


class Stage(NamedTuple):
    """Part of a trial, with a schedule of its own."""

    shares: dict[str, float] = SHARES  # of a batch, by pool
    kinds: bool = False  # whether Tiny ImageNet's kinds are learned, by a second head
    length: float = 1  # times `--steps`
    scale: int = 1  # pictures have 1/scale of their sides


def without(pool: str) -> Stage:
    """A stage with the other pools alone."""
    return Stage({name: share for name, share in SHARES.items() if name != pool})


TRIALS: dict[str, list[Stage]] = {
    "all pools": [Stage()],
    **{f"without {name}": [without(name)] for name in SHARES if name != "sketches"},
    "twice the steps": [Stage(length=2)],
    "from Fashion-MNIST": [Stage({"fashion": 1.0}), Stage()],
    "from Tiny ImageNet": [Stage({"none-kinds": 1.0}, kinds=True), Stage()],
    "Tiny ImageNet's kinds in a second head": [Stage(kinds=True)],
    # A step at half the side takes about a quarter of the time.
    "half the side first": [Stage(length=2, scale=2), Stage(length=0.5)],
}


def add_kinds(data: WildData) -> None:
    """Add the kinds of other things to the targets, as columns from NONE + 1."""
    folders = [item.name.split("/")[0] for item in not_garment_kinds(trained=True)]
    names = sorted(set(folders))
    kinds = F.one_hot(torch.tensor([names.index(folder) for folder in folders])).float()
    for name, pool in data.pools.items():
        own = kinds if name == "none-kinds" else torch.zeros(len(pool.images), len(names))
        data.pools[name] = pool._replace(targets=torch.cat([pool.targets, own], 1))


def loss(logits, targets, with_kinds: bool):
    """That of `wild`; with_kinds: and the cross-entropy of the kinds, where there is one."""
    kinds = targets[:, NONE + 1 :]
    of_things = kinds.any(1)
    total = logits.new_zeros(())
    if with_kinds and of_things.any():
        total = F.cross_entropy(logits[of_things, NONE:], kinds[of_things])
    if not of_things.all():
        total = total + none_aware_loss(logits[:, :NONE], targets[:, : NONE + 1])
    return total


class Garments(nn.Module):
    """The network without the outputs of its second head."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, inputs):
        return self.network(inputs)[:, :NONE]


def pictures() -> WildData:
    """The preset's pools, without the real drawings, which judge; batches of `BATCH`."""
    preset = PRESETS["wild"]
    recipe = replace(preset.train, batch_size=BATCH, ema=EMA)
    return WildData(replace(preset.spec, width=WIDTH), recipe, CPU, exclude=SKETCH_SOURCES)


def with_pools_of(data: WildData, folder: Path) -> WildData:
    """The same with those pools of photos and made-up pictures that are in this folder."""
    data = copy.copy(data)
    data.pools, data.weights = dict(data.pools), dict(data.weights)
    files = {name: folder / f"{name}-{data.size}-colour.npz" for name in data.pools}
    files = {name: file for name, file in files.items() if file.is_file()}
    if not files:
        raise SystemExit(f"{folder} holds no pool that could be used")
    for name, file in files.items():
        with np.load(file) as stored:
            pool = Pool(*(torch.from_numpy(stored[part]) for part in Pool._fields))
        data.weights[name] = pool.weights()
        none = torch.zeros(len(pool.images), data.pools[name].targets.shape[1] - NONE - 1)
        data.pools[name] = pool._replace(targets=torch.cat([pool.targets, none], 1))
    return data


def train(data: WildData, stages: list[Stage], steps: int, seed: int) -> nn.Module:
    """The averaged network after these stages."""
    everything = data.pools
    outputs = everything["none-kinds"].targets.shape[1] - 1
    spec = replace(PRESETS["wild"].spec, width=WIDTH, num_classes=outputs)
    network = build(spec, init=data.train.init, seed=seed).train()
    network = network.to(memory_format=torch.channels_last)
    for number, stage in enumerate(stages):
        batches = copy.copy(data)
        batches.shares = stage.shares
        batches.pools = {name: everything[name] for name in stage.shares if name in everything}
        average = train_steps(
            network,
            batches,
            round(stage.length * steps),
            first=(seed * 10 + number) * 100_000,
            loss=partial(loss, with_kinds=stage.kinds),
            scale=stage.scale,
        )
        network.load_state_dict(average.state_dict())
    return Garments(network).eval()


def held_out(data: WildData) -> Validation:
    """The held-out tenth of the photos, and all real drawings: no trial is trained on any."""
    size, way = data.size, data.preprocessing
    photos = Validation.load(size, data.train.seed, PHOTO_SOURCES, way.style, way.middle)
    drawings = development_items(SKETCH_SOURCES)
    drawn = prepared_images([item.picture() for item in drawings], size, way.style)
    return photos._replace(
        items=photos.items + drawings,
        real=torch.cat([photos.real, drawn]),
        middle=torch.cat([photos.middle, drawn]),
    )


def unseen_things(data: WildData) -> torch.Tensor:
    """Prepared photos of kinds of other things that no training sees."""
    things = [item.picture() for item in not_garment_kinds(trained=False)][::4]
    return prepared_images(things, data.size, data.preprocessing.style)


def judge(network: nn.Module, validation: Validation, things: torch.Tensor, way) -> dict:
    """Shares of pictures named acceptably, by kind, source and class; of things called unsure."""
    by_kind = validation.answers(network, way)
    right = {kind: calibration.is_right(*answers) for kind, answers in by_kind.items()}
    shares = {kind: of_kind.mean().item() for kind, of_kind in right.items()}
    groups = defaultdict(list)
    for kind in ("photos", "sketches"):
        items = [item for item in validation.items if item.kind == kind]
        for item, one in zip(items, right[kind].tolist(), strict=True):
            groups[item.source].append(one)
            groups[kind, item.folder].append(one)
    shares |= {source: statistics.mean(groups[source]) for source in PHOTO_SOURCES}
    for kind in ("photos", "sketches"):
        folders = [statistics.mean(of) for name, of in groups.items() if name[0] == kind]
        shares[f"{kind}: mean of folders"] = statistics.mean(folders)
        for folder in ("sandal", "bag"):
            shares[f"{kind}: {folder}"] = statistics.mean(groups[kind, folder])
    # One threshold for the largest logit, the plainest way to call a picture unsure.
    level = by_kind["photos"][0][right["photos"].bool()].amax(1).quantile(GOOD_UNSURE)
    unsure = evaluation.predict(network, things, way).amax(1) < level
    return shares | {"things unsure": unsure.float().mean().item()}


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


def results(trials: list[str], seeds: range, steps: int) -> Iterator[dict]:
    """Train each of these trials from each seed, and judge it."""
    data = pictures()
    add_kinds(data)
    way, things, validation = data.preprocessing, unseen_things(data), held_out(data)
    for seed in seeds:
        for trial in trials:
            started = time.process_time()
            known = trial in TRIALS
            own = data if known else with_pools_of(data, Path(trial))
            network = train(own, TRIALS[trial if known else "all pools"], steps, seed)
            yield {
                "trial": trial if known else Path(trial).name,
                "seed": seed,
                "steps": steps,
                "seconds": round(time.process_time() - started),
                "scores": judge(network, validation, things, way),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=", ".join(TRIALS))
    parser.add_argument("--out", type=Path, required=True, help="one JSON object a line, added to")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=400, help="of each stage")
    arguments = parser.parse_args()
    if unknown := [t for t in arguments.trials if t not in TRIALS and not Path(t).is_dir()]:
        parser.error(f"no trial and no folder: {', '.join(unknown)}")
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    if arguments.trials:
        for result in results(arguments.trials, seeds, arguments.steps):
            with arguments.out.open("a") as out:
                out.write(json.dumps(result) + "\n")
            print(result, file=sys.stderr, flush=True)
    print(*table([json.loads(line) for line in arguments.out.open()]), sep="\n")


if __name__ == "__main__":
    main()
