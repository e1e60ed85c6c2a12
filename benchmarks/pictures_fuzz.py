"""Lists and reads many damaged zips and tables of pictures: counts tracebacks and foreign files.

python benchmarks/pictures_fuzz.py [--files 2000] [--seed 1]
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

import own_pictures as made  # noqa: E402
from zip_mutations import list_or_refuse, mutants, read_all_or_refuse, tables  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    failed = 0
    named_tables = ((f"table {n}", t) for n, t in enumerate(tables(args.files, args.seed)))
    for kind, contents, check in (
        ("zips", mutants(args.files, args.seed), read_all_or_refuse),
        ("tables", named_tables, list_or_refuse),
    ):
        outcome, slowest, tracebacks = Counter(), (0.0, ""), []
        with tempfile.TemporaryDirectory() as place:
            inside = Path(place) / "inside"
            inside.mkdir()
            for letter in "ab":
                (inside / f"{letter}.png").write_bytes(made.encoded(made.picture("cross", 1)))
            before = len(list(Path(place).rglob("*"))) + 1
            for name, content in contents:
                started = time.process_time()
                try:
                    taken = check(content, inside / "file")
                except Exception as error:  # this is what we count
                    tracebacks.append(f"{name}: {type(error).__name__}: {error}"[:300])
                    continue
                outcome["taken" if taken else "refused"] += 1
                slowest = max(slowest, (time.process_time() - started, name))
            foreign = len(list(Path(place).rglob("*"))) - before
        print(
            f"{args.files} damaged {kind} (seed {args.seed}): {dict(outcome)}, tracebacks "
            f"{len(tracebacks)}, files written beside: {foreign}, slowest {slowest[0]:.3f} s "
            f"({slowest[1]})"
        )
        for line in tracebacks[:10]:
            print("  ", line)
        failed += len(tracebacks) + foreign
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
