"""Opens many damaged and hostile pictures: counts tracebacks, and the worst time and memory.

python benchmarks/image_fuzz.py [--files 40000] [--seed 1]
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from image_mutations import (  # noqa: E402
    MAX_MEGABYTES,
    MAX_SECONDS,
    bombs,
    mutants,
    open_or_refuse,
    peak_memory,
    reset_peak_memory,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    open_or_refuse(next(mutants(1))[1])  # Pillow's decoders load on first use
    before = reset_peak_memory()
    outcome, tracebacks, slowest = Counter(), [], (0.0, "")
    for name, data in mutants(args.files, args.seed):
        try:
            opened, seconds = open_or_refuse(data)
        except Exception as error:  # this is what we count
            tracebacks.append(f"{name}: {type(error).__name__}: {error}")
            continue
        outcome["opened" if opened else "refused"] += 1
        slowest = max(slowest, (seconds, name))
    memory = peak_memory() - before
    print(f"{args.files} mutants (seed {args.seed}): {dict(outcome)}, tracebacks {len(tracebacks)}")
    print(
        f"  slowest {slowest[0]:.3f} s ({slowest[1]}), most memory {memory:.0f} MB over the start"
    )
    for line in tracebacks[:20]:
        print("  ", line)

    worst = [0.0, 0.0]
    print(f"{'bomb':<50} {'file kB':>8} {'seconds':>8} {'MB':>6}  outcome")
    for name, data in bombs().items():
        before = reset_peak_memory()
        opened, seconds = open_or_refuse(data)
        used = peak_memory() - before
        worst = [max(worst[0], seconds), max(worst[1], used)]
        print(
            f"{name:<50} {len(data) / 1000:8.1f} {seconds:8.3f} {used:6.0f}  "
            f"{'opened' if opened else 'refused'}"
        )
    print(
        f"worst bomb: {worst[0]:.2f} s, {worst[1]:.0f} MB (limits {MAX_SECONDS:.0f} s, "
        f"{MAX_MEGABYTES:.0f} MB)"
    )
    failed = tracebacks or max(slowest[0], worst[0]) > MAX_SECONDS
    return int(bool(failed or max(memory, worst[1]) > MAX_MEGABYTES))


if __name__ == "__main__":
    sys.exit(main())
