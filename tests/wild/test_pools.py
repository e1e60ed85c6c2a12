"""Pools: made of real pictures and made-up ones, the same every time."""

from functools import cache

import numpy as np
import pytest
import torch

from vggcore.data import fashion_mnist
from vggcore.wild import items, pools, street_photos
from vggcore.wild.items import NONE
from vggcore.wild.pools import Pool
from vggcore.wild.training_data import SHARES

pytestmark = [pytest.mark.garments, pytest.mark.data]


@cache
def _all_items():
    return items.development_items()


@cache
def _all_kinds():
    return items.not_garment_kinds(trained=True)


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    """Every 180th real picture, 300 images of Fashion-MNIST, and a few made-up ones."""
    some = [item for item in _all_items() if not item.held_out][::180]
    icons, others = items.icon_items()[::60], items.not_garments()[::200]
    photos = items.not_garment_photos()[::100]
    kinds = _all_kinds()[::400]
    load_split = fashion_mnist.load_split
    monkeypatch.setattr(pools, "development_items", lambda sources: some)
    monkeypatch.setattr(pools, "icon_items", lambda: icons)
    monkeypatch.setattr(pools, "not_garments", lambda: others)
    monkeypatch.setattr(pools, "not_garment_photos", lambda: photos)
    monkeypatch.setattr(pools, "not_garment_kinds", lambda trained: kinds)
    monkeypatch.setattr(pools, "POOL_SIZES", {"scenes": 30, "drawings": 30, "none": 20})
    monkeypatch.setattr(
        fashion_mnist, "load_split", lambda *a, **k: tuple(t[:300] for t in load_split(*a, **k))
    )


@pytest.mark.parametrize("name", SHARES)
def test_a_pool_is_the_same_every_time_and_shows_something(name):
    pool, again = (pools.build_pool(name, 32, seed=0) for _ in range(2))

    assert torch.equal(pool.images, again.images) and torch.equal(pool.targets, again.targets)
    assert pool.images.shape[1:] == (32, 32) and len(pool.images) == len(pool.targets) >= 20
    assert (pool.images.flatten(1).amax(1) > 100).float().mean() > 0.7
    assert ((pool.targets[:, NONE] == 1) == name.startswith("none")).all()


def test_pools_in_colour_show_the_same_outlines():
    grey = pools.build_pool("worn", 32, seed=0)
    colour = pools.build_pool("worn", 32, seed=0, colour=True)
    assert torch.equal(colour.images[..., 3], grey.images)
    assert torch.equal(colour.targets, grey.targets)
    spread = colour.images[..., :3].float().std(dim=-1).mean((1, 2))
    assert (spread > 2).float().mean() > 0.5  # real colours
    fashion = pools.build_pool("fashion", 32, seed=0, colour=True)
    assert fashion.images.shape[1:] == (32, 32)


def test_a_worn_garment_is_shown_closer_elsewhere_and_alone():
    item = next(i for i in items.development_items((items.WORN,)) if i.folder == "bag")
    shown = [np.asarray(picture) for picture in street_photos.framings(item, None, (0, 7, 0))]
    again = [np.asarray(picture) for picture in street_photos.framings(item, None, (0, 7, 0))]
    assert len(shown) == 1 + street_photos.CROPS + street_photos.PEOPLE + street_photos.ALONE
    assert all(np.array_equal(a, b) for a, b in zip(shown, again, strict=True))
    assert all(
        one.shape[0] * one.shape[1] <= shown[0].shape[0] * shown[0].shape[1] for one in shown
    )
    garment, person = item.masks()
    assert (person | ~garment).all() and 0 < garment.sum() < person.sum()


def test_classes_are_picked_alike_except_for_very_rare_ones():
    targets = torch.zeros(200, 11)
    targets[:150, 0] = targets[150:198, 5] = targets[198:, 7] = 1
    weights = Pool(torch.zeros(200, 1, 1), targets).weights()
    shares = [weights[targets.argmax(1) == label].sum().item() for label in (0, 5, 7)]
    assert shares == pytest.approx([1, 1, 2 / (0.03 * 200)])
