"""`wild.training_data`: which classes are right, the loss with "no garment", batches, resuming."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from vggcore.answers import evaluation
from vggcore.data import augment
from vggcore.data.classes import Label
from vggcore.model.architectures import VGGSpec
from vggcore.model.presets import PRESETS
from vggcore.model.recipe import TrainConfig
from vggcore.pictures.preprocessing import Preprocessing
from vggcore.training import loop
from vggcore.training.progress import Progress
from vggcore.wild import items, loss, pools, validation
from vggcore.wild.colorize import coloured
from vggcore.wild.items import NONE, Item
from vggcore.wild.pools import Pool
from vggcore.wild.training_data import SHARES, WildData


def item(source: str, folder: str, name: str = "1.jpg") -> Item:
    return Item(source, folder, name, "[]")


def test_broad_folders_accept_what_a_fair_judge_accepts():
    pullover = item("clothing-small", "pullover")
    drawn = item("quickdraw-strokes", "pullover")
    shoes = item("clothing-extra", "footwear_other")
    assert pullover.strict == 2 and set(pullover.accepted) == {2, 6, 0}
    assert drawn.strict == 2 and set(drawn.accepted) == {2, 6, 4}
    assert shoes.strict is None and set(shoes.accepted) == {5, 7, 9}
    assert item("clothing-small", "dress").accepted == (3,)


def test_targets_weigh_the_folders_class_most():
    target = items.target_of(item("clothing-small", "coat"))
    assert target[4] == 1 and 0 < target[2] < 1 and target.sum() == target[4] + target[2]
    assert items.target_of(item("not-garments", "owl")).argmax() == NONE
    assert (items.target_of(item("clothing-small", "footwear_other")) == 1).sum() == 3


def test_made_up_drawings_may_be_what_real_ones_may_be(monkeypatch):
    monkeypatch.setitem(pools.POOL_SIZES, "drawings", 60)
    labels = np.arange(10)
    images = np.zeros((10, 28, 28), np.uint8)
    images[:, 4:24, 8:20] = 180
    drawn = {int(target.argmax()): target for _, target in pools._drawings(images, labels, [], 0)}
    assert set(drawn) == set(range(10))
    assert set(drawn[2].nonzero()[0]) == {2, 6, 4} and drawn[2][2] == 1
    assert set(drawn[7].nonzero()[0]) == {7, 9} and 0 < drawn[7][9] < 1
    assert set(drawn[3].nonzero()[0]) == {3} and set(drawn[8].nonzero()[0]) == {8}


def test_some_drawings_are_made_after_photos(monkeypatch):
    monkeypatch.setitem(pools.POOL_SIZES, "drawings", 60)
    photo = np.full((90, 90, 3), 230, np.uint8)
    photo[20:70, 25:65] = (40, 60, 160)
    coat = Item("clothing-small", "coat", "1.jpg", photo)
    images = np.full((2, 28, 28), 90, np.uint8)

    drawn = list(pools._drawings(images, np.array([8, 8]), [coat], 0))

    after_the_photo = [target for _, target in drawn if target[4] == 1]
    assert 3 <= len(after_the_photo) <= 20 and len(drawn) == 60
    assert all(np.array_equal(target, items.target_of(coat)) for target in after_the_photo)
    assert all(target[8] == 1 for _, target in drawn if target[4] != 1)


def test_about_a_tenth_is_held_out_and_always_the_same():
    items = [item("clothing-small", "dress", f"{n}.jpg") for n in range(2000)]
    held_out = [one.held_out for one in items]
    assert 0.07 < np.mean(held_out) < 0.13
    assert held_out == [one.held_out for one in items]


def test_garments_of_one_person_are_held_out_together():
    shirts = [item("street-worn", "shirt", f"{n:04}_shirt.jpg").held_out for n in range(500)]
    bags = [item("street-worn", "bag", f"{n:04}_purse.jpg").held_out for n in range(500)]
    assert shirts == bags and 0.05 < np.mean(shirts) < 0.15


def test_the_loss_asks_for_one_of_the_right_classes():
    logits = torch.zeros(1, 10)
    logits[0, [2, 6]] = 20.0  # Pullover or Shirt, undecided
    either = torch.zeros(1, 11)
    either[0, [2, 6]] = 1.0
    one = torch.zeros(1, 11)
    one[0, 2] = 1.0
    decided = torch.zeros(1, 10)
    decided[0, 6] = 20.0
    assert loss.none_aware_loss(decided, either).item() == pytest.approx(0, abs=1e-4)
    # Splitting the probability between them costs a little, naming a wrong one much more.
    assert 0.1 < loss.none_aware_loss(logits, either).item() < 0.6
    assert loss.none_aware_loss(logits, one).item() == pytest.approx(np.log(2), abs=1e-4)
    assert loss.none_aware_loss(decided, one).item() > 5


def test_the_loss_lowers_the_evidence_of_what_is_no_garment():
    logits = torch.zeros(1, 10, requires_grad=True)
    none = torch.zeros(1, 11)
    none[0, NONE] = 1.0
    value = loss.none_aware_loss(logits, none)
    value.backward()
    assert value.item() == pytest.approx(np.log(11), abs=1e-5)
    assert (logits.grad > 0).all()


@pytest.fixture(params=[1, 3, 4])
def source(monkeypatch, request):
    """A source with small random pools instead of the real ones, for 1, 3 and 4 channels."""
    generator = torch.Generator().manual_seed(0)

    def pool(name, size, seed, sources, colour):
        targets = torch.zeros(40, 11)
        targets[torch.arange(40), NONE if "none" in name else torch.arange(40) % 10] = 1
        shape = (40, size, size, 4) if colour and name != "fashion" else (40, size, size)
        return Pool(torch.randint(256, shape, generator=generator, dtype=torch.uint8), targets)

    monkeypatch.setattr("vggcore.wild.training_data.cached_pool", pool)
    spec = VGGSpec(image_size=32, head="pool", in_channels=request.param)
    train = TrainConfig(dataset="wild", batch_size=64)
    return WildData(spec, train, torch.device("cpu"))


def test_batches_depend_on_the_step_alone(source):
    inputs, targets = source.batch(7)
    again, targets_again = source.batch(7)
    other, _ = source.batch(8)
    assert inputs.shape == (len(targets), source.channels, 32, 32)
    assert inputs.dtype == torch.float32
    assert abs(len(inputs) - 64) <= 3
    assert torch.equal(inputs, again) and torch.equal(targets, targets_again)
    assert not torch.equal(inputs, other)


def test_every_batch_holds_garments_and_others(source):
    inputs, targets = source.batch(0)
    share = (targets.argmax(1) == NONE).float().mean().item()
    nothing = sum(share for name, share in SHARES.items() if name.startswith("none"))
    assert share == pytest.approx(nothing, abs=0.02)
    assert inputs.isfinite().all()
    assert source.correct(targets[:, :10] * 9 - 4, targets) == len(targets)


def test_pools_of_left_out_sources_are_left_out_of_a_batch(monkeypatch):
    def pool(name, size, seed, sources, colour):
        count = 40 if items.WORN in sources or name != "worn" else 0
        targets = torch.zeros(count, 11)
        targets[:, 1] = 1
        return Pool(torch.zeros(count, size, size, dtype=torch.uint8), targets)

    monkeypatch.setattr("vggcore.wild.training_data.cached_pool", pool)
    spec, train = VGGSpec(image_size=32, head="pool"), TrainConfig(dataset="wild", batch_size=200)
    whole, part = (
        len(WildData(spec, train, torch.device("cpu"), exclude=left_out).batch(0)[1])
        for left_out in ((), (items.WORN,))
    )
    assert abs(whole - 200) <= 3 and whole - part == round(200 * SHARES["worn"])


def test_the_card_names_all_that_was_trained_on(source):
    said = source.describe()
    assert said.sources == ("fashion-mnist", "icons", *items.SOURCES)
    assert said.train_images == 40 * len(SHARES)


def test_a_resumed_run_is_told_if_its_pictures_are_drawn_in_another_way(source, monkeypatch):
    before = source.pictures_facts()["sha256"]
    progress = Progress(threads=torch.get_num_threads(), precision="float32", pictures=before)
    assert loop._resume_notes(progress, "float32", source.pictures_facts()["sha256"]) == []
    monkeypatch.setattr(pools, "_VERSION", pools._VERSION + 1)
    (note,) = loop._resume_notes(progress, "float32", source.pictures_facts()["sha256"])
    assert "differently" in note
    assert loop._resume_notes(replace(progress, pictures=""), "float32", "other") == []


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_variation_keeps_shape_range_and_content(channels):
    generator = torch.Generator().manual_seed(1)
    images = torch.zeros(50, channels, 32, 32)
    images[:, :, 10:22, 10:22] = 1.0
    varied = augment.jitter(images, generator)
    assert varied.shape == images.shape and 0 <= varied.min() and varied.max() <= 1
    assert (varied.mean(dim=(1, 2, 3)) > 0.03).float().mean() > 0.9
    assert not torch.allclose(varied[0], varied[1])


def test_a_colour_is_not_kept_but_what_is_beside_it_is_still_another():
    generator = torch.Generator().manual_seed(1)
    images = torch.zeros(200, 3, 8, 8)
    images[:, 0, :, :4] = 0.8  # red beside black
    varied = augment.recolour(images, generator)
    left, right = varied[..., :4].mean((2, 3)), varied[..., 4:].mean((2, 3))
    assert (left.argmax(1) != 0).float().mean() > 0.1  # often no longer red
    assert ((left - right).abs().amax(1) > 0.1).float().mean() > 0.95


def test_fashion_mnist_in_colour_keeps_each_outline_and_no_usual_colour():
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(300, 32, 32)
    images[:, 8:24, 10:22] = 0.6
    pictures = coloured(images, generator)
    assert pictures.shape == (300, 4, 32, 32) and 0 <= pictures.min() and pictures.max() <= 1
    inside, outside = pictures[:, 3, 10:22, 12:20].mean((1, 2)), pictures[:, 3, :6, :6].mean((1, 2))
    assert (inside > outside + 0.15).float().mean() > 0.95
    grey = (pictures[:, :3].amax(1) - pictures[:, :3].amin(1)).amax((1, 2)) < 0.02
    as_it_comes = (pictures[:, :3] - images[:, None]).abs().amax((1, 2, 3)) < 1e-6
    assert 0.5 < as_it_comes.float().mean() < 0.7 and (~grey).float().mean() > 0.15
    on_white = pictures[:, :3, 0, 0].amin(1) > 0.6
    assert 0.08 < on_white.float().mean() < 0.35


def test_shares_of_a_batch_make_a_whole():
    assert sum(SHARES.values()) == pytest.approx(1)
    assert PRESETS["wild"].train.dataset == "wild" and PRESETS["wild"].spec.image_size <= 96


def test_a_cached_pool_is_read_back_and_redrawn_when_asked_for_something_else(monkeypatch):
    made = []

    def build(name, size, seed, sources, colour):
        made.append((seed, len(sources)))
        return Pool(torch.full((3, size, size), seed, dtype=torch.uint8), torch.ones(3, 11))

    monkeypatch.setattr(pools, "build_pool", build)
    seeds = [int(pools.cached_pool("none", 32, seed).images[0, 0, 0]) for seed in (1, 1, 2)]
    for _ in range(2):
        pools.cached_pool("none", 32, 2, items.SOURCES[1:])
        pools.cached_pool("none", 32, 2)
        # Nothing of this source is in that pool.
        pools.cached_pool("none", 32, 2, [s for s in items.SOURCES if s != items.WORN])
    assert seeds == [1, 1, 2] and made == [(1, 2), (2, 2), (2, 1)]


def test_half_of_an_epochs_score_is_that_of_real_pictures(monkeypatch):
    def label_of_the_first_pixel(network, images, preprocessing, precision):
        return torch.nn.functional.one_hot(images[:, 0, 0].long(), 10).float()

    monkeypatch.setattr(evaluation, "predict", label_of_the_first_pixel)
    photos, drawings = [item("clothing-small", "dress")] * 9, [item("quickdraw-strokes", "bag")]
    answered = torch.tensor([3] * 6 + [8] * 3 + [3], dtype=torch.uint8)  # six photos right, no bag
    kept_apart = validation.Validation(
        fashion=torch.tensor([1, 2, 3, 4], dtype=torch.uint8).view(4, 1, 1),
        fashion_labels=torch.tensor([1, 2, 3, 0]),
        items=photos + drawings,
        real=answered.view(10, 1, 1),
    )
    scores = kept_apart.scores(network=None, preprocessing=Preprocessing())
    parts = {"fashion-mnist": 3 / 4, "photos": 6 / 9, "sketches": 0}
    assert scores["parts"] == pytest.approx(parts)
    assert scores["accuracy"] == pytest.approx((3 / 4 + 6 / 10) / 2)
    without = kept_apart._replace(items=[], real=answered[:0].view(0, 1, 1))
    assert without.scores(None, Preprocessing())["accuracy"] == pytest.approx(3 / 4)


def test_samples_are_photos_where_there_are_some_and_fashion_mnist_elsewhere(source):
    channels = () if source.channels == 1 else (source.channels,)

    def marked(*marks: int) -> torch.Tensor:
        return (
            torch.tensor(marks, dtype=torch.uint8)
            .view(-1, 1, 1, *(1,) * len(channels))
            .expand(-1, 32, 32, *channels)
        )

    # A drawing of a bag, shoes outside our classes, and a photo of a dress.
    shown = [("quickdraw-strokes", "bag"), ("clothing-extra", "footwear_other")]
    source.__dict__["_validation"] = validation.Validation(
        fashion=marked(10, 13, 18, 13),
        fashion_labels=torch.tensor([0, 3, 8, 3]),
        items=[item(*each) for each in (*shown, ("clothing-small", "dress"))],
        real=marked(101, 102, 103),
    )
    samples = source.samples()
    assert samples.labels == [0, 3, 8]
    assert samples.images.flatten(1)[:, 0].tolist() == [10, 103, 18]
    assert samples.strip().size == (96, 32)
    assert samples.strip().mode == ("L" if source.channels == 1 else "RGB")


def test_strokes_of_a_drawing_become_a_picture():
    drawing = json.dumps({"drawing": [[[0, 100, 100, 0, 0], [0, 0, 100, 100, 0]]]})
    square = Item("quickdraw-strokes", "bag", "purse-0", drawing)
    thin, thick = (np.asarray(square.picture(pen).convert("L")) for pen in (2, 12))
    assert (thin < 128).sum() * 3 < (thick < 128).sum()


def test_corrected_labels_replace_the_folders(tmp_path, monkeypatch):
    folder = tmp_path / "garments-dev" / "photos" / "clothing-small" / "shirt"
    folder.mkdir(parents=True)
    for name in ("jacket", "shirt", "shadow"):
        Image.new("RGB", (9, 9)).save(folder / f"{name}.png")
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))
    rows = {"jacket.png": (Label.COAT, Label.PULLOVER), "shadow.png": ()}
    rows = {("clothing-small", "shirt", name): classes for name, classes in rows.items()}
    monkeypatch.setattr(items, "corrections", lambda: rows)

    jacket, shirt = items.development_items(("clothing-small",))
    assert (jacket.strict, jacket.accepted) == (4, (4, 2))
    assert items.target_of(jacket).argmax() == 4 and 0 < items.target_of(jacket)[2] < 1
    assert (shirt.strict, shirt.accepted) == (6, (6, 0))
    filed = items.development_items(("clothing-small",), corrected=False)
    assert [one.accepted for one in filed] == [(6, 0)] * 3
    assert {one.name: one.held_out for one in filed}["jacket.png"] == jacket.held_out


def test_an_unknown_class_among_the_corrections_is_an_error(tmp_path, monkeypatch):
    table = tmp_path / "label_corrections.csv"
    monkeypatch.setattr(items, "_CORRECTIONS", table)
    for wrong in ("skirt", "coat footwear_other"):
        table.write_text(f"source,folder,name,classes\nstreet-worn,dress,1.jpg,{wrong}\n")
        items.corrections.cache_clear()
        with pytest.raises(ValueError, match=wrong.split()[-1]):
            items.corrections()


def test_a_corrected_label_draws_the_pools_of_its_source_anew(monkeypatch):
    keys = []
    for classes in ((Label.COAT,), (Label.COAT, Label.PULLOVER)):
        table = {("street-worn", "shirt", "1.jpg"): classes}
        monkeypatch.setattr(pools, "corrections", lambda table=table: table)
        keys.append({name: pools.pool_key(name, 32, 0) for name in SHARES})
    changed = {name for name in SHARES if keys[0][name] != keys[1][name]}
    assert "worn" in changed and not changed & {"fashion", "icons", "photos", "sketches"}


@pytest.mark.garments
def test_each_correction_is_of_one_picture_and_changes_its_label():
    filed = {one[:3]: one for one in items.development_items(corrected=False)}
    rows = list(csv.reader(items._CORRECTIONS.read_text().splitlines()))[1:]
    assert len(rows) == len(items.corrections())
    assert rows == sorted(rows)
    for key, classes in items.corrections().items():
        assert key in filed
        assert classes != filed[key].accepted, key
        assert len(set(classes)) == len(classes)


@pytest.mark.garments
def test_the_development_data_is_read_whole():
    found = items.development_items(corrected=False)
    counts = {name: sum(one.source == name for one in found) for name in items.SOURCES}
    assert counts == {
        "clothing-small": 2921,
        "clothing-extra": 996,
        "street-worn": 3325,
        "tiny-imagenet": 2000,
        "quickdraw-strokes": 207,
        "quickdraw-raster": 600,
    }
    assert len(items.not_garments()) == 1878
    photos = items.not_garment_photos()
    assert [sum(one.folder == name for one in photos) for name in items.NONE_PHOTOS] == [
        *(442, 1954, 2000)
    ]
    trained = [items.trained_photo(one) for one in photos]
    assert 0.4 < np.mean(trained) < 0.6
    streets = {one.name.split("_")[0]: items.trained_photo(one) for one in photos[442:2396]}
    assert all(items.trained_photo(one) == streets[one.name[:4]] for one in photos[442:2396])
    categories = {one.folder for one in items.not_garments()}
    assert 60 < sum(items.trained_category(name) for name in categories) < 97


def test_photos_are_judged_by_the_whole_and_the_middle(monkeypatch):
    def sure_of_the_first_pixel(network, images, preprocessing, precision):
        return torch.nn.functional.one_hot(images[:, 0, 0].long(), 10) * images[:, 0, 1, None]

    monkeypatch.setattr(evaluation, "predict", sure_of_the_first_pixel)
    seen = torch.tensor([[[3, 1]], [[3, 1]]], dtype=torch.uint8)  # class, and how sure
    middle = torch.tensor([[[8, 5]], [[3, 1]]], dtype=torch.uint8)
    kept_apart = validation.Validation(
        fashion=seen[:1],
        fashion_labels=torch.tensor([3]),
        items=[item("clothing-small", "bag"), item("clothing-small", "dress")],
        real=seen,
        middle=middle,
    )
    one, both = (kept_apart.scores(None, Preprocessing(middle=m))["parts"] for m in (0.0, 0.8))
    assert one == {"fashion-mnist": 1, "photos": 0.5}
    assert both == {"fashion-mnist": 1, "photos": 1}
