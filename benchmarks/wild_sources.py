"""Accuracy of the network on real photos and drawings, per source and class.

    python benchmarks/wild_sources.py [CHECKPOINT]          # pictures that were held out of it
    python benchmarks/wild_sources.py --framings            # worn garments, each in twelve pictures
    python benchmarks/wild_sources.py --hold-out --steps N  # train without a source, judge on it
    python benchmarks/wild_sources.py --hold-out --steps N --without scenes   # … and a pool
    python benchmarks/wild_sources.py --offsets  # which classes are favoured?

"strict" requires the folder's class; "accepted" also takes what a fair judge would accept; both
after the corrections of labels, or without them with `--as-filed`. With
`--hold-out` three short trainings leave out one or two sources each, so that every source is
judged by a network that saw nothing of it; `--only SOURCE` runs only the one without that source.
`--init-from CHECKPOINT` starts from a network, which must not have seen it either;
`--sees` sets what the network sees: "outline" the grey distance from the background, "colours" the
picture as it is, "neutral" its colours with all that is background made grey, "both" colours and
outline (the preset's). `--sheet FILE.png` draws the most confident mistakes, each as it came and
as the network saw it.
"""

import argparse
import copy
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore.answers import evaluation, scores  # noqa: E402
from vggcore.data.classes import CLASSES  # noqa: E402
from vggcore.machine import precision  # noqa: E402
from vggcore.model import checkpoints  # noqa: E402
from vggcore.model.network import build  # noqa: E402
from vggcore.model.presets import PRESETS  # noqa: E402
from vggcore.pictures.prepare import prepare  # noqa: E402
from vggcore.pictures.preprocessing import MEAN, STD, Preprocessing  # noqa: E402
from vggcore.training import loop  # noqa: E402
from vggcore.training import optimizer as optimizer_module  # noqa: E402
from vggcore.wild import street_photos  # noqa: E402
from vggcore.wild.colorize import silhouettes  # noqa: E402
from vggcore.wild.items import SOURCES, WORN, Item, development_items  # noqa: E402
from vggcore.wild.training_data import SHARES, WildData  # noqa: E402

HELD_OUT_TOGETHER = (
    ("clothing-extra", "quickdraw-raster"),
    ("clothing-small", "quickdraw-strokes"),
    ("street-worn",),
)
CHANNELS = {"outline": 1, "colours": 3, "neutral": 3, "both": 4}  # of the network, by `--sees`
CPU = torch.device("cpu")
SEED = 1_000_000  # far from those of training
CELL = 72  # pixels of one picture on the sheet


class Sees(nn.Module):
    """Colours and outline, normalised [N, 4, S, S], to the part of them that a network gets.

    "neutral": all that has no outline is background, apart from small gaps within the garment.
    """

    def __init__(self, part: str):
        super().__init__()
        self.part = part

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        colours, outline = seen[:, :3], seen[:, 3:]
        if self.part == "outline":
            return outline.contiguous(memory_format=torch.channels_last)
        if self.part == "neutral":
            colours = colours * silhouettes(outline * STD + MEAN)  # 0: the mean, a medium grey
        return (
            seen if self.part == "both" else colours.contiguous(memory_format=torch.channels_last)
        )


def train_steps(network, batches: WildData, steps: int, first: int = 0, loss=None, scale: int = 1):
    """Train for `steps` with a schedule of their own; the average of the weights, in eval mode.

    first: number of the first batch. loss: of logits and targets, that of `batches` if left out.
    scale: pictures are shrunk to 1/scale of their sides.
    """
    train, loss = batches.train, loss or batches.loss
    average = copy.deepcopy(network)
    optimizer = optimizer_module.make_optimizer(train, network)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = optimizer_module.learning_rate(train, step, steps)
        if step % 100 == 0:
            print(f"step {step}", file=sys.stderr, flush=True)
        inputs, targets = batches.batch(first + step)
        inputs = F.avg_pool2d(inputs, scale).contiguous(memory_format=torch.channels_last)
        with precision.autocast(batches.precision, CPU):
            logits = network(inputs)
        optimizer.zero_grad()
        loss(logits.float(), targets).backward()
        optimizer.step()
        optimizer_module.update_average(average, network, train.ema, step)
    return average.eval()


