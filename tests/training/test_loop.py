import json
import time
import weakref

import pytest
import tiny_run
import torch
from PIL import Image

from vggcore.data import raw_files
from vggcore.machine import devices
from vggcore.model import checkpoints
from vggcore.model.network import VGG
from vggcore.model.recipe import TrainConfig
from vggcore.runs.folder import RunFolder
from vggcore.training import interruptions
from vggcore.training import loop as training
from vggcore.training.fashion_data import FashionData
from vggcore.training.progress import TrainingFailed


@pytest.fixture(autouse=True)
def _small_data(monkeypatch):
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))


def recipe(**changes) -> TrainConfig:
    return TrainConfig.from_dict(tiny_run.TRAIN.to_dict() | changes)


def rows_of(folder: RunFolder) -> list[dict]:
    return [json.loads(row) for row in (folder.path / "metrics.jsonl").read_text().splitlines()]


def test_a_run_writes_what_its_readers_expect(tmp_path):
    folder = tiny_run.create(tmp_path / "run")

    summary = training.fit(folder)

    rows = rows_of(folder)
    epochs = [row for row in rows if row["kind"] == "epoch"]
    assert [row["step"] for row in rows if row["kind"] == "step"] == list(range(1, 13))
    assert [row["epoch"] for row in epochs] == [1, 2, 3]
    assert sum(map(sum, epochs[0]["confusion"])) == tiny_run.IMAGES["validation"]
    best = max(row["val_accuracy"] for row in epochs)  # rows are rounded
    assert summary["best_val_accuracy"] == pytest.approx(best, abs=1e-6)
    status = json.loads((folder.path / "status.json").read_bytes())
    assert (status["state"], status["step"], status["summary"]) == ("finished", 12, summary)


def test_training_learns(tmp_path):
    train = recipe(
        epochs=8,
        mixup=0.0,
        cutmix=0.0,
        erase=0.0,
        shift=0,
        ema=0.0,
        label_smoothing=0.0,
        optimizer="adamw",
    )
    folder = tiny_run.create(tmp_path / "run", train=train)

    training.fit(folder)

    losses = [row["train_loss"] for row in rows_of(folder) if row["kind"] == "epoch"]
    assert losses[-1] < 0.7 * losses[0]


def test_the_card_says_what_was_trained_and_its_test_accuracy_is_true(tmp_path):
    folder = tiny_run.create(tmp_path / "run")

    training.fit(folder)

    best = checkpoints.load(folder.path / "best")
    data = FashionData(tiny_run.SPEC, tiny_run.TRAIN, torch.device("cpu"))
    assert best.card.test_accuracy == data.test(best.network)["accuracy"]
    assert best.card.test_images == tiny_run.IMAGES["test"]
    assert best.card.val_accuracy == data.validate(best.network)["accuracy"]
    assert best.card.train == tiny_run.TRAIN.to_dict()
    assert (best.card.steps, best.card.data.name) == (12, "synthetic")


def test_a_network_for_other_images_is_refused(tmp_path):
    folder = tiny_run.create(tmp_path / "run")
    config = folder.config | {"spec": tiny_run.SPEC.to_dict() | {"in_channels": 3}}
    (folder.path / "config.json").write_text(json.dumps(config))  # as if written by hand

    with pytest.raises(ValueError, match="synthetic needs in_channels 1, not 3"):
        training.fit(RunFolder(folder.path))


def test_a_time_limit_stops_the_run_says_so_and_counts_anew_when_it_goes_on(tmp_path, monkeypatch):
    folder = tiny_run.create(tmp_path / "run", train=recipe(max_minutes=1.0))
    one_step = training.Step.take

    sessions = []

    class Recorded(interruptions.Interruptions):
        def __init__(self, *given):
            super().__init__(*given)
            sessions.append(self)

    def slow(step):  # the fourth step of each session takes two minutes
        one_step(step)
        if step.progress.step % 4 == 0:
            sessions[-1].session_started -= 120

    monkeypatch.setattr(training, "Interruptions", Recorded)
    monkeypatch.setattr(training.Step, "take", slow)

    ends = []
    for _ in range(3):
        state = training.fit(RunFolder(folder.path))["state"]
        status = json.loads((folder.path / "status.json").read_bytes())
        ends.append((state, status["step"], status["message"]))

    limit = "stopped at its time limit of 1 min (max_minutes)"
    assert ends == [("stopped", 4, limit), ("stopped", 8, limit), ("finished", 12, "")]


