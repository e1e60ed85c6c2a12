"""How many operations one training step launches: they limit small networks on a GPU.

    python benchmarks/step_operations.py [--repository DIR]

Counts PyTorch's operations and copies in a step on the CPU, with torch's profiler, for recipes of
the project: on a GPU every operation is at least one kernel launch.
`--repository` counts another checkout's code, to compare. Prints one JSON line per recipe.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

STEPS = 3
RECIPES = ("tutorial", "fast", "best")
# Operations that only wrap others, or look at memory without touching it.
_VIEWS = {
    *("aten::view", "aten::as_strided", "aten::reshape", "aten::t", "aten::transpose"),
    *("aten::slice", "aten::select", "aten::detach", "aten::unsqueeze", "aten::expand"),
    *("aten::permute", "aten::squeeze", "aten::to", "aten::_to_copy", "aten::contiguous"),
    *("aten::narrow", "aten::split", "aten::resolve_conj", "aten::resolve_neg", "aten::alias"),
    *("aten::empty", "aten::empty_like", "aten::empty_strided", "aten::result_type"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).resolve().parent.parent
    parser.add_argument("--repository", type=Path, default=here)
    args = parser.parse_args()
    sys.path.insert(0, str(args.repository.resolve()))
    for name in RECIPES:
        print(json.dumps(count(name)), flush=True)


def count(name: str) -> dict:
    """Operations in one step of a preset, counted on small images: the number is the same."""
    from torch.profiler import ProfilerActivity, profile

    from vggcore.model.presets import PRESETS
    from vggcore.runs import folder
    from vggcore.training import loop

    preset = PRESETS[name]
    spec = replace(preset.spec, image_size=32, width="1/16", fc_width=None)
    train = replace(
        preset.train, dataset="synthetic", batch_size=16, device="cpu", precision="float32"
    )
    with tempfile.TemporaryDirectory() as place:
        run = loop._prepare(folder.create(Path(place) / "run", spec, train), _cpu())
        run.network.train()
        run.step.take()  # the first step creates the optimizer's state
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            for _ in range(STEPS):
                run.step.take()
    operations = [e for e in profiled.events() if e.name.startswith("aten::")]
    launched = [e for e in operations if e.name not in _VIEWS and not _is_inner(e)]
    copies = [e for e in operations if e.name == "aten::copy_"]
    return {
        "recipe": name,
        "operations_a_step": round(len(launched) / STEPS),
        "copies_a_step": round(len(copies) / STEPS),
    }


def _is_inner(event) -> bool:
    """Whether an operation is part of another one that is counted."""
    parent = event.cpu_parent
    while parent is not None:
        if parent.name.startswith("aten::") and parent.name not in _VIEWS:
            return True
        parent = parent.cpu_parent
    return False


def _cpu():
    import torch

    return torch.device("cpu")


if __name__ == "__main__":
    main()
