"""Photos of streets: where garments that people wear come from, and what is behind them."""

import pytest
import torch

from vggcore.wild import pools
from vggcore.wild.items import SOURCES, STREETS, WORN, Item


def streets_and_things() -> list[Item]:
    return [Item("not-garments", folder, f"{n:04}_0.jpg", "") for n in range(60)
            for folder in (STREETS, "photos-things")]  # fmt: skip


def test_no_street_is_shown_where_worn_garments_are_held_out(monkeypatch):
    monkeypatch.setattr(pools, "not_garment_photos", streets_and_things)
    monkeypatch.setattr(pools, "trained_photo", lambda item: True)
    without = tuple(source for source in SOURCES if source != WORN)

    trained = pools._other_photos(SOURCES)

    assert {item.folder for item in trained} == {STREETS, "photos-things"}
    assert {item.folder for item in pools._other_photos(without)} == {"photos-things"}
    # Nor is the street behind a held-out person.
    streets = {item.name for item in trained if item.folder == STREETS}
    held_out = {
        f"{n:04}_0.jpg" for n in range(60) if Item(WORN, "bag", f"{n:04}_bag.jpg", "").held_out
    }
    assert 0 < len(held_out) < 20
    assert not streets & held_out and len(streets) == 60 - len(held_out)


@pytest.mark.parametrize("name", ["none-photos", "worn"])
def test_a_training_without_worn_garments_has_pools_of_its_own(name, monkeypatch):
    monkeypatch.setattr(pools, "build_pool", lambda name, size, seed, sources, colour: pools.Pool(
        torch.full((1, size, size), len(sources), dtype=torch.uint8), torch.ones(1, 11)
    ))  # fmt: skip
    without = tuple(source for source in SOURCES if source != WORN)

    first, own, again = (
        pools.cached_pool(name, 8, 0, which) for which in (SOURCES, without, SOURCES)
    )

    assert not torch.equal(first.images, own.images) and torch.equal(first.images, again.images)
