"""`vggcore.pictures.objects`: what stands apart in a picture."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from vggcore.pictures import objects


def photo(width=200, height=240, seed=0) -> Image.Image:
    """A red shirt on a busy blue background that fills the picture."""
    noise = np.random.default_rng(seed).normal(0, 25, (height, width, 3))
    picture = Image.fromarray(np.clip(noise + (60, 80, 130), 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    pen.rectangle([width // 4, height // 4, 3 * width // 4, 3 * height // 4], (190, 40, 50))
    return picture


def shirt_on(page: Image.Image, left: int, top: int, side: int = 160) -> None:
    pen = ImageDraw.Draw(page)
    pen.rectangle([left + side // 4, top, left + 3 * side // 4, top + side], (40, 60, 120))
    pen.rectangle([left, top, left + side, top + side // 3], (40, 60, 120))


def page_with_texts(width=400, height=800) -> Image.Image:
    page = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(page)
    pen.text((20, 10), "9:41", "black", font_size=16)
    for row in range(5):
        pen.text((20, 560 + 24 * row), "Soft and light, in many sizes and colours", "black")
    pen.rounded_rectangle([20, 720, width - 20, 760], 18, fill="black")
    return page


def test_a_photo_on_a_shops_page_is_found():
    page = page_with_texts()
    page.paste(photo(), (100, 150))

    found = objects.find(page)

    assert not found.several
    assert np.allclose(found.main, (100, 150, 200, 240), atol=10)


def test_a_garment_on_a_shops_page_is_found_without_its_texts():
    page = page_with_texts()
    shirt_on(page, 120, 200)

    left, top, width, height = objects.find(page).main

    assert left <= 120 and top <= 200 and left + width >= 280 and top + height >= 360
    assert top + height < 540 and height < 230


def test_an_image_between_the_axes_of_a_plot_is_found():
    page = Image.new("RGB", (640, 480), "white")
    page.paste(photo(360, 360), (140, 60))
    pen = ImageDraw.Draw(page)
    pen.rectangle([139, 59, 500, 420], outline="black")
    for tick in range(150, 500, 60):
        pen.line([tick, 420, tick, 426], "black")
        pen.text((tick - 6, 432), "15", "black", font_size=13)

    assert np.allclose(objects.find(page).main, (139, 59, 362, 362), atol=8)


def test_two_garments_side_by_side_are_offered_from_left_to_right():
    page = Image.new("RGB", (500, 240), "white")
    shirt_on(page, 40, 40)
    shirt_on(page, 300, 30)

    left, right = objects.find(page).several

    assert left.left <= 40 and left.left + left.width < 260
    assert right.left > 260 and right.left + right.width >= 460


@pytest.mark.parametrize("stacked", [False, True])
def test_the_halves_of_a_collage_are_offered(stacked):
    first, second = photo(), Image.new("RGB", (200, 240), (225, 220, 200))
    shirt_on(second, 20, 40)
    size = (200, 480) if stacked else (400, 240)
    collage = Image.new("RGB", size)
    collage.paste(first, (0, 0))
    collage.paste(second, (0, 240) if stacked else (200, 0))

    found = objects.find(collage).several

    assert len(found) == 2
    assert np.allclose(found[1][:2], (0, 240) if stacked else (200, 0), atol=6)


def test_one_garment_is_one_thing():
    plain = Image.new("RGB", (300, 300), (235, 235, 235))
    shirt_on(plain, 60, 60)
    trousers = Image.new("RGB", (300, 300), "white")  # two legs in two strokes
    ImageDraw.Draw(trousers).line([100, 20, 90, 280], "black", 6)
    ImageDraw.Draw(trousers).line([200, 20, 210, 280], "black", 6)

    for picture in (plain, trousers, photo(), Image.new("RGB", (300, 300)), photo(40, 40)):
        assert objects.find(picture) == objects.Things()


def test_a_mask_is_cut_at_its_gaps():
    mask = np.zeros((60, 60), bool)
    mask[5:20, 5:20] = mask[5:20, 40:55] = mask[40:50, 5:55] = True

    found = [tuple(part) for part in objects.apart(mask, 5)]

    assert found == [(5, 20, 5, 20), (5, 20, 40, 55), (40, 50, 5, 55)]
    assert [tuple(part) for part in objects.apart(mask, 25)] == [(5, 50, 5, 55)]
    assert objects.apart(np.zeros((9, 9), bool), 2) == []
