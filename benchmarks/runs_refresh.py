"""The cost of refreshing a run's page at 100,000 rows: `python benchmarks/runs_refresh.py`.

Measures reading what is new, alerts, and the two charts as JSON, on a run that grows by 20 rows
between refreshes; and for comparison rereading the whole file each time, as a page without an
offset does. Needs no GPU and no data. The limit of 200 ms applies to processor time; the time on
the clock is longer on a busy machine.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dashboard.train import charts  # noqa: E402
from vggcore.runs import diagnosis, metrics  # noqa: E402

LIMIT_MS = 200.0


def write_rows(path: Path, first: int, count: int) -> None:
    with open(path, "a") as stream:
        for step in range(first, first + count):
            row = {
                "kind": "step",
                "step": step,
                "epoch": step / 1000,
                "seconds": step * 0.05,
                "train_loss": 2.3 / (1 + step / 500) + 0.01 * (step * 7919 % 13),
                "train_accuracy": 1 - 0.9 / (1 + step / 500),
                "learning_rate": 0.001,
                "images_per_second": 4000.0 + step % 97,
                "memory_bytes": 600_000_000,
            }
            stream.write(json.dumps(row) + "\n")
            if step % 1000 == 0:
                loss = 2.3 / (1 + step / 400)
                epoch = {
                    "kind": "epoch",
                    "epoch": step // 1000,
                    "step": step,
                    "seconds": step / 20,
                    "train_loss": loss,
                    "train_accuracy": 0.9,
                    "val_loss": loss,
                    "val_accuracy": 0.9,
                    "confusion": [[10] * 10] * 10,
                }
                stream.write(json.dumps(epoch) + "\n")


def refresh(log: metrics.MetricsLog) -> None:
    """Everything that the page computes for its live part."""
    log.refresh()
    diagnosis.alerts(log.epochs(), log.steps())
    curves = charts.Curves.of("run", log)
    for metric in ("loss", "accuracy"):
        charts.one_run(curves, metric, charts.Look()).to_json()


def milliseconds(action) -> tuple[float, float]:
    """Clock time and processor time of this process."""
    clock, processor = time.perf_counter(), time.process_time()
    action()
    return 1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - processor)


def measure(rows: int, refreshes: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.jsonl"
        write_rows(path, 1, rows)
        log = metrics.MetricsLog(path)
        first = milliseconds(lambda: refresh(log))
        ours, anew = [], []
        for index in range(refreshes):
            write_rows(path, rows + 1 + 20 * index, 20)
            ours.append(milliseconds(lambda: refresh(log)))
            anew.append(milliseconds(lambda: refresh(metrics.MetricsLog(path))))
        clock, processor = (statistics.median(column) for column in zip(*ours, strict=True))
        anew_processor = statistics.median(times[1] for times in anew)
        return {
            "rows": rows,
            "file_mb": path.stat().st_size / 1e6,
            "first_look_processor_ms": first[1],
            "refresh_clock_ms": clock,
            "refresh_processor_ms": processor,
            "whole_file_processor_ms": anew_processor,
            "ratio": anew_processor / processor,
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--refreshes", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(args.rows, args.refreshes)
    if args.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name.replace('_', ' '):>24}: {value:,.1f}")
    return 0 if result["refresh_processor_ms"] < LIMIT_MS else 1


if __name__ == "__main__":
    raise SystemExit(main())
