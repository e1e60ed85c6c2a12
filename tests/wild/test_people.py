"""`wild.people`: made-up people wear what they are said to wear, where the frame shows it."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image

from vggcore.data.classes import CLASSES
from vggcore.wild import cutouts, people, pools, shapes
from vggcore.wild.figures import figure
from vggcore.wild.items import SOURCES, STREETS, WORN, Item
from vggcore.wild.outfits import Outfit

MAGENTA = (255, 0, 255)


def drawn(label: int, seed: int, swatch=None) -> np.ndarray:
    rng = np.random.default_rng((label, seed))
    return np.asarray(people.person(rng, label, cutouts.of_template, swatch))


def outfit(label: int, seed: int) -> Outfit:
    rng = np.random.default_rng((label, seed))
    return Outfit(rng, figure(rng), label)


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_the_same_seed_draws_the_same_person(label):
    for seed in range(4):
        picture = drawn(label, seed)
        assert np.array_equal(picture, drawn(label, seed))
        assert 24 <= min(picture.shape[:2]) and max(picture.shape[:2]) <= 171
        assert picture.std() > 1


@pytest.mark.parametrize("label", people.FROM_PHOTOS)
def test_the_garment_that_is_meant_is_of_the_photos_cloth(label):
    """So it lies within the frame, and enough of it shows behind what is in front."""
    swatch = np.full((40, 30, 3), MAGENTA, np.uint8)
    shares = []
    for seed in range(40):
        red, green, blue = drawn(label, seed, swatch).astype(int).transpose(2, 0, 1)
        shares.append(((red > green + 40) & (blue > green + 40)).mean())
    assert np.median(shares) > 0.15 and np.quantile(shares, 0.1) > 0.05


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_the_frame_goes_around_the_garment(label, monkeypatch):
    monkeypatch.setattr(people, "_WHOLE_PERSON", 0)
    rng = np.random.default_rng(label)
    for seed in range(20):
        low, high = outfit(label, seed).box()
        left, top, right, bottom = people._framing(rng, np.stack([low, high]), label)
        width, height = high - low
        assert (width, height) > (0, 0)
        assert left < low[0] + 0.05 * width and right > high[0] - 0.05 * width
        assert top < low[1] + 0.05 * height and bottom > high[1] - 0.05 * height
        assert right - left < 2.4 * width and bottom - top < 2.4 * height


def test_garments_are_cut_as_their_class_is():
    def longest(label: int, measure: str) -> list[float]:
        return [getattr(outfit(label, seed), measure) for seed in range(40)]

    assert max(longest(shapes.T_SHIRT, "sleeve")) < 0.5 < min(longest(shapes.PULLOVER, "sleeve"))
    assert max(longest(shapes.SHIRT, "hem")) < min(longest(shapes.DRESS, "dress_hem"))
    for label in range(10):
        worn = [outfit(label, seed) for seed in range(20)]
        assert all(
            one.dress or one.top in (shapes.T_SHIRT, shapes.SHIRT, shapes.PULLOVER) for one in worn
        )
        assert all(one.coat for one in worn) == (label == shapes.COAT)
        assert all(one.bag for one in worn) == (label == shapes.BAG)
        assert all(one.dress for one in worn) == (label == shapes.DRESS)
    trousers = [outfit(shapes.TROUSER, seed) for seed in range(200)]
    assert all(one.trouser_hem - one.coat_hem > 0.3 for one in trousers if one.coat)


def test_a_swatch_is_the_garments_middle_without_what_is_behind():
    picture = np.zeros((60, 100, 3), np.uint8)
    mask = np.zeros((60, 100), bool)
    mask[10:50, 10:90] = True
    mask[10:30, 40:60] = False  # something hangs in front of it
    picture[mask] = (10, 200, 10)

    shirt = people.swatch_of(Image.fromarray(picture), mask, shapes.SHIRT)
    trouser = people.swatch_of(Image.fromarray(picture), mask, shapes.TROUSER)

    assert shirt.shape == (40, 36, 3) and trouser.shape == (40, 80, 3)
    assert (shirt == (10, 200, 10)).all()
    assert people.swatch_of(Image.fromarray(picture[:20]), mask[:20], shapes.SHIRT) is None


def streets_and_things() -> list[Item]:
    return [Item("not-garments", folder, f"{n:04}_0.jpg", "") for n in range(60)
            for folder in (STREETS, "photos-things")]  # fmt: skip


def test_no_street_is_seen_where_worn_garments_are_kept_for_judging(monkeypatch):
    monkeypatch.setattr(pools, "not_garment_photos", streets_and_things)
    monkeypatch.setattr(pools, "trained_photo", lambda item: True)
    without = tuple(source for source in SOURCES if source != WORN)

    backgrounds, nothing = pools._behind_people(SOURCES), pools._other_photos(SOURCES)

    assert {item.folder for item in backgrounds} == {STREETS}
    assert {item.folder for item in nothing} == {STREETS, "photos-things"}
    assert {item.folder for item in pools._behind_people(without)} == {"photos-things"}
    assert {item.folder for item in pools._other_photos(without)} == {"photos-things"}
    # Nor is the street behind a held-out person seen.
    seen = {item.name for item in backgrounds}
    held_out = {
        f"{n:04}_0.jpg" for n in range(60) if Item(WORN, "bag", f"{n:04}_bag.jpg", "").held_out
    }
    assert 0 < len(held_out) < 20 and not seen & held_out and len(seen) == 60 - len(held_out)


@pytest.mark.parametrize("name", ["people", "none-photos", "worn"])
def test_a_training_without_worn_garments_has_pools_of_its_own(name, monkeypatch):
    monkeypatch.setattr(pools, "build_pool", lambda name, size, seed, sources, colour: pools.Pool(
        torch.full((1, size, size), len(sources), dtype=torch.uint8), torch.ones(1, 11)
    ))  # fmt: skip
    without = tuple(source for source in SOURCES if source != WORN)

    first, own, again = (
        pools.cached_pool(name, 8, 0, which) for which in (SOURCES, without, SOURCES)
    )

    assert not torch.equal(first.images, own.images) and torch.equal(first.images, again.images)


def test_arms_that_hold_something_lie_in_front_of_the_garment():
    """Bare arms across a T-shirt of one colour: some of its body is hidden by skin."""
    swatch = np.full((40, 30, 3), MAGENTA, np.uint8)
    for seed in range(300):
        rng = np.random.default_rng(seed)
        body = figure(rng)
        worn = Outfit(rng, body, shapes.T_SHIRT)
        across = max(abs(arm[2, 0]) for arm in body.arms) < 0.04
        if across and worn.sleeve < 0.4 and not worn.bag:
            break
    else:
        raise AssertionError("nobody holds anything")
    canvas = people._Canvas(np.zeros((220, 120, 3), np.float32), np.array([-0.3, 0.0]), 200.0)
    people._Painter(rng, canvas, body, worn, swatch).paint(cutouts.of_template)
    for arm in body.arms:
        x, y = canvas.pixels(arm[2]).astype(int)
        red, green, blue = canvas.picture[y, x]
        assert abs(green - body.skin[1]) < 60 and green > 0.3 * red, "a hand lies behind the cloth"


def test_jeans_say_nothing_about_the_shoes():
    """What is painted after the shoes gets random numbers of its own."""
    drawn = []
    garment = cutouts.of_template(np.random.default_rng(1), shapes.SNEAKER)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        body = figure(rng)
        canvas = people._Canvas(np.zeros((60, 40, 3), np.float32), np.array([-0.3, 0.0]), 50.0)
        painter = people._Painter(rng, canvas, body, Outfit(rng, body, shapes.SNEAKER), None)
        before = copy.deepcopy(rng).random()
        painter._shoes(lambda rng, label: garment)
        drawn.append(rng.random() == before)
    assert not any(drawn)
