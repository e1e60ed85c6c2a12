"""`vggcore.wild.scenes`: what is drawn for training looks like what it should show."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from vggcore.data.classes import CLASSES
from vggcore.pictures.prepare import prepare
from vggcore.wild import cutouts, drawings, no_garments, scenes, shapes, shoes


def block() -> np.ndarray:
    """A grey rectangle with a white patch (black here) inside: uint8 [28, 28]."""
    garment = np.zeros((28, 28), np.uint8)
    garment[4:24, 8:20] = 180
    garment[10:14, 12:16] = 0
    return garment


def test_holes_belong_to_garments_but_not_to_bags():
    coat = cutouts.silhouette(block(), shapes.COAT)
    bag = cutouts.silhouette(block(), shapes.BAG)
    assert coat[4:24, 8:20].all() and coat.sum() == 240
    assert not bag[10:14, 12:16].any() and bag.sum() == 224


def test_the_outline_walks_around_the_silhouette():
    (line,) = cutouts.contours(cutouts.silhouette(block(), shapes.COAT))
    assert np.array_equal(line[0], line[-1])
    assert line.min(axis=0) * 28 == pytest.approx([8.5, 4.5])
    assert line.max(axis=0) * 28 == pytest.approx([19.5, 23.5])
    assert len(cutouts.simplified(line, 0.02)) <= 7  # four corners and the fixed points


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_templates_stay_near_the_unit_square(label):
    for seed in range(20):
        outline, lines = shapes.template(np.random.default_rng(seed), label)
        points = np.vstack([outline, *lines])
        assert np.isfinite(points).all() and np.abs(points - 0.5).max() < 1.2
        ends = outline[[0, -1]]
        open_shaft = label in (shapes.SNEAKER, shapes.ANKLE_BOOT) and np.allclose(ends[:, 1], 0)
        assert np.allclose(*ends) or open_shaft


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_scenes_and_drawings_are_pictures_with_content(label):
    for seed in range(4):
        rng = np.random.default_rng((label, seed))
        outline, lines = shapes.template(rng, label)
        garment = cutouts.of_fashion_mnist(block(), label)
        for image in (scenes.scene(rng, garment), drawings.drawing(rng, outline, lines)):
            assert image.mode == "RGB" and 40 < min(image.size) < 250
            assert np.asarray(image).std() > 1


@pytest.mark.parametrize("label", range(10), ids=CLASSES)
def test_made_up_garments_fill_their_frame_and_have_shading(label):
    for seed in range(20):
        shade, mask = shapes.sewn(np.random.default_rng(seed), label)
        rows, columns = mask.nonzero()
        assert shade.shape == mask.shape == (shapes.SEWN_SIDE, shapes.SEWN_SIDE)
        assert max(np.ptp(rows), np.ptp(columns)) > 0.7 * shapes.SEWN_SIDE
        assert mask.mean() > 0.01 and shade[mask].std() > 0.5


@pytest.mark.parametrize("label", [shapes.SNEAKER, shapes.ANKLE_BOOT], ids=["sneaker", "boot"])
def test_closed_shoes_from_above_are_long_and_open_at_the_heel(label):
    for seed in range(20):
        outline, lines = shapes.template(np.random.default_rng(seed), label, from_above=1.0)
        width, length = np.ptp(outline, axis=0)
        opening = lines[0]
        assert length > 1.8 * width
        assert np.allclose(opening[0], opening[-1]) and opening[:, 1].mean() > 0.65
        assert (outline.min(axis=0) <= opening).all() and (opening <= outline.max(axis=0)).all()


def test_dresses_come_with_and_without_sleeves_and_waist():
    outlines = [shapes.template(np.random.default_rng(n), shapes.DRESS)[0] for n in range(60)]
    widths = [np.ptp(line[line[:, 1] < 0.24][:, 0]) for line in outlines]  # of the upper part
    skirts = [np.ptp(line[line[:, 1] > 0.75][:, 0]) for line in outlines]
    assert min(widths) < 0.32 and max(widths) > 0.5
    assert min(skirts) < 0.35 and max(skirts) > 0.7
    assert all(np.ptp(line[:, 1]) > 0.75 for line in outlines)


def test_a_pair_stands_side_by_side_in_the_same_cloth(monkeypatch):
    placed = []

    paste = scenes.Cutout.paste

    def recorded(cut, picture, left, top):
        if cut.cloth.any():  # not a shadow
            placed.append((left, cut.alpha.shape[1], cut.cloth.mean(axis=(0, 1))))
        paste(cut, picture, left, top)

    monkeypatch.setattr(scenes.Cutout, "paste", recorded)
    mask = np.zeros((60, 60), bool)
    mask[5:55, 22:38] = True  # longer than wide: seen from above
    shoe = cutouts.Garment(np.full((60, 60), 150, np.uint8), mask, shapes.SNEAKER)
    beside = []
    for seed in range(40):
        placed.clear()
        scenes.scene(np.random.default_rng(seed), shoe)
        if len(placed) == 2:
            (second, _, cloth), (first, width, same_cloth) = placed
            beside.append(second - first > 0.4 * width)
            assert cloth == pytest.approx(same_cloth, abs=3)
    assert sum(beside) >= 12 and np.mean(beside) > 0.7


def test_sandals_with_an_upper_show_the_background_behind_it_or_through_it():
    """A closed toe or a band, then nothing above the footbed: unlike a sneaker."""
    for seed in range(60):
        outline, straps = shoes.sandal_with_upper(np.random.default_rng(seed))
        size = 200
        drawn = Image.new("1", (size, size))
        place = [tuple(point) for point in (outline * 0.6 + [0.2, 0.2]) * size]
        ImageDraw.Draw(drawn).polygon(place, fill=1)
        mask = np.asarray(drawn)
        tall = mask.sum(0)[mask.any(0)]
        behind = tall[len(tall) * 55 // 100 : len(tall) * 70 // 100]
        assert behind.min() < 0.75 * tall[: len(tall) // 2].max(), seed
        assert np.allclose(outline[0], outline[-1])


def test_the_background_is_seen_under_the_strap_of_a_flip_flop(monkeypatch):
    monkeypatch.setattr(shapes, "template", lambda rng, *_, **__: shoes.flip_flop(rng))
    masks = [shapes.sewn(np.random.default_rng(seed), shapes.SANDAL)[1] for seed in range(40)]
    assert sum(cutouts.filled(mask).sum() > mask.sum() for mask in masks) > 24


def test_a_slip_on_is_low_and_has_no_laces():
    for seed in range(40):
        outline, lines = shoes.slip_on(np.random.default_rng(seed))
        assert np.ptp(outline[:, 1]) < 0.4 * np.ptp(outline[:, 0])
        assert len(lines) <= 3  # a sole's edge, elastic, a seam
    laced = [
        shoes.closed_shoe(np.random.default_rng(n), shapes.SNEAKER, 0.0)[1] for n in range(200)
    ]
    assert max(map(len, laced)) > 3


def test_shoes_lie_any_way_round_and_clothes_seldom():
    picture = np.arange(6 * 4 * 3).reshape(6, 4, 3)

    def turns(label: int) -> int:
        results = [scenes.turned(np.random.default_rng(n), picture, label) for n in range(200)]
        assert all(np.array_equal(np.sort(r, None), np.sort(picture, None)) for r in results)
        return sum(not np.array_equal(r, picture) for r in results)

    assert 55 < turns(shapes.SANDAL) < 105
    assert 2 < turns(shapes.COAT) < 25


def test_garments_are_cut_out_of_plain_photos_only():
    photo = np.full((120, 90, 3), 200, np.uint8)
    photo[30:100, 20:70] = (40, 60, 160)
    photo[50:70, 35:55] = 200  # a print in the background's colour belongs to the shirt
    shirt = cutouts.of_photo(Image.fromarray(photo), shapes.SHIRT)
    busy = np.random.default_rng(0).integers(0, 255, photo.shape, dtype=np.uint8)

    assert shirt.mask.mean() == pytest.approx(70 * 50 / (120 * 90), abs=0.03)
    assert shirt.shade.shape == shirt.mask.shape and shirt.label == shapes.SHIRT
    assert cutouts.of_photo(Image.fromarray(busy), shapes.SHIRT) is None


def test_drawings_can_be_found_on_their_paper():
    found = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        prepared = prepare(drawings.drawing(rng, *shapes.template(rng, shapes.TROUSER)))
        found += prepared.cropped and prepared.network_input.max() > 150
    assert found >= 27


def test_pencil_drawings_put_ink_on_the_garment_and_paper_around_it():
    garment = cutouts.of_fashion_mnist(block(), shapes.COAT)
    found, tall = 0, []
    for seed in range(40):
        drawn = drawings.pencil_drawing(np.random.default_rng(seed), garment)
        grey = np.asarray(drawn.convert("L"), np.float32)
        edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        rows, columns = (np.abs(grey - np.median(edge)) > 60).nonzero()
        found += len(rows) > 50
        if len(rows) > 50:
            tall.append(np.ptp(rows) > np.ptp(columns))
    assert found > 25 and np.mean(tall) > 0.9  # the block is 20 high and 12 wide


def test_pencil_drawings_show_what_is_on_the_garment():
    plain = np.full((60, 60), 150, np.uint8)
    striped = plain.copy()
    striped[::8] = striped[1::8] = 30
    mask = np.zeros((60, 60), bool)
    mask[5:55, 15:45] = True
    busier = 0
    for seed in range(20):
        drawn = [
            np.asarray(
                drawings.pencil_drawing(
                    np.random.default_rng(seed), cutouts.Garment(shade, mask, shapes.SHIRT)
                ).convert("L"),
                np.float32,
            )
            for shade in (plain, striped)
        ]
        busier += np.abs(drawn[1] - drawn[0]).mean() > 1
    assert busier >= 15


def test_sandals_from_above_point_anywhere_and_keep_their_straps():
    wide = 0
    for seed in range(60):
        sole, straps = shoes.sandal_from_above(np.random.default_rng(seed))
        width, length = np.ptp(sole, axis=0)
        wide += width > length
        low, high = np.vstack([sole, *straps]).min(axis=0), np.vstack([sole, *straps]).max(axis=0)
        assert straps and (high - low).max() < 1.8
    assert 5 < wide < 40


def test_the_same_state_draws_the_same_picture():
    images = [
        [np.asarray(no_garments.no_garment(np.random.default_rng(seed))) for seed in range(12)]
        for _ in range(2)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(*images, strict=True))