def train_without(
    sources: tuple[str, ...], steps: int, sees: str = "both", pools: dict = SHARES, **changes
) -> tuple:
    """The preset's network, trained for `steps` without these sources.

    pools: shares of a batch. sees: one of `CHANNELS`; every choice gets the same pictures.
    changes: fields of the preset's
    recipe to change.
    """
    preset = PRESETS["wild"]
    spec = replace(preset.spec, width=changes.pop("width", preset.spec.width))
    # The average is shorter than the preset's because the training is.
    train = replace(preset.train, ema=0.995, **changes)
    batches = WildData(spec, train, CPU, exclude=sources, shares=pools)
    vgg = build(replace(spec, in_channels=CHANNELS[sees]), init=train.init, seed=train.seed)
    loop.start_from(vgg, train)
    network = nn.Sequential(Sees(sees), vgg)
    network = network.to(memory_format=torch.channels_last).train()
    return train_steps(network, batches, steps), batches.preprocessing


def judge(network, preprocessing: Preprocessing, items: list[Item]) -> tuple[torch.Tensor, list]:
    """Logits of these pictures, and how each was prepared."""
    size, style = preprocessing.image_size, preprocessing.style
    prepared = [prepare(i.picture(), size, style, middle=preprocessing.middle) for i in items]
    inputs = [one.inputs for one in prepared]
    return evaluation.predict_each(network, inputs, preprocessing), prepared


def table(items: list[Item], logits: torch.Tensor) -> list[str]:
    """Markdown rows per source and class: pictures, strict and accepted share."""
    groups = defaultdict(list)
    for item, label in zip(items, logits.argmax(1).tolist(), strict=True):
        outcome = (item.strict, item.strict == label, label in item.accepted)
        groups[item.source, "all"].append(outcome)
        groups[item.source, item.folder].append(outcome)
    rows = ["| source | class | pictures | strict | accepted |", "|---|---|--:|--:|--:|"]
    for (origin, folder), outcomes in groups.items():
        named = [strict for expected, strict, _ in outcomes if expected is not None]
        strict = f"{np.mean(named):.3f}" if named else "–"
        accepted = np.mean([right for *_, right in outcomes])
        rows.append(f"| {origin} | {folder} | {len(outcomes)} | {strict} | {accepted:.3f} |")
    return rows