def test_the_speed_of_a_resumed_run_counts_what_it_did_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_is_logged", lambda step, every: False)
    monkeypatch.setattr(interruptions, "STOP_CHECK_SECONDS", 0)
    folder = tiny_run.create(tmp_path / "run", train=recipe(epochs=1))
    one_step = training.Step.take

    def slow(step):
        time.sleep(0.2)
        one_step(step)
        if step.progress.step == 3:
            folder.request_stop()

    monkeypatch.setattr(training.Step, "take", slow)
    training.fit(folder)
    training.fit(RunFolder(folder.path))

    lines = (folder.path / "metrics.jsonl").read_text().splitlines()
    [row] = [row for row in map(json.loads, lines) if row["kind"] == "step"]
    assert row["step"] == 4 and 0 < row["images_per_second"] <= 24 / 0.2  # of its one batch


@pytest.mark.parametrize(
    ("spec", "changes", "message"),
    [
        ({"batch_norm": False}, {"optimizer": "muon"}, "'muon' needs batch_norm"),
        (
            {},
            {"dataset": "wild", "mixup": 0.0, "flip": True, "fit": "resize"},
            "leave out fit, flip, shift, cutmix",
        ),
        ({}, {"init_from": "nonesuch"}, "unknown checkpoint 'nonesuch'"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(tmp_path, spec, changes, message):
    spec = type(tiny_run.SPEC).from_dict(tiny_run.SPEC.to_dict() | spec)

    with pytest.raises(ValueError, match=message):
        tiny_run.create(tmp_path / "run", spec=spec, train=recipe(**changes))
    assert not (tmp_path / "run").exists()


def test_a_batch_must_do_for_every_process(tmp_path, monkeypatch):
    folder = tiny_run.create(tmp_path / "run", train=recipe(batch_size=2))
    monkeypatch.setattr(training.distributed, "world_size", lambda: 3)

    with pytest.raises(ValueError, match="a batch of 2 cannot be shared by 3 processes"):
        training.fit(folder)


# --- failures -----------------------------------------------------------------------------------


def break_weights_at(monkeypatch, step: int) -> None:
    """After this many steps a weight is NaN, as after a gradient overflow."""
    one_step = training.Step.take

    def broken(taken):
        one_step(taken)
        if taken.progress.step == step:
            with torch.no_grad():
                taken.network.block3.conv1.weight[0, 0, 0, 0] = float("nan")

    monkeypatch.setattr(training.Step, "take", broken)


@pytest.mark.parametrize("step", [6, 8])  # within the second epoch, and at its end
def test_nan_stops_the_run_and_never_reaches_a_checkpoint(tmp_path, monkeypatch, step):
    folder = tiny_run.create(tmp_path / "run")
    break_weights_at(monkeypatch, step)

    with pytest.raises(TrainingFailed, match=f"finite number at step {step}: .*lower learning"):
        training.fit(folder)

    monkeypatch.undo()
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(tiny_run.IMAGES))
    assert checkpoints.load(folder.path / "best").card.epochs == 1
    assert training.fit(RunFolder(folder.path))["state"] == "finished"


def test_a_loss_that_explodes_stops_the_run(tmp_path, monkeypatch):
    loss = FashionData.loss
    monkeypatch.setattr(FashionData, "loss", lambda *a: loss(*a) * 1e39)  # beyond float32
    folder = tiny_run.create(tmp_path / "run")

    with pytest.raises(TrainingFailed, match="the loss is no longer a finite number at step 1:"):
        training.fit(folder)


def out_of_memory_above(monkeypatch, images: int, error: Exception) -> None:
    forward = VGG.forward

    def limited(network, batch):
        if network.training and len(batch) > images:
            raise error
        return forward(network, batch)

    monkeypatch.setattr(VGG, "forward", limited)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"),
        MemoryError(),
    ],
)
def test_out_of_memory_names_the_batch_size_that_fits(tmp_path, monkeypatch, error):
    folder = tiny_run.create(tmp_path / "run")
    out_of_memory_above(monkeypatch, 7, error)

    with pytest.raises(TrainingFailed) as failed:
        training.fit(folder)

    assert str(failed.value) == (
        "out of memory at step 0 with batch size 24: 6 fits, start again with --batch-size 6"
    )


