"""`wild.people`: made-up people wear what they are said to wear, where the frame shows it."""

import numpy as np
import pytest
from PIL import Image

from vggcore.data.classes import CLASSES
from vggcore.wild import cutouts, people, pools, shapes
from vggcore.wild.figures import figure
from vggcore.wild.items import SOURCES, WORN, Item
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
    """So it lies within the frame, and nothing hides it."""
    swatch = np.full((40, 30, 3), MAGENTA, np.uint8)
    shares = []
    for seed in range(12):
        red, green, blue = drawn(label, seed, swatch).astype(int).transpose(2, 0, 1)
        shares.append(((red > green + 40) & (blue > green + 40)).mean())
    assert np.median(shares) > 0.12 and min(shares) > 0.01


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


def test_people_stand_in_no_street_where_worn_garments_are_kept_for_judging(monkeypatch):
    photos = [Item("not-garments", f, f"{n}.jpg", "") for n in range(9)
              for f in ("photos-street", "photos-things")]  # fmt: skip
    monkeypatch.setattr(pools, "not_garment_photos", lambda: photos)
    monkeypatch.setattr(pools, "trained_photo", lambda item: True)

    others = tuple(source for source in SOURCES if source != WORN)

    assert {item.folder for item in pools._behind_people(SOURCES)} == {"photos-street"}
    assert {item.folder for item in pools._behind_people(others)} == {"photos-things"}
