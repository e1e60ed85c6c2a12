import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import own_pictures as made
import pytest
import torch

from vggcore.answers import export, making_results, results
from vggcore.answers.classifier import load_classifier
from vggcore.commands.cli import main
from vggcore.data.own import prepared
from vggcore.data.own.listing import PicturesError
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.model.recipe_checks import check
from vggcore.runs import diagnosis, folder, metrics, naming_of
from vggcore.training import loop, own_data
from vggcore.training.own_data import OwnData

SPEC = VGGSpec(
    configuration="A",
    width=Fraction(1, 16),
    batch_norm=True,
    in_channels=3,
    image_size=32,
    num_classes=3,
    head="pool",
    dropout=0.0,
)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def train(tmp_path) -> TrainConfig:
    return TrainConfig(
        dataset="pictures",
        pictures=str(made.folder(tmp_path / "set", made.files(20))),
        epochs=2,
        batch_size=16,
        device="cpu",
        precision="float32",
    )


def fitted(tmp_path, spec, train, name="run"):
    folder.create(tmp_path / name, spec, train, preset="own")
    return loop.fit(folder.RunFolder(tmp_path / name))


def test_a_batch_depends_on_seed_and_step_alone(train):
    mixing = replace(train, flip=True, shift=2, erase=0.5, cutmix=0.5, mixup=0.2)
    one, other = OwnData(SPEC, mixing, CPU), OwnData(SPEC, mixing, CPU)

    later = [other.batch(step) for step in (7, 12, 3)][2]
    inputs, targets = one.batch(3)

    assert torch.equal(inputs, later[0]) and torch.equal(targets, later[1])
    assert inputs.shape == (16, 3, 32, 32) and targets.shape == (16, 3)
    assert inputs.mean().abs() < 0.5


def test_pictures_on_disk_give_the_same_batches(train, monkeypatch):
    in_memory = OwnData(SPEC, train, CPU)
    monkeypatch.setattr(prepared, "fits_memory", lambda images: False)
    on_disk = OwnData(SPEC, train, CPU)

    for step in (0, 1, 2, 9, 10, 11, 5):
        ours, theirs = in_memory.batch(step), on_disk.batch(step)
        assert torch.equal(ours[0], theirs[0]) and torch.equal(ours[1], theirs[1])
    assert on_disk._images is None


def test_few_pictures_come_several_times_an_epoch(train):
    few = OwnData(SPEC, replace(train, batch_size=64), CPU)

    assert (few.batch_size, few.steps_per_epoch) == (42, 10)
    assert few.batch(9)[0].shape == (42, 3, 32, 32)


def test_a_network_learns_shapes_and_can_be_asked(train, tmp_path):
    summary = fitted(tmp_path, SPEC, replace(train, epochs=6))
    path = tmp_path / "run" / "best"

    assert summary["test_accuracy"] > 0.7
    classifier = load_classifier(path)
    card = classifier.checkpoint.card
    assert classifier.classes == made.SHAPES
    assert card.data.name == "pictures" and card.unsure is not None
    answer = classifier.classify(made.picture("square", 999))
    assert answer.label == "square"
    found = making_results.compute(path)
    assert found.scores["n"] == 9
    assert found.images.shape == (9, 32, 32, 3)
    making_results.build(path)
    assert results.cached(path).scores == found.scores
    assert naming_of(tmp_path / "run").classes == made.SHAPES
    card_for_others = export.export(path, "model-card").decode()
    assert "It knows 3 classes" in card_for_others and str(tmp_path) not in card_for_others


def test_convolutions_stay_until_all_layers_learn(train, tmp_path):
    frozen = replace(train, epochs=2, freeze_epochs=2, seed=3)
    fitted(tmp_path, SPEC, frozen)
    kept = load_classifier(tmp_path / "run" / "best").network.state_dict()
    from vggcore.model.network import build

    fresh = build(SPEC, init="kaiming", seed=3).state_dict()

    assert all(torch.equal(kept[key], fresh[key]) for key in kept if key.startswith("block"))
    assert any(not torch.equal(kept[key], fresh[key]) for key in kept if "classifier" in key)
    fitted(tmp_path, SPEC, replace(frozen, freeze_epochs=1), "thawed")
    thawed = load_classifier(tmp_path / "thawed" / "best").network.state_dict()
    assert any(not torch.equal(thawed[key], fresh[key]) for key in kept if key.startswith("block"))


def test_starting_from_other_classes_leaves_the_last_layer(train, tmp_path):
    fitted(tmp_path, SPEC, replace(train, epochs=1))
    start = str(tmp_path / "run" / "best")
    contents = {name.replace("circle", "disc"): data for name, data in made.files(8).items()}
    other = replace(train, pictures=str(made.folder(tmp_path / "other", contents)), epochs=1)

    fitted(tmp_path, SPEC, replace(other, init_from=start), "on")

    rows = [json.loads(line) for line in (tmp_path / "on/metrics.jsonl").read_text().splitlines()]
    note = next(row for row in rows if row["kind"] == "event")
    assert "block1.conv1" in str(note) and "classifier" not in str(note)


