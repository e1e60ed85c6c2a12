"""Scores computed from answers, and what is cached of them."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from untrained import save_untrained

from vggcore.answers import evaluation, making_results, results, scores
from vggcore.answers.tsne import principal_axes, tsne
from vggcore.commands import cli
from vggcore.data import raw_files
from vggcore.machine import paths
from vggcore.model import checkpoints
from vggcore.pictures.prepare import prepare
from vggcore.pictures.preprocessing import Preprocessing

CONFUSION = [[8, 2, 0], [4, 6, 0], [0, 0, 0]]


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Name of a checkpoint that is judged on synthetic garments."""
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(making_results, "MAP_IMAGES", 60)
    save_untrained(tmp_path / "checkpoints", "drawn")
    file = tmp_path / "checkpoints" / "drawn.json"
    card = json.loads(file.read_text()) | {"data": {"name": "synthetic", "split_seed": 0}}
    file.write_text(json.dumps(card))
    return "drawn"


def test_class_scores_are_those_computed_by_hand():
    first, second, third = scores.class_scores(CONFUSION)

    assert first == pytest.approx((8 / 12, 0.8, 16 / 22, 10))
    assert second == pytest.approx((6 / 8, 0.6, 12 / 18, 10))
    assert third == (0, 0, 0, 0)


def test_with_many_classes_the_five_likeliest_count_too():
    logits = np.zeros((4, 21))
    logits[:, :7] = np.arange(7, 0, -1)  # class 0 is the likeliest, then 1, …

    found = scores.score(logits, np.array([0, 4, 5, 20]))

    assert (found["accuracy"], found["top5"]) == (0.25, 0.5)
    assert "top5" not in scores.score(logits[:, :20], np.array([0, 4, 5, 19]))


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (9350, 10_000, 0.9300, 0.9397)],
)
def test_wilson_interval_is_the_published_one(right, n, low, high):
    # The first two: Newcombe, "Two-sided confidence intervals", Stat. Med. 17 (1998), method 3.
    assert scores.wilson_interval(right, n) == pytest.approx((low, high), abs=1e-4)


def test_difference_interval_counts_only_where_two_networks_differ():
    a = torch.tensor([True] * 90 + [False] * 10)
    b = torch.tensor([True] * 84 + [False] * 6 + [True] * 2 + [False] * 8)

    difference, low, high = scores.difference_interval(a, b)

    reach = 1.96 * math.sqrt(8 - 16 / 100) / 100
    assert (difference, low, high) == pytest.approx((0.04, 0.04 - reach, 0.04 + reach))


def test_mistakes_and_cells_are_sorted_by_confidence():
    chances = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7], [0.95, 0.05]])
    labels = torch.tensor([1, 1, 1, 0, 0])

    assert scores.worst_mistakes(chances, labels).tolist() == [0, 3, 1]
    assert scores.in_cell(chances, labels, true=1, named=0).tolist() == [0, 1]
    assert scores.in_cell(chances, labels, true=0, named=0).tolist() == [4]


def test_axes_are_found_where_most_features_are_nearly_dead():
    random = torch.Generator().manual_seed(0)
    points = torch.randn(200, 3, generator=random) @ torch.randn(3, 64, generator=random)
    points *= 10.0 ** torch.randint(-6, 1, (64,), generator=random)
    dead = torch.zeros(200, 193)
    points = torch.cat([points.relu(), dead], 1)[:, torch.randperm(257, generator=random)]

    mean, axes = principal_axes(points, 2)

    assert torch.allclose(axes.T @ axes, torch.eye(2), atol=1e-6)
    first, second = ((points - mean) @ axes).var(0)
    assert points.var(0).max() <= first <= points.var(0).sum() and 0 < second < first


def test_the_map_keeps_groups_together_and_is_the_same_every_time():
    torch.manual_seed(0)
    labels = torch.arange(4).repeat_interleave(20)
    points = torch.randn(4, 8)[labels] * 6 + torch.randn(80, 8)

    places = tsne(points, perplexity=10)

    distances = torch.cdist(places, places).fill_diagonal_(torch.inf)
    assert (labels[distances.argmin(1)] == labels).float().mean() > 0.95
    assert torch.equal(places, tsne(points, perplexity=10))


