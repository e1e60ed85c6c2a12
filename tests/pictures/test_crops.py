"""`vggcore.pictures.crops`: the box that a visitor draws, and the parts of a person."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from vggcore.pictures.crops import Box, looks_like_skin, parts_of_a_person

SKIN = (224, 172, 125)


def person(background=(90, 120, 150)) -> Image.Image:
    """Head, shirt, trousers and shoes, one above the other, on a noisy background."""
    noise = np.random.default_rng(0).normal(0, 4, (300, 200, 3))
    picture = Image.fromarray(np.clip(np.array(background) + noise, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse([82, 20, 118, 62], SKIN)
    draw.rectangle([70, 62, 130, 150], (200, 30, 40))
    draw.rectangle([60, 70, 70, 130], SKIN)
    draw.rectangle([76, 150, 124, 265], (20, 30, 90))
    draw.rectangle([70, 265, 130, 285], (30, 30, 30))
    return picture


def test_a_box_is_cut_from_the_picture():
    picture = Image.new("RGB", (100, 50), "white")
    assert Box.parse("10,5,40,30").of(picture).size == (40, 30)
    assert Box.parse("80, 20, 40, 100").of(picture).size == (20, 30)  # the part inside the picture


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "-1,0,40,40", "0,0,5,40", "1,2,3,4,5"])
def test_what_is_no_box_is_refused(text):
    with pytest.raises(ValueError, match="X"):
        Box.parse(text)


def test_a_box_beside_the_picture_is_refused_with_the_pictures_size():
    with pytest.raises(ValueError, match="100×50"):
        Box.parse("95,0,40,40").of(Image.new("RGB", (100, 50)))


def test_a_person_has_parts_from_top_to_bottom():
    parts = parts_of_a_person(person())
    assert list(parts) == ["Upper body", "Legs", "Shoes"]
    upper, legs, shoes = (box.top + box.height / 2 for box in parts.values())
    assert 80 < upper < 140 and 170 < legs < 240 and 250 < shoes < 290
    assert all(
        box.left + box.width <= 200 and box.top + box.height <= 300 for box in parts.values()
    )


def test_without_skin_or_height_there_is_no_person():
    trousers = Image.new("RGB", (200, 300), (240, 240, 240))
    ImageDraw.Draw(trousers).rectangle([60, 20, 140, 280], (20, 30, 90))
    assert parts_of_a_person(trousers) == {}
    assert parts_of_a_person(person().rotate(90, expand=True)) == {}
    assert parts_of_a_person(Image.new("RGB", (200, 300), "white")) == {}


def test_skin_of_any_tone_is_found_and_cloth_is_not():
    tones = np.array([[(255, 224, 196), SKIN, (160, 110, 75), (92, 60, 42)]], np.float32)
    cloth = np.array([[(255, 255, 255), (20, 30, 90), (30, 160, 60), (0, 0, 0)]], np.float32)
    assert looks_like_skin(tones).all() and not looks_like_skin(cloth).any()
