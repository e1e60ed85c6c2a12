"""Pools: made of real pictures and made-up ones, the same every time."""

import pytest
import torch

from vggcore.data import fashion_mnist
from vggcore.wild import items, pools
from vggcore.wild.items import NONE
from vggcore.wild.source import SHARES

pytestmark = [pytest.mark.garments, pytest.mark.data]


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    """Every 180th real picture, 300 images of Fashion-MNIST, and a few made-up ones."""
    some = [item for item in items.development_items() if not item.held_out][::180]
    icons, others = items.icon_items()[::60], items.not_garments()[::200]
    load_split = fashion_mnist.load_split
    monkeypatch.setattr(pools, "development_items", lambda sources: some)
    monkeypatch.setattr(pools, "icon_items", lambda: icons)
    monkeypatch.setattr(pools, "not_garments", lambda: others)
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
    assert ((pool.targets[:, NONE] == 1) == (name == "none")).all()


def test_rare_classes_are_picked_more_often():
    pool = pools.build_pool("photos", 32, seed=0)

    weights, first = pool.weights(), pool.targets.argmax(1)

    counts = torch.bincount(first)
    rare, common = counts[counts > 0].argmin(), counts.argmax()
    chosen = counts.nonzero().squeeze(1)[rare]
    assert weights[first == chosen].max() >= weights[first == common].max()
