"""`anatomy` against `torchinfo.summary` on the same networks: speed, memory, and equal counts.

torchinfo also counts a MAC for every bias that a convolution or linear layer adds to an output
value, and one for every parameter of a batch norm; ours counts neither. So its MACs are compared
after subtracting these.

    python benchmarks/anatomy_vs_torchinfo.py
"""

import sys
import time
import tracemalloc
from math import prod
from pathlib import Path

import torch
import torchinfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore.model import anatomy  # noqa: E402
from vggcore.model.architectures import CONFIGURATIONS, VGGSpec  # noqa: E402
from vggcore.model.network import VGG  # noqa: E402

SPECS = [
    VGGSpec(configuration=name, batch_norm=norm, in_channels=3, num_classes=1000)
    for name in CONFIGURATIONS
    for norm in (False, True)
]


def ours(spec: VGGSpec) -> tuple[int, int]:
    """Parameters and MACs, from a newly made table."""
    for cached in (anatomy.walk, anatomy.totals):
        cached.cache_clear()
    table = anatomy.layers(spec)
    return int(table.parameters.sum()), int(table.macs.sum())


def theirs(spec: VGGSpec) -> tuple[int, int]:
    """The same from torchinfo, on the meta device, its fastest mode."""
    with torch.device("meta"):
        network = VGG(spec)
        image = torch.empty(1, spec.in_channels, spec.image_size, spec.image_size)
    summary = torchinfo.summary(network, input_data=image, device="meta", verbose=0)
    return summary.total_params, summary.total_mult_adds


def extra_macs(spec: VGGSpec) -> int:
    """MACs that torchinfo counts and ours does not: adding biases, and batch norm's parameters."""
    weighty = [row for row in anatomy.walk(spec) if row.kind in ("conv", "linear")]
    return sum(prod(row.output_shape) for row in weighty) + anatomy.totals(spec).norm_parameters


def fastest(function, spec: VGGSpec, repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        started = time.process_time()  # both compute on one thread; other programs do not count
        function(spec)
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    print(
        f"{'network':22} {'parameters':>12} {'same':>5} {'MACs same':>9} {'ours':>8} "
        f"{'torchinfo':>10} {'ratio':>6}"
    )
    total = {"ours": 0.0, "theirs": 0.0}
    for spec in SPECS:
        (parameters, macs), (their_parameters, their_macs) = ours(spec), theirs(spec)
        same_macs = their_macs - extra_macs(spec) == macs
        seconds, their_seconds = fastest(ours, spec), fastest(theirs, spec)
        total["ours"] += seconds
        total["theirs"] += their_seconds
        print(
            f"{spec.name:22} {parameters:12,} {parameters == their_parameters!s:>5} "
            f"{same_macs!s:>9} {seconds * 1e3:5.1f} ms {their_seconds * 1e3:7.1f} ms "
            f"{their_seconds / seconds:5.1f}×"
        )
    print(
        f"12 networks: ours {total['ours'] * 1e3:.0f} ms, torchinfo {total['theirs'] * 1e3:.0f} "
        f"ms, {total['theirs'] / total['ours']:.1f}×"
    )
    tracemalloc.start()
    ours(SPECS[-1])
    print(f"{SPECS[-1].name}: ours takes {tracemalloc.get_traced_memory()[1] / 1e6:.2f} MB at most")


if __name__ == "__main__":
    main()