def test_a_resumed_run_needs_the_same_pictures(train, tmp_path):
    fitted(tmp_path, SPEC, train)
    (tmp_path / "set/circle/000.png").write_bytes(made.encoded(made.picture("cross", 99)))

    with pytest.raises(ValueError, match="have changed since this run began"):
        loop.fit(folder.RunFolder(tmp_path / "run"))


def test_a_network_for_another_number_of_classes_is_refused(train):
    with pytest.raises(PicturesError, match="has 3 classes, and the network 4"):
        OwnData(replace(SPEC, num_classes=4), train, CPU)


@pytest.mark.parametrize(
    ("spec", "changes", "said"),
    [
        (SPEC, {"pictures": ""}, "choose which pictures"),
        (replace(SPEC, in_channels=4), {}, "framing 'whole' needs in_channels 1 or 3, not 4"),
        (SPEC, {"fit": "resize"}, "leave out fit"),
        (SPEC, {"dataset": "synthetic"}, "needs num_classes 10"),
        (
            replace(SPEC, num_classes=10, in_channels=1),
            {"dataset": "synthetic"},
            "pictures is for dataset 'pictures'",
        ),
    ],
)
def test_recipes_that_do_not_go_together(train, spec, changes, said):
    with pytest.raises(ValueError, match=said):
        check(spec, replace(train, **changes))


def test_wrong_labels_are_learnt_by_heart_and_that_is_said(train, tmp_path):
    random = np.random.default_rng(5)
    contents = {
        f"{'ab'[random.integers(2)]}/{name.replace('/', '-')}": data
        for name, data in made.files(30).items()
    }
    wrong = replace(
        train, pictures=str(made.folder(tmp_path / "wrong", contents)), epochs=25, batch_size=32
    )

    fitted(tmp_path, replace(SPEC, num_classes=2), wrong)

    log = metrics.MetricsLog(tmp_path / "run" / "metrics.jsonl")
    log.refresh()
    said = diagnosis.alerts(log.epochs(), log.steps(), naming_of(tmp_path / "run"))
    assert [alert.kind for alert in said] == ["memorised"]


@pytest.mark.parametrize("channels", [1, 3])
def test_mean_and_spread_of_millions_of_pixels(channels):
    random = np.random.default_rng(0)
    shape = (3_000, 64, 64) if channels == 1 else (3_000, 64, 64, 3)
    images = random.integers(100, 200, shape, dtype=np.uint8)

    found = own_data._preprocessing(
        prepared.form_of("whole", channels, 64), images, np.arange(3_000)
    )

    assert found.mean == pytest.approx((149.5 / 255,) * channels, abs=1e-3)
    assert found.std == pytest.approx((28.87 / 255,) * channels, abs=1e-3)


class Tied(OwnData):
    """Every epoch names equally many correctly, with a lower loss each time."""

    def validate(self, network) -> dict:
        scores = super().validate(network)
        Tied.seen += 1
        return scores | {"accuracy": 0.5, "score": 0.5 - 1e-7 / Tied.seen}


def test_a_resumed_run_goes_on_choosing_among_equals(train, tmp_path, monkeypatch):
    Tied.seen = 0
    monkeypatch.setattr(loop, "make_training_data", Tied)
    folder.create(tmp_path / "run", SPEC, replace(train, epochs=2), preset="own")
    fit = loop.Loop._end_epoch
    ended = []

    def stop_after_one(self):
        fit(self)
        ended.append(1)
        if len(ended) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.Loop, "_end_epoch", stop_after_one)
    with pytest.raises(KeyboardInterrupt):
        loop.fit(folder.RunFolder(tmp_path / "run"))

    loop.fit(folder.RunFolder(tmp_path / "run"))

    assert load_classifier(tmp_path / "run" / "best").checkpoint.card.best_epoch == 2


def test_more_than_twenty_classes_also_count_the_five_likeliest(train, tmp_path, capsys):
    shapes = [f"{number:02}" for number in range(21)]
    contents = {
        f"{shape}/{number}.png": made.encoded(made.picture(made.SHAPES[number % 3], int(shape)))
        for shape in shapes
        for number in range(10)
    }
    pictures = str(made.folder(tmp_path / "many", contents))
    spec = replace(SPEC, num_classes=21)

    fitted(tmp_path, spec, replace(train, pictures=pictures, epochs=1))

    path = tmp_path / "run" / "best"
    card = checkpoints.read_card(path)
    log = metrics.MetricsLog(tmp_path / "run" / "metrics.jsonl")
    log.refresh()
    assert 0 <= log.epochs()[-1]["val_accuracy"] <= log.epochs()[-1]["val_top5"] <= 1
    assert main(["evaluate", "--checkpoint", str(path)]) == 0
    printed = capsys.readouterr().out
    assert f"top-5 accuracy {card.test_top5:.4f}" in printed
    assert "most often taken for" in printed and printed.count("\n") == 5 + 21