def mistakes(items, logits, prepared, count: int = 60) -> Image.Image:
    """Contact sheet of the most confident wrong answers."""
    chances, labels = logits.softmax(1).max(1)
    wrong = [n for n, item in enumerate(items) if int(labels[n]) not in item.accepted]
    wrong = sorted(wrong, key=lambda n: -chances[n].item())[:count]
    columns = 6
    rows = max(1, -(-len(wrong) // columns))
    sheet = Image.new("RGB", (columns * 2 * CELL, rows * (CELL + 14)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, n in enumerate(wrong):
        x, y = place % columns * 2 * CELL, place // columns * (CELL + 14)
        picture = items[n].picture()
        picture.thumbnail((CELL, CELL))
        sheet.paste(picture, (x, y))
        seen = Image.fromarray(prepared[n].steps[-1][1]).resize((CELL, CELL))
        sheet.paste(seen, (x + CELL, y))
        text = f"{items[n].folder[:9]} > {CLASSES[labels[n]][:9]} {chances[n]:.2f}"
        draw.text((x + 1, y + CELL), text, "black")
    return sheet


def offsets(items: list[Item], logits: torch.Tensor) -> list[str]:
    """Markdown rows: what adding to one class's logit alone does to the accepted share.

    An offset over 0.3 that helps shows a boundary that training has not settled.
    """
    rows = [
        "| pictures | class | best offset | accepted | with the offset |",
        "|---|---|--:|--:|--:|",
    ]
    for kind in ("photos", "sketches"):
        chosen = [n for n, item in enumerate(items) if item.kind == kind]
        right = torch.zeros(len(chosen), len(CLASSES), dtype=torch.bool)
        for row, n in zip(right, chosen, strict=True):
            row[list(items[n].accepted)] = True

        def accepted(shifted: torch.Tensor, right: torch.Tensor = right) -> float:
            return right.gather(1, shifted.argmax(1, keepdim=True)).float().mean().item()

        own = logits[chosen]
        for label, name in enumerate(CLASSES):
            shift = torch.eye(len(CLASSES))[label]
            tried = {step / 4: accepted(own + step / 4 * shift) for step in range(-8, 9)}
            best = max(tried, key=lambda offset: (tried[offset], -abs(offset)))
            rows.append(f"| {kind} | {name} | {best:+.2f} | {tried[0]:.3f} | {tried[best]:.3f} |")
    return rows


def framings() -> list[Item]:
    """Every second held-out worn garment as training would show it: cropped, on backgrounds."""
    garments = [item for item in development_items((WORN,)) if item.held_out][::2]
    return [
        item._replace(content=np.asarray(picture))
        for n, item in enumerate(garments)
        for picture in street_photos.framings(item, None, (SEED, n))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default="wild")
    parser.add_argument("--hold-out", action="store_true")
    parser.add_argument("--steps", type=int, default=300, help="of each hold-out training")
    parser.add_argument("--only", choices=SOURCES, help="leave out this one and its companion")
    parser.add_argument("--init-from", help="checkpoint to go on from")
    parser.add_argument("--batch-size", type=int, help="the preset's, if left out")
    parser.add_argument("--learning-rate", type=float, help="the preset's, if left out")
    parser.add_argument("--sees", choices=CHANNELS, default="both", help="what the network sees")
    parser.add_argument(
        "--framings", action="store_true", help="worn garments cropped and on other backgrounds"
    )
    parser.add_argument("--as-filed", action="store_true", help="judge without corrected labels")
    parser.add_argument("--one-view", action="store_true", help="without mirror image and middle")
    parser.add_argument(
        "--whole-only", action="store_true", help="without a second look at a photo's middle"
    )
    parser.add_argument("--without", choices=SHARES, help="with --hold-out: leave out this pool")
    parser.add_argument("--width", help="with --hold-out: of the network, the preset's if left out")
    parser.add_argument("--offsets", action="store_true", help="also try an offset for each class")
    parser.add_argument("--sheet", help="write the contact sheet of mistakes here")
    arguments = parser.parse_args()

    def seen_by(preprocessing: Preprocessing) -> Preprocessing:
        if arguments.one_view:
            return replace(preprocessing, mirror=False, middle=0.0)
        return replace(preprocessing, middle=0.0) if arguments.whole_only else preprocessing

    items: list[Item] = []
    prepared: list = []
    answers: list[torch.Tensor] = []
    if arguments.hold_out:
        changes = {
            name: value
            for name in ("init_from", "batch_size", "learning_rate", "width")
            if (value := getattr(arguments, name)) is not None
        }
        for sources in HELD_OUT_TOGETHER:
            if arguments.only and arguments.only not in sources:
                continue
            started = time.perf_counter()
            pools = {name: share for name, share in SHARES.items() if name != arguments.without}
            network, preprocessing = train_without(
                sources, arguments.steps, arguments.sees, pools, **changes
            )
            print(
                f"trained without {', '.join(sources)}: {arguments.steps} steps, "
                f"{time.perf_counter() - started:.0f} s",
                flush=True,
            )
            some = development_items(sources, corrected=not arguments.as_filed)
            found, steps = judge(network, seen_by(preprocessing), some)
            items, prepared = items + some, prepared + steps
            answers.append(found)
        logits = torch.cat(answers)
    else:
        checkpoint = checkpoints.load(arguments.checkpoint)
        every = development_items(corrected=not arguments.as_filed)
        held_out = [item for item in every if item.held_out]
        items = framings() if arguments.framings else held_out
        preprocessing = checkpoint.card.preprocessing
        logits, prepared = judge(checkpoint.network, seen_by(preprocessing), items)
        logits = logits / checkpoint.card.temperature
    print(*table(items, logits), sep="\n")
    chances, labels = logits.softmax(1).max(1)
    right = torch.tensor(
        [label in item.accepted for item, label in zip(items, labels.tolist(), strict=True)]
    )
    for kind in ("photos", "sketches"):
        chosen = torch.tensor([item.kind == kind for item in items])
        if not chosen.any():
            continue
        error = scores.expected_calibration_error(chances[chosen], right[chosen])
        share = right[chosen].float().mean().item()
        print(f"{kind}: accepted {share:.3f}, calibration error {error:.3f}")
    if arguments.offsets:
        print(*offsets(items, logits), sep="\n")
    if arguments.sheet:
        mistakes(items, logits, prepared).save(arguments.sheet)


if __name__ == "__main__":
    main()
