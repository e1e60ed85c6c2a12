"""Training in two gloo processes, as under torchrun, against the same training in one.

Tolerances: without batch norm the two curves differ only by the order of float32 sums (1e-3 of
the loss over 12 steps). With it, each CPU process normalises by its own half of the batch, so
the curve differs (by 20 % of the loss here); on GPUs SyncBatchNorm sees the whole batch.
"""

import json
import multiprocessing
import os
import signal
import socket
import time
from pathlib import Path

import pytest
import tiny_run
import torch

from vggcore.answers import evaluation
from vggcore.data import fashion_mnist, raw_files
from vggcore.machine import distributed
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.training.step import Step

PLAIN = {"batch_norm": False, "dropout": 0.0}


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))


def create(path: Path, spec: dict | None = None, **train) -> Path:
    # A constant rate and no averaging, so that neither hides a difference.
    changes = {
        "schedule": "constant",
        "learning_rate": 0.002,
        "ema": 0.0,
        "mixup": 0.0,
        "cutmix": 0.0,
        "optimizer": "adamw",
    } | train
    tiny_run.create(
        path,
        VGGSpec.from_dict(tiny_run.SPEC.to_dict() | (spec or {})),
        TrainConfig.from_dict(tiny_run.TRAIN.to_dict() | changes),
    )
    return path


def rank_main(path: Path, rank: int, size: int, port: int, kill_rank_at: tuple) -> None:
    """One process of a job, as torchrun starts it."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    raw_files.SYNTHETIC_COUNTS.update(tiny_run.IMAGES)
    take = Step.take

    def killed_there(step: Step) -> None:
        if (rank, step.progress.step) == kill_rank_at:
            os.kill(os.getpid(), signal.SIGKILL)
        take(step)

    Step.take = killed_there
    from vggcore.commands import cli

    raise SystemExit(cli.main(["train", "--resume", str(path), "--json"]))


def train(path: Path, processes: int, kill_rank_at: tuple = ()) -> list[int]:
    """Train the run in this many processes; returns their exit codes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vggcore.training.loop"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = [
        context.Process(target=rank_main, args=(path, rank, processes, port, kill_rank_at))
        for rank in range(processes)
    ]
    for process in ranks:
        process.start()
    deadline = time.monotonic() + 300
    for process in ranks:
        process.join(max(0, deadline - time.monotonic()))
        process.kill()
        process.join()
    return [process.exitcode for process in ranks]


def losses(path: Path, kind: str = "step", key: str = "train_loss") -> list[float]:
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [row[key] for row in rows if row["kind"] == kind]


def test_a_single_process_needs_no_group():
    batch = torch.arange(5)

    assert (distributed.rank(), distributed.world_size(), distributed.is_main()) == (0, 1, True)
    assert torch.equal(distributed.shard(batch), batch)
    assert distributed.from_main("word") == "word"
    assert torch.equal(distributed.sum_over_processes(batch), torch.arange(5))


def test_shares_are_equal_and_cover_the_batch(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    shares = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(distributed.shard(torch.arange(11)).tolist())

    assert shares == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]


def test_only_a_lost_process_is_called_one():
    gone = RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]")

    assert distributed.is_lost_process(gone)
    assert distributed.is_lost_process(torch.distributed.DistBackendError("NCCL error"))
    assert not distributed.is_lost_process(RuntimeError("mat1 and mat2 cannot be multiplied"))


def test_two_processes_train_as_one_does(tmp_path):
    one, two = create(tmp_path / "one", PLAIN), create(tmp_path / "two", PLAIN)

    assert train(one, 1) == [0] and train(two, 2) == [0, 0]

    assert losses(two) == pytest.approx(losses(one), rel=1e-3)
    assert len(losses(two)) == tiny_run.STEPS
    for key in ("val_loss", "val_accuracy"):
        assert losses(two, "epoch", key) == pytest.approx(losses(one, "epoch", key), rel=1e-2)
    assert checkpoints.read_card(two / "best").processes == 2


def test_with_batch_norm_the_curve_is_near(tmp_path):
    one, two = (
        create(tmp_path / "one", {"dropout": 0.0}),
        create(tmp_path / "two", {"dropout": 0.0}),
    )

    assert train(one, 1) == [0] and train(two, 2) == [0, 0]

    assert losses(two) == pytest.approx(losses(one), rel=0.2)
    assert losses(two) != losses(one)
    for path in (one, two):  # what is recorded is what the saved network scores
        best = checkpoints.load(path / "best")
        images, labels = fashion_mnist.load_split("validation", "synthetic")
        logits = evaluation.predict(best.network, images, best.card.preprocessing)
        epoch = best.card.best_epoch - 1
        assert losses(path, "epoch", "val_loss")[epoch] == pytest.approx(
            evaluation.score(logits, labels)["loss"], rel=1e-5
        )


def test_a_killed_worker_ends_the_job_and_it_resumes_with_one_process(tmp_path):
    expected = create(tmp_path / "expected", PLAIN)
    path = create(tmp_path / "run", PLAIN)
    train(expected, 1)

    codes = train(path, 2, kill_rank_at=(1, 10))

    status = json.loads((path / "status.json").read_bytes())
    assert codes == [1, -signal.SIGKILL]
    assert status["state"] == "failed" and "another process of this job ended" in status["message"]
    assert train(path, 1) == [0]
    assert losses(path) == pytest.approx(losses(expected), rel=1e-3)


def test_a_mistake_ends_every_process(tmp_path):
    assert train(tmp_path / "nothing", 2) == [2, 2]


def test_a_run_that_is_running_is_not_joined(tmp_path):
    from vggcore.runs import process

    path = create(tmp_path / "run")
    with process.hold_run_lock(path):
        codes = train(path, 2)

    assert codes[0] == 2 and codes[1] != 0
    assert not (path / "last.safetensors").exists()
