"""`vggcore.wild.icons`: the sheet, its list and the authors belong together."""

from collections import Counter

import numpy as np

from vggcore.wild import icons, items, pools


def test_every_icon_has_a_cell_with_ink_on_white():
    loaded = icons.load()
    assert [icon for icon, _ in loaded] == icons.names() and len(loaded) > 500
    for icon, pixels in loaded:
        assert pixels.shape == (icons.SIDE, icons.SIDE) and pixels.dtype == np.uint8, icon
        assert (pixels[0] == 255).all() and (pixels < 240).mean() > 0.01, icon


def test_icons_are_told_apart():
    assert len(set(icons.names())) == len(icons.names())
    pictures = {pixels.tobytes() for _, pixels in icons.load()}
    assert len(pictures) == len(icons.names())


def test_the_table_names_every_author_and_licence():
    text = (icons.FOLDER / "README.md").read_text()
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| [")]
    assert all(author.strip() and licence.strip() for _, _, author, licence in rows)
    counted = Counter(icon.set for icon in icons.names())
    assert sorted(int(count) for _, count, _, _ in rows) == sorted(counted.values())


def test_icons_are_drawings_of_our_classes_to_train_on():
    found = items.icon_items()
    folders = {item.folder for item in found}
    assert folders == {*items.FOLDER_OF.values(), "footwear_other"} and {
        item.kind for item in found
    } == {"sketches"}
    bag = next(item for item in found if item.folder == "bag")
    assert items.target_of(bag).nonzero()[0].tolist() == [8]
    assert bag.picture().mode == "RGB" and bag.picture().size == (icons.SIDE, icons.SIDE)
    heel = next(item for item in found if item.folder == "footwear_other")
    assert (items.target_of(heel) == 1).nonzero()[0].tolist() == [5, 7, 9]


def test_each_icon_is_trained_on_in_several_forms(monkeypatch):
    monkeypatch.setattr(items.icons, "load", icons_of_two_classes)
    pool = pools._pool(pools._sketches(items.icon_items(), seed=0), 32, "outline")
    variants = pools._VARIANTS["icons"]
    assert pool.images.shape == (2 * variants, 32, 32)
    assert pool.targets.argmax(1).tolist() == [3] * variants + [8] * variants
    assert len({image.numpy().tobytes() for image in pool.images}) > variants


def icons_of_two_classes():
    ink = np.full((icons.SIDE, icons.SIDE), 255, np.uint8)
    ink[30:100, 40:90] = 0
    return [(icons.Icon("set", folder, folder), ink) for folder in ("dress", "bag")]
