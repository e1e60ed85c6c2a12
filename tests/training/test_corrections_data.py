import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import own_pictures as made
import pytest
import tiny_run
import torch
from PIL import Image

from vggcore.answers import making_results
from vggcore.answers.classifier import load_classifier
from vggcore.data import raw_files
from vggcore.data.own import corrections, places
from vggcore.data.own.listing import PicturesError
from vggcore.model import checkpoints
from vggcore.model.presets import PRESETS
from vggcore.model.recipe_checks import check
from vggcore.runs import folder
from vggcore.training import loop
from vggcore.training.corrections_data import CorrectionsData

CPU = torch.device("cpu")
PLAIN = {"mixup": 0.0, "cutmix": 0.0, "erase": 0.0}
RECIPE = replace(
    PRESETS["corrections"].train, epochs=3, batch_size=32, device="cpu", precision="float32"
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run that was trained on synthetic garments, which also judge it."""
    place = tmp_path_factory.mktemp("trained") / "start"
    loop.fit(tiny_run.create(place, train=replace(tiny_run.TRAIN, epochs=8, **PLAIN)))
    return place


@pytest.fixture
def start(trained, tmp_path) -> str:
    """Its network, for one test alone."""
    return str(shutil.copytree(trained, tmp_path / "start") / "best")


def corrected(tmp_path, start: str, source: str):
    spec = checkpoints.read_card(start).spec
    folder.create(tmp_path / "run", spec, replace(RECIPE, init_from=start, pictures=source))
    return loop.fit(folder.RunFolder(tmp_path / "run"))


def wrongly_named(start: str, count: int) -> list[tuple[str, bytes]]:
    """Test pictures, each with a class other than the network's answer."""
    classifier = load_classifier(start)
    images, _ = raw_files.test_split("synthetic")
    picked = []
    for image in images[:count]:
        named = classifier.classify(image).label
        other = classifier.classes[(classifier.classes.index(named) + 1) % 10]
        picked.append((other, made.encoded(Image.fromarray(image).resize((112, 112)))))
    return picked


def test_a_network_takes_corrections_and_keeps_the_rest(tmp_path, start):
    source = places.keep_corrections(wrongly_named(start, 2))

    summary = corrected(tmp_path, start, source)

    card = checkpoints.read_card(tmp_path / "run" / "best")
    told = card.others["corrections"]
    assert sum(a == b for a, b in zip(told["before"], told["labels"], strict=True)) == 0
    assert sum(a == b for a, b in zip(told["after"], told["labels"], strict=True)) >= 1
    before = checkpoints.read_card(start)
    assert told["accuracy_before"] == before.test_accuracy
    assert summary["test_accuracy"] > before.test_accuracy - 0.25
    assert card.temperature == before.temperature
    assert card.data.name == "synthetic" and card.data.sources == ("corrections",)
    assert making_results.compute(tmp_path / "run" / "best").scores["n"] == 60
    rows = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert len([row for row in rows if json.loads(row)["kind"] == "epoch"]) == 3


def test_a_batch_depends_on_seed_and_step_alone(start):
    source = places.keep_corrections(wrongly_named(start, 2))
    spec = checkpoints.read_card(start).spec
    train = replace(RECIPE, init_from=start, pictures=source)
    one, other = CorrectionsData(spec, train, CPU), CorrectionsData(spec, train, CPU)

    other.batch(2)
    inputs, targets = one.batch(5)

    assert torch.equal(inputs, other.batch(5)[0])
    assert inputs.shape == (32, 1, 32, 32)
    assert (targets[:, 0] >= 0).sum() == 8  # a quarter
    assert one.loss(targets[:, 1:] + 0.0, targets).isfinite()


def test_what_is_held_costs_nothing_where_nothing_changes(start):
    source = places.keep_corrections(wrongly_named(start, 1))
    spec = checkpoints.read_card(start).spec
    train = replace(RECIPE, init_from=start, pictures=source)
    held = CorrectionsData(spec, train, CPU).batch(0)[1]
    held = held[held[:, 0] < 0]

    own = CorrectionsData(spec, train, CPU)

    assert own.loss(held[:, 1:], held).item() == 0
    assert own.loss(held[:, 1:] + 1, held).item() == pytest.approx(1.0)


def test_corrections_of_classes_that_a_network_lacks_are_refused(start):
    source = places.keep_corrections([("Hat", made.encoded(made.picture("circle", 1)))])

    with pytest.raises(PicturesError, match="are of Hat, which the network has no class for"):
        CorrectionsData(
            checkpoints.read_card(start).spec,
            replace(RECIPE, init_from=start, pictures=source),
            CPU,
        )


def test_corrections_of_other_classes_are_left_out():
    corrections.collect("Hat", made.encoded(made.picture("circle", 1)))
    corrections.collect("Bag", made.encoded(made.picture("circle", 2)))

    kept = corrections.snapshot(corrections.COLLECTED, ("Coat", "Bag"))

    for source in (kept, corrections.COLLECTED):
        assert [one.label for one in corrections.read(source, ("Coat", "Bag"))] == [1]
    assert corrections.count(corrections.COLLECTED, ("Bag", "Hat", "Coat")) == 2
    places.delete(corrections.COLLECTED)
    assert corrections.count(corrections.COLLECTED) == 0


def test_no_corrections_are_said():
    places.keep_corrections([])

    with pytest.raises(PicturesError, match="there are no"):
        list(corrections.read("corrections-1", ("a",)))


def test_names_of_classes_survive_their_folders():
    png = made.encoded(made.picture("circle", 1))
    source = places.keep_corrections([("T-shirt/top", png)])

    (one,) = corrections.read(source, ("T-shirt_top", "Bag", "T-shirt/top", "." * 3, "長" * 90))
    assert one.label == 2
    assert places.names() == []  # corrections are not a set to train on from scratch


def test_collected_corrections_are_bounded(monkeypatch):
    monkeypatch.setattr(corrections, "MOST", 1)
    corrections.collect("Bag", made.encoded(made.picture("circle", 1)))

    with pytest.raises(PicturesError, match="1 corrections at most"):
        corrections.collect("Bag", b"")
    assert corrections.count(corrections.COLLECTED) == 1


def test_corrections_need_a_network():
    with pytest.raises(ValueError, match="need a network to correct"):
        check(PRESETS["corrections"].spec, replace(RECIPE, init_from=""))


def test_several_sessions_keep_their_corrections_at_once():
    png = made.encoded(made.picture("circle", 1))

    with ThreadPoolExecutor(8) as workers:
        names = list(workers.map(lambda n: places.keep_corrections([(str(n), png)] * 3), range(24)))

    assert len(set(names)) == 24
    for number, name in enumerate(names):
        assert [one.label for one in corrections.read(name, (str(number),))] == [0, 0, 0]


def test_collected_corrections_are_copied_before_a_training():
    corrections.collect("Bag", made.encoded(made.picture("circle", 1)))
    kept = corrections.snapshot(corrections.COLLECTED, ("Bag",))
    corrections.collect("Bag", made.encoded(made.picture("circle", 2)))

    assert (corrections.count(kept), corrections.count(corrections.COLLECTED)) == (1, 2)
    assert [one.label for one in corrections.read(kept, ("Bag",))] == [0]


def test_a_resumed_run_needs_the_same_corrections(tmp_path, start):
    source = places.keep_corrections(wrongly_named(start, 1))
    corrected(tmp_path, start, source)
    (places.folder() / source / "Bag").mkdir(exist_ok=True)
    (places.folder() / source / "Bag" / "9.png").write_bytes(
        made.encoded(made.picture("circle", 9))
    )

    with pytest.raises(ValueError, match="have changed since this run began"):
        loop.fit(folder.RunFolder(tmp_path / "run"))


def test_of_a_photo_it_learns_the_middle_too(tmp_path, start):
    file = Path(f"{start}.json")
    card = json.loads(file.read_text())
    card["preprocessing"]["middle"] = 0.8
    file.write_text(json.dumps(card))
    photo = np.random.default_rng(0).integers(90, 170, (120, 100, 3)).astype(np.uint8)
    photo[30:90, 30:70] = (30, 30, 90)
    picture = Image.fromarray(photo)
    framed = corrections.encoded(picture, framed=True)
    source = places.keep_corrections([("Bag", made.encoded(picture)), ("Coat", framed)])

    corrected(tmp_path, start, source)

    train = folder.RunFolder(tmp_path / "run").train
    learns = CorrectionsData(checkpoints.read_card(start).spec, train, CPU)
    assert len(learns.pictures) == 3 and learns.labels_of_inputs.tolist() == [8, 8, 4]
    network = load_classifier(str(tmp_path / "run" / "best"))
    whole, twice = (network.classify(picture, framed=framed) for framed in (True, False))
    assert twice.prepared.middle is not None
    outcome = checkpoints.read_card(tmp_path / "run" / "best").others["corrections"]
    assert outcome["after"] == [twice.label, whole.label]


@pytest.mark.parametrize("framed", [True, False])
def test_a_correction_remembers_whether_it_was_framed(framed):
    png = corrections.encoded(Image.new("RGB", (40, 40), (200, 30, 40)), framed=framed)
    source = places.keep_corrections([("Bag", png)])

    (kept,) = corrections.read(source, ("Bag", "Hat"))

    assert kept.framed == framed


def test_none_of_these_is_an_answer_where_a_network_knows_it(start):
    card = checkpoints.read_card(start)
    without = corrections.answers(card.classes, card.data.name)
    answers = corrections.answers(card.classes, "wild")
    assert corrections.NONE not in without and answers == (*card.classes, corrections.NONE)

    none = (corrections.NONE, made.encoded(Image.new("RGB", (40, 40))))
    source = places.keep_corrections([none])
    (one,) = corrections.read(source, answers)
    assert one.label == len(card.classes)
    with pytest.raises(PicturesError, match="no class for"):
        corrections.check(source, without)


def test_none_of_these_is_learned_as_such():
    source = CorrectionsData.__new__(CorrectionsData)
    source.answers = ("a", "b", corrections.NONE)
    logits = torch.tensor([[-1.0, -2.0], [3.0, -2.0]], requires_grad=True)
    targets = torch.tensor([[2.0, 0.0, 0.0]] * 2)
    assert source._answers_of(logits).tolist() == [2, 0] and source.correct(logits, targets) == 1

    source.loss(logits, targets).backward()

    assert (logits.grad > 0).all()  # every class becomes less probable