def test_results_are_computed_once_and_read_back_the_same(network):
    shares = []
    first = making_results.compute(network, shares.append)

    again = making_results.compute(network, lambda share: pytest.fail("computed twice"))

    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)
    assert np.array_equal(first.logits, again.logits) and np.array_equal(first.labels, again.labels)
    assert np.array_equal(first.map.places, again.map.places)


def test_other_weights_never_get_these_results(network):
    making_results.compute(network)
    card = json.loads((paths.checkpoints_dir() / "drawn.json").read_text())
    save_untrained(paths.checkpoints_dir(), "drawn", seed=1)
    other = json.loads((paths.checkpoints_dir() / "drawn.json").read_text())

    assert other["sha256"] != card["sha256"]
    assert results.cached(network) is None


def test_a_damaged_cache_is_computed_anew(network, tmp_path):
    whole = making_results.compute(network)
    (file,) = (tmp_path / "cache" / "results").iterdir()
    file.write_bytes(file.read_bytes()[:2000])

    assert results.cached(network) is None
    assert np.array_equal(making_results.compute(network).logits, whole.logits)


def test_a_hash_that_is_a_path_is_refused(network, tmp_path):
    file = tmp_path / "checkpoints" / "drawn.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sha256": "../../etc/passwd"}))

    with pytest.raises(checkpoints.CheckpointError, match="SHA-256"):
        results.cached(network)


def test_a_test_image_is_placed_at_its_own_place_on_the_map(network):
    made = making_results.compute(network)
    feature = made.map.mean + made.map.axes @ made.map.coordinates[7]

    place, neighbours = made.map.place(feature)

    assert neighbours[0] == 7
    assert np.allclose(place, made.map.places[7], atol=5e-2)


@pytest.mark.parametrize("mirror", [False, True])
def test_evaluate_prints_what_the_results_hold(network, mirror, capsys):
    file = paths.checkpoints_dir() / f"{network}.json"
    card = json.loads(file.read_text())
    card["preprocessing"]["mirror"] = mirror
    file.write_text(json.dumps(card))
    made = making_results.compute(network)

    assert cli.main(["evaluate", "--checkpoint", network, "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["accuracy"] == made.scores["accuracy"]
    assert printed["confusion"] == made.scores["confusion"]
    assert printed["calibration_error"] == pytest.approx(made.calibration_error, abs=1e-4)
    assert printed["classes"]["Bag"]["images"] == 50


def test_with_mirror_an_answer_is_the_mean_over_both_sides(network):
    loaded = checkpoints.load(network)
    plain = loaded.card.preprocessing
    images = torch.randint(256, (3, 28, 28), dtype=torch.uint8)

    as_it_is, mirrored = (
        evaluation.predict(loaded.network, side, plain) for side in (images, images.flip(-1))
    )
    both = evaluation.predict(loaded.network, images, replace(plain, mirror=True))

    assert not torch.allclose(as_it_is, mirrored, atol=1e-5)
    assert torch.allclose(both, (as_it_is + mirrored) / 2, atol=1e-5)


def test_networks_that_see_outlines_get_data_set_images_prepared():
    image = torch.zeros(2, 28, 28, dtype=torch.uint8)
    image[:, 8:20, 10:18] = 200
    way = Preprocessing(style="outline", image_size=64)

    seen = evaluation.as_trained(image, way)
    coloured = evaluation.as_trained(image, replace(way, style="colour-outline"))

    assert seen.shape == (2, 64, 64) and seen.max() > 150
    assert coloured.shape == (2, 64, 64, 4) and torch.equal(coloured[..., 3], seen)
    assert evaluation.as_trained(image, Preprocessing(image_size=32)) is image


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", checkpoints.available())
def test_shipped_checkpoints_are_as_accurate_as_their_cards_say(name):
    """By the answers that ship with them; every tenth test image is checked to give the same."""
    checkpoint, kept = checkpoints.load(name), results.cached(name)
    images, labels = making_results.split_of(checkpoint.card)
    some = slice(None, None, 10)

    seen = evaluation.as_trained(images[some], checkpoint.card.preprocessing)
    logits = evaluation.predict(checkpoint.network, seen, checkpoint.card.preprocessing)

    right = (kept.logits.argmax(1) == labels.numpy()).mean()
    assert right == pytest.approx(checkpoint.card.test_accuracy, abs=1e-3)
    again = logits.numpy()
    assert (again.argmax(1) == kept.logits[some].argmax(1)).mean() > 0.998
    assert np.abs(again - kept.logits[some]).max() < 0.05


def test_evaluate_prints_a_table_that_people_read(network, capsys):
    assert cli.main(["evaluate", "--checkpoint", network]) == 0

    printed = capsys.readouterr().out
    assert "test images of synthetic" in printed and "calibration error" in printed
    assert len([line for line in printed.splitlines() if line.lstrip().startswith("Bag ")]) == 1


def test_results_lie_beside_the_checkpoint_and_need_no_data_set(network, tmp_path, monkeypatch):
    file = making_results.build(network)
    assert file == tmp_path / "checkpoints" / "drawn.results.npz"
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "empty"))

    found = results.cached(network)

    whole = making_results.compute(network)
    assert np.array_equal(found.logits, whole.logits) and len(found.images) == 500
    assert not (tmp_path / "empty").exists()


