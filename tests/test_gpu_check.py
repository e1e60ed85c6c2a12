"""The dry run of `benchmarks/gpu_check.py` on the CPU, so that it is ready once there is a GPU."""

import json
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks import gpu_check
from vggcore.data import fashion_mnist, raw_files
from vggcore.training import report
from vggcore.wild import training_data, validation

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "benchmarks" / "gpu_check.py"


def lines(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.slow
def test_the_dry_run_does_every_part(tmp_path, monkeypatch, capsys):
    """In this process, which has imported PyTorch, but for what measures a whole one."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(raw_files.SYNTHETIC_COUNTS))
    monkeypatch.setattr(report, "STATUS_SECONDS", report.STATUS_SECONDS)
    for module, name in (
        (training_data, "cached_pool"),
        (training_data, "WILD_STEPS_PER_EPOCH"),
        (validation, "development_items"),
        (fashion_mnist, "load_split"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))
    args = Namespace(dry_run=True, seconds=900, out=tmp_path)
    rows = []

    for name, part in gpu_check.PARTS.items():
        if name == "memory":
            command = [sys.executable, SCRIPT, "--dry-run", "--part", name, "--out", tmp_path]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            rows += lines(done.stdout)
        else:
            part(gpu_check.Check(args))

    rows += lines(capsys.readouterr().out)
    by_part = {row["part"] for row in rows}
    assert {
        "machine",
        "tests",
        "tutorial",
        "fast",
        "resume",
        "graphs",
        "memory",
        "nccl",
        "latency",
        "wild",
        "best",
    } <= by_part
    exact = [row for row in rows if row.get("mode") == "deterministic"]
    assert [row["same_bits"] for row in exact] == [True]
    assert (tmp_path / "work" / "best" / "best.safetensors").is_file()


def test_what_fails_or_finds_no_time_is_said_in_a_line(tmp_path):
    command = [sys.executable, SCRIPT, "--device", "cuda:99", "--out", tmp_path]
    done = subprocess.run(
        [*command, "--only", "machine"], capture_output=True, text=True, check=False
    )
    rows = lines(done.stdout)
    assert done.returncode == 1 and rows[-1]["failed"] == ["machine"]
    assert rows[0]["part"] == "machine" and "cuda:99" in rows[0]["last_line"][0]

    done = subprocess.run(
        [*command, "--only", "best", "--seconds", "1"], capture_output=True, text=True, check=False
    )
    assert lines(done.stdout)[0] == {"part": "best", "error": "no time was left for it"}


def test_every_part_stands_in_the_list_of_what_only_a_gpu_shows():
    listed = (ROOT / "docs" / "where-to-train.md").read_text("utf-8")
    parts = re.search(r"^PARTS = \{\n(.*?)^\}", SCRIPT.read_text("utf-8"), re.M | re.S)
    names = set(re.findall(r'"([\w-]+)":', parts[1]))
    rows = re.search(r"\| unseen \| part \|\n(.*?)\n\n", listed, re.S)

    column = " ".join(row.split("|")[2] for row in rows[1].splitlines()[1:])
    assert set(re.findall(r"`([\w-]+)`", column)) == names