def test_what_a_failed_attempt_computed_is_freed_before_a_smaller_one(tmp_path, monkeypatch):
    folder = tiny_run.create(tmp_path / "run")
    forward, alive = VGG.forward, []

    def limited(network, batch):
        if network.training:
            assert not any(kept() is not None for kept in alive)
            features = network.features(batch)
            alive.append(weakref.ref(features))
            if len(batch) > 7:
                raise torch.OutOfMemoryError("out of memory")
        return forward(network, batch)

    monkeypatch.setattr(VGG, "forward", limited)

    with pytest.raises(TrainingFailed, match="6 fits"):
        training.fit(folder)
    assert len(alive) == 3


def test_out_of_memory_with_a_single_image_says_so(tmp_path, monkeypatch):
    folder = tiny_run.create(tmp_path / "run")
    out_of_memory_above(monkeypatch, 0, torch.OutOfMemoryError("out of memory"))

    with pytest.raises(TrainingFailed, match="a single image does not fit"):
        training.fit(folder)


def test_other_errors_are_not_taken_for_want_of_memory(tmp_path, monkeypatch):
    folder = tiny_run.create(tmp_path / "run")
    out_of_memory_above(monkeypatch, 7, RuntimeError("shapes cannot be multiplied"))

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        training.fit(folder)


@pytest.mark.parametrize("device", ["cuda:99", "mps", "abacus"])
def test_a_device_that_is_not_there_is_named(device):
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has it")

    with pytest.raises(ValueError, match=f"device '{device}'"):
        devices.resolve(device)


def test_the_machine_is_described_with_its_threads():
    assert devices.describe(torch.device("cpu")).startswith(f"{torch.get_num_threads()} × ")
    assert devices.memory_bytes(torch.device("cpu")) > 10_000_000


class Flat(FashionData):
    """Validation improves for two epochs, and never again."""

    def validate(self, network):
        scores = super().validate(network)
        epoch = type(self).seen = type(self).seen + 1
        return scores | {"accuracy": min(epoch, 2) / 10}


@pytest.mark.parametrize(("patience", "epochs"), [(0, 7), (1, 3), (3, 5), (9, 7)])
def test_a_run_ends_early_when_patience_runs_out(tmp_path, monkeypatch, patience, epochs):
    Flat.seen = 0
    monkeypatch.setattr(training, "make_training_data", lambda *args: Flat(*args[:3]))
    folder = tiny_run.create(tmp_path / "run", train=recipe(epochs=7, patience=patience))

    summary = training.fit(folder)

    assert (summary["state"], summary["epochs"]) == ("finished", epochs)
    assert checkpoints.read_card(folder.path / "best").best_epoch == 2
    message = json.loads((folder.path / "status.json").read_bytes())["message"]
    assert ("ended early" in message) == (epochs < 7)


def test_a_run_killed_as_its_patience_ran_out_ends_when_it_is_resumed(tmp_path, monkeypatch):
    Flat.seen = 0
    monkeypatch.setattr(training, "make_training_data", lambda *args: Flat(*args[:3]))
    folder = tiny_run.create(tmp_path / "run", train=recipe(epochs=7, patience=1))
    with monkeypatch.context() as killed:
        killed.setattr(training.Loop, "_finish", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            training.fit(folder)

    assert training.fit(RunFolder(folder.path))["epochs"] == 3
    assert Flat.seen == 3


def test_each_epoch_answers_on_the_same_pictures(tmp_path):
    folder = tiny_run.create(tmp_path / "run")
    training.fit(folder)

    rows = [row for row in rows_of(folder) if row["kind"] == "epoch"]
    with Image.open(folder.path / "samples.png") as strip:
        assert strip.size == (28 * len(rows[0]["samples"]), 28)
    for row in rows:
        labels = [label for label, _ in row["samples"]]
        assert labels == sorted(set(labels)) and len(labels) > 5
        assert all(abs(sum(chances) - 1) < 0.01 for _, chances in row["samples"])
    assert rows[0]["samples"] != rows[1]["samples"]


def test_the_first_points_come_at_once_and_then_at_even_distances():
    logged = [step for step in range(1, 130) if training._is_logged(step, 42)]
    assert logged == [1, 2, 4, 8, 16, 32, 42, 84, 126]
    assert [step for step in range(1, 5) if training._is_logged(step, 1)] == [1, 2, 3, 4]