def test_half_precision_changes_no_answer(network):
    rng = np.random.default_rng(0)
    near = rng.normal(0, 1e-4, (400, 10)).astype(np.float32) + 7
    card = checkpoints.read_card(network)
    arrays = dict(
        logits=near,
        labels=rng.integers(0, 10, 400),
        places=np.zeros((9, 2), np.float32),
        mean=np.zeros(4, np.float32),
        axes=np.zeros((4, 2), np.float32),
        coordinates=np.zeros((9, 2), np.float32),
    )

    found = results.from_bytes(network, card, results.to_bytes(card, arrays, "0"))

    assert np.array_equal(found.logits.argmax(1), near.argmax(1))
    assert np.array_equal(found.labels, arrays["labels"])
    assert np.allclose(found.logits, near, atol=0.05)


def test_results_of_other_weights_or_images_are_not_taken(network, monkeypatch):
    file = making_results.build(network)
    content = file.read_bytes()
    save_untrained(paths.checkpoints_dir(), "other", seed=1)
    (paths.checkpoints_dir() / "other.results.npz").write_bytes(content)
    assert results.cached("other") is None

    found = results.cached(network)
    monkeypatch.setattr(raw_files, "SYNTHETIC_COUNTS", dict(train=1, validation=1, test=499))
    with pytest.raises(raw_files.DataMissing, match="results build drawn"):
        found.images  # noqa: B018


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "huge"])
def test_damaged_results_beside_a_checkpoint_count_as_none(network, damage):
    file = making_results.build(network)
    content = file.read_bytes()
    damaged = {"cut": content[:900], "empty": b"", "text": b"results", "huge": b"0" * 30_000_000}
    file.write_bytes(damaged[damage])
    assert results.cached(network) is None


def test_the_command_writes_results_beside_the_checkpoint(network, capsys):
    assert cli.main(["results", "build", network, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["file"].endswith("drawn.results.npz") and printed["images"] == 500
    assert cli.main(["results", "build", "nothing"]) == 2
    assert "unknown checkpoint 'nothing'" in capsys.readouterr().err


def test_the_shipped_networks_bring_their_results():
    for name in ("wild", "fashion-mnist"):
        found, card = results.cached(name), checkpoints.read_card(name)
        assert results.beside(name).stat().st_size < 400_000
        assert found.scores["accuracy"] == pytest.approx(card.test_accuracy, abs=2e-4)
        assert len(found.labels) == 10_000


def test_reading_results_loads_no_torch():
    code = (
        "import sys; from vggcore.answers import results; found = results.cached('wild');"
        "found.scores, found.reliability, found.calibration_error;"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]


def test_a_prepared_picture_s_answer_is_the_mean_over_its_inputs(network):
    loaded = checkpoints.load(network)
    way = loaded.card.preprocessing
    rng = np.random.default_rng(0)
    photo = rng.integers(90, 170, (80, 80, 3)).astype(np.uint8)
    prepared = [prepare(photo, 28, "fashion-mnist", middle=share) for share in (0.6, 0.0)]
    assert [len(one.inputs) for one in prepared] == [2, 1]

    found = evaluation.predict_each(loaded.network, [one.inputs for one in prepared], way)

    each = evaluation.predict(loaded.network, torch.tensor(np.stack(prepared[0].inputs)), way)
    assert torch.allclose(found[0], each.mean(0), atol=1e-5)
    assert torch.allclose(found[1], each[0], atol=1e-5)
