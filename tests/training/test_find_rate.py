"""The learning rate sweep, and what is concluded from it."""

import json
import math

import numpy as np
import pytest
import tiny_run

from vggcore.commands import cli
from vggcore.data import raw_files
from vggcore.training import find_rate


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))
    monkeypatch.setattr(find_rate, "STEPS", 40)


RATES = np.geomspace(1e-6, 1.0, 60).tolist()


def curve(bottom: float, steep: float = 3e-3, drop: float = 1.5) -> list[float]:
    """A loss that stays flat, falls around `steep` and rises after `bottom`."""
    return [
        2.3 - drop / (1 + (steep / rate) ** 2) + max(0.0, math.log10(rate / bottom)) * 3
        for rate in RATES
    ]


def test_the_suggestion_lies_where_the_loss_falls_and_below_its_lowest():
    sweep = find_rate.judge_rates(RATES, curve(bottom=0.05))

    assert sweep.lowest <= sweep.suggested <= sweep.highest < 0.05
    assert 5e-4 < sweep.suggested < 1e-2
    assert f"{sweep.suggested:.2g}" in sweep.summary()


@pytest.mark.parametrize(
    "losses",
    [[2.303] * 60, [2.303 + 0.001 * n for n in range(60)], [2.303 - 0.0005 * n for n in range(60)]],
)
def test_where_no_rate_helps_none_is_suggested(losses):
    sweep = find_rate.judge_rates(RATES, losses)
    assert sweep.suggested is None and "no rate between" in sweep.summary()


def test_a_sweep_that_blew_up_at_once_suggests_nothing():
    assert find_rate.judge_rates(RATES[:3], [2.3, 2.2, 9.0]).suggested is None


def test_a_loss_that_is_no_number_from_the_first_step_is_said():
    sweep = find_rate.judge_rates([], [])
    assert sweep.suggested is None and "not a number" in sweep.summary()


def test_too_little_memory_for_a_sweep_is_said_in_one_line(monkeypatch, capsys):
    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(find_rate, "_one_step", full)

    asked = ["train", "--preset", "try-out", "--dataset", "synthetic", "--find-rate"]
    assert cli.main(asked) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("width or image size")


def test_a_sweep_is_not_made_by_several_processes(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert cli.main(["train", "--preset", "try-out", "--find-rate"]) == 2
    assert "needs a single process" in capsys.readouterr().err


def test_a_small_network_is_swept_on_its_own_batches():
    shares = []
    sweep = find_rate.find(tiny_run.SPEC, tiny_run.TRAIN, on_step=shares.append)

    assert len(sweep.rates) == len(sweep.losses) >= 30
    assert sweep.rates[0] == pytest.approx(1e-6) and list(sweep.rates) == sorted(sweep.rates)
    assert all(map(math.isfinite, sweep.losses)) and shares == sorted(shares)
    again = find_rate.find(tiny_run.SPEC, tiny_run.TRAIN)
    assert again.losses == sweep.losses


def test_the_command_prints_curve_and_suggestion_and_makes_no_run(capsys, tmp_path):
    command = ["train", "--find-rate", "--preset", "try-out", "--dataset", "synthetic"]
    command += ["--train-limit", "0", "--width", "1/32", "--batch-size", "24", "--device", "cpu"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "loss" in printed[0] and " rate " in printed[-1]
    assert cli.main([*command, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {
        "rates", "losses", "suggested", "lowest", "highest",
    }  # fmt: skip

    assert cli.main([*command, "--run-dir", str(tmp_path / "x")]) == 2
    assert "makes no run" in capsys.readouterr().err and not (tmp_path / "x").exists()
