"""`prepare`: pictures end bright on black, trimmed and centred, whatever they were at first."""

import numpy as np
import pytest
from PIL import Image

from vggcore.pictures.prepare import prepare, style_for, takes_whole


def shirt(background: int, cloth: int, side: int = 200) -> np.ndarray:
    """A plain T-shape on a plain background, off centre: uint8 [side, side, 3]."""
    picture = np.full((side, side, 3), background, np.uint8)
    picture[60:90, 30:130] = cloth
    picture[90:150, 55:105] = cloth
    return picture


@pytest.mark.parametrize(("background", "cloth"), [(250, 30), (20, 220), (120, 160)])
def test_polarity_and_place_do_not_matter(background, cloth):
    prepared = prepare(shirt(background, cloth))
    image = prepared.network_input
    rows, columns = (image > 128).nonzero()
    assert image.shape == (64, 64) and image.dtype == np.uint8
    assert image[0, 0] == 0 and image[20, 32] > 200
    assert (columns.min(), columns.max()) == (4, 59)  # fills the frame except its margin
    assert abs((rows.min() + rows.max()) / 2 - 31.5) <= 1
    assert prepared.inverted == (cloth < background) and prepared.cropped and not prepared.blank


def test_colour_alone_separates_a_garment():
    picture = np.full((100, 100, 3), (200, 60, 60), np.uint8)  # red and green of the same grey
    picture[30:70, 30:70] = (30, 147, 60)
    image = prepare(picture).network_input
    assert image[32, 32] > 200 and image[1, 1] == 0


def test_uneven_light_is_taken_out():
    ramp = np.linspace(120, 250, 200).astype(np.uint8)
    picture = np.broadcast_to(ramp[None, :, None], (200, 200, 3)).copy()
    picture[70:130, 80:120] //= 3
    image = prepare(picture).network_input
    assert image[32, 32] > 150
    assert image[:, :8].max() < 40 and image[:, -8:].max() < 40


def test_thin_and_thick_pens_end_alike():
    def outline(pen):
        sheet = np.full((256, 256), 255, np.uint8)
        sheet[50:200, 60:190] = 0
        sheet[50 + pen : 200 - pen, 60 + pen : 190 - pen] = 255
        return prepare(sheet).network_input

    thin, thick = outline(1), outline(8)
    assert thin.max() > 150 and thick.max() > 200
    assert thin[32, 32] == 0 and thick[32, 32] == 0
    assert (thin > 60).sum() > 150  # the thin line has survived the downscaling


def test_a_fashion_mnist_image_stays_itself():
    image = np.zeros((28, 28), np.uint8)
    image[2:26] = np.linspace(60, 255, 28).astype(np.uint8)  # reaches the border on both sides
    same = prepare(image, 28, "fashion-mnist").network_input
    larger = prepare(image, 64, "outline").network_input
    assert np.abs(same.astype(int) - image).max() <= 12
    assert larger[32, 58] > larger[32, 20] > 60


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_picture_is_called_blank(value):
    prepared = prepare(np.full((64, 80, 3), value, np.uint8))
    assert prepared.blank and not prepared.cropped
    assert prepared.network_input.max() == 0


def test_overrides_change_what_they_name():
    picture = shirt(128, 20)
    picture[10:30, 10:190] = 250  # something brighter than the background, besides the dark shirt
    darker = prepare(picture, invert="yes").network_input
    brighter = prepare(picture, invert="no").network_input
    whole = prepare(picture, crop="off").network_input
    kept = prepare(picture, background="keep", crop="off").network_input
    assert darker[40, 32] > 200 and brighter[40, 32] < 50
    assert whole[9, 32] > 200 and kept[9, 32] < 50  # bright, on a background made dark
    assert kept[50, 6] > 50 and whole[50, 6] == 0


def test_a_restless_background_does_not_hide_what_stands_out_from_it():
    rng = np.random.default_rng(0)
    picture = np.clip(rng.normal(200, 16, (128, 128, 1)), 0, 255).repeat(3, 2).astype(np.uint8)
    picture[40:100, 45:85] = 130  # 70 grey levels off; 3 × the background's own spread is more

    prepared = prepare(picture)

    assert not prepared.blank and prepared.cropped
    assert prepared.network_input[20:44, 24:40].mean() > 150


def test_darker_and_brighter_decide_what_is_cut_out():
    picture = np.full((128, 128), 130, np.uint8)
    picture[5:30, 5:115], picture[60:100, 50:75] = 250, 60

    dark, bright = (prepare(picture, invert=invert).steps[2][1] for invert in ("yes", "no"))

    assert dark.shape == (40, 25) and bright.shape == (25, 110)


def test_steps_end_with_the_network_input():
    prepared = prepare(Image.fromarray(shirt(250, 30)))
    names = [name for name, _ in prepared.steps]
    assert names == ["picture", "against its background", "cut out", "network input"]
    assert all(image.dtype == np.uint8 for _, image in prepared.steps)
    assert prepared.steps[-1][1] is prepared.network_input


@pytest.mark.parametrize(
    ("channels", "whole", "style"),
    [
        (1, False, "outline"),
        (3, False, "colour"),
        (4, False, "colour-outline"),
        (3, True, "picture"),
        (1, True, "grey-picture"),
    ],
)
def test_each_kind_of_network_has_its_style(channels, whole, style):
    assert style_for(channels, whole) == style and takes_whole(style) is whole
    image = prepare(shirt(250, 30), style=style).network_input
    assert image.shape == ((64, 64) if channels == 1 else (64, 64, channels))


@pytest.mark.parametrize("style", ["picture", "grey-picture"])
@pytest.mark.parametrize(("difference", "blank"), [(0, True), (9, True), (11, False)])
def test_a_whole_picture_is_blank_if_it_has_one_shade(style, difference, blank):
    picture = np.full((40, 40, 3), 100, np.uint8)
    picture[:20] += difference

    prepared = prepare(picture, 40, style)

    assert prepared.blank is blank and not prepared.cropped


def test_the_same_picture_gives_the_same_bytes():
    noise = np.random.default_rng(0).integers(0, 255, (150, 90, 3)).astype(np.uint8)
    assert np.array_equal(prepare(noise).network_input, prepare(noise).network_input)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2, 3), (5, 5, 3), (28, 28)])
def test_odd_shapes_are_handled(shape):
    picture = np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8)
    assert prepare(picture).network_input.shape == (64, 64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"invert": "maybe"}, "invert"),
        ({"crop": "on"}, "crop"),
        ({"background": ""}, "background"),
        ({"style": "wlid"}, "style"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=f"unknown {message}"):
        prepare(shirt(250, 30), **options)


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4), np.float32), np.zeros(9, np.uint8), np.zeros((0, 5), np.uint8)]
)
def test_arrays_that_are_no_picture_are_refused(picture):
    with pytest.raises(ValueError, match="a picture is a uint8 array"):
        prepare(picture)


def test_what_is_no_picture_at_all_is_refused():
    with pytest.raises(ValueError, match="not str"):
        prepare("shirt.png")


@pytest.mark.parametrize("hidden", [0, 200])
def test_colours_under_transparent_pixels_are_not_seen(hidden):
    """Editors leave anything there; only the garment shows."""
    opaque = shirt(255, 30)
    shown = np.where(opaque[..., :1] == 30, 255, 0).astype(np.uint8)
    under = np.where(shown == 255, opaque, np.uint8(hidden))
    under[:40, :40] = 99
    cut_out = Image.fromarray(np.dstack([under, shown]))
    assert (prepare(cut_out).network_input == prepare(opaque).network_input).all()


def framed_photo(edges: tuple[int, int, int, int], colour: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo on a grainy background, and the same inside edges (top, bottom, left, right)."""
    grain = np.random.default_rng(0).normal(0, 3, (200, 160, 1))
    photo = np.full((200, 160, 3), 170.0)
    photo[50:150, 50:110] = (40, 60, 120)
    photo = np.clip(photo + grain, 0, 255).astype(np.uint8)
    top, bottom, left, right = edges
    widths = ((top, bottom), (left, right), (0, 0))
    return photo, np.pad(photo, widths, constant_values=colour)


@pytest.mark.parametrize(
    ("edges", "colour"),
    [((4, 4, 4, 4), 0), ((20, 20, 16, 16), 255), ((0, 0, 90, 90), 0), ((60, 60, 0, 0), 255)],
)
def test_a_frame_or_bars_around_a_photo_come_off_first(edges, colour):
    photo, framed = framed_photo(edges, colour)

    plain, inside = (prepare(picture).network_input for picture in (photo, framed))

    assert np.abs(plain.astype(int) - inside).mean() < 8


@pytest.mark.parametrize("background", [0, 255])
def test_a_garment_that_reaches_two_edges_is_no_photo_between_bars(background):
    bag = np.full((28, 28), 0, np.uint8)
    bag[8:24, :] = 180
    larger = np.asarray(Image.fromarray(bag).resize((224, 224)))
    larger = larger if background == 0 else 255 - larger

    prepared = prepare(larger)

    assert prepared.network_input[34, 32] > 60 and prepared.network_input[8, 32] < 20


def test_a_small_garment_in_a_large_picture_is_cut_from_the_original():
    picture = np.full((2400, 2400, 3), 250, np.uint8)
    picture[1100:1300, 1100:1300] = 30
    for top in range(1100, 1300, 20):  # stripes that the small copy cannot show
        picture[top : top + 8, 1100:1300] = 250
    image = prepare(Image.fromarray(picture)).network_input

    rows = image[8:56, 32].astype(int)

    assert rows.max() - rows.min() > 120


def test_in_colour_the_picture_lies_under_its_outline():
    picture = np.full((90, 120, 3), (230, 230, 60), np.uint8)
    picture[20:70, 40:80] = (200, 30, 40)
    grey = prepare(picture, 32).network_input
    both = prepare(picture, 32, "colour-outline").network_input
    seen = prepare(picture, 32, "colour").network_input
    assert both.shape == (32, 32, 4) and np.array_equal(both[..., 3], grey)
    assert np.array_equal(both[..., :3], seen)
    assert np.abs(seen[16, 16].astype(int) - (200, 30, 40)).max() < 4
    assert np.abs(seen[16, 1].astype(int) - (230, 230, 60)).max() < 4  # what is beside the garment


def test_beyond_the_picture_its_background_goes_on():
    picture = np.full((120, 40, 3), (60, 90, 200), np.uint8)
    picture[10:110, 2:38] = 250
    seen = prepare(picture, 32, "colour").network_input
    assert np.abs(seen[16, 0].astype(int) - (60, 90, 200)).max() < 6


def test_a_blank_picture_in_colour_stays_what_it_is():
    seen = prepare(np.full((50, 50, 3), 128, np.uint8), 32, "colour-outline")
    assert seen.blank and (seen.network_input[..., :3] == 128).all()
    assert not seen.network_input[..., 3].any()


def test_drawings_are_told_from_photos():
    line = np.full((100, 100), 255, np.uint8)
    line[20:80, 30:34] = line[20:80, 66:70] = line[20:24, 30:70] = 0
    assert prepare(line).drawn and prepare(255 - line).drawn
    rng = np.random.default_rng(0)
    paper = np.clip(line * 0.7 + 40 + rng.normal(0, 2, line.shape), 0, 255).astype(np.uint8)
    assert prepare(paper).drawn  # pencil on paper, photographed
    photo = rng.integers(90, 140, (100, 100, 3)).astype(np.uint8)
    photo[20:80, 30:70] = rng.integers(0, 255, (60, 40, 3))
    assert not prepare(photo).drawn


def photo() -> np.ndarray:
    """A red shirt in front of something restless."""
    rng = np.random.default_rng(0)
    picture = rng.integers(90, 170, (200, 160, 3)).astype(np.uint8)
    picture[50:150, 50:110] = (200, 30, 40)
    return picture


def test_of_a_photo_the_middle_can_be_prepared_too():
    prepared = prepare(photo(), style="colour-outline", middle=0.8)

    within = prepare(photo()[20:180, 16:144], style="colour-outline")
    assert prepared.middle is not None
    assert np.array_equal(prepared.middle, within.network_input)
    assert len(prepared.inputs) == 2 and prepared.inputs[0] is prepared.network_input
    assert not np.array_equal(prepared.middle, prepared.network_input)


@pytest.mark.parametrize(
    ("picture", "options"),
    [
        (shirt(255, 30), {"middle": 0.8}),  # drawn
        (photo(), {"middle": 0.8, "crop": "off"}),
        (photo(), {}),
        (np.full((90, 90, 3), 200, np.uint8), {"middle": 0.8}),
    ],
)
def test_elsewhere_the_whole_is_all_there_is(picture, options):
    prepared = prepare(picture, style="colour-outline", **options)

    assert prepared.middle is None and len(prepared.inputs) == 1


@pytest.mark.parametrize("shape", [(2, 300), (300, 2), (4, 60)])
def test_the_middle_of_a_narrow_picture_is_no_trouble(shape):
    picture = np.random.default_rng(1).integers(0, 255, (*shape, 3)).astype(np.uint8)

    for seen in prepare(picture, style="colour-outline", middle=0.2).inputs:
        assert seen.shape == (64, 64, 4)


def test_a_middle_in_which_nothing_stands_out_is_left_out():
    picture = photo()
    picture[60:140, 40:120] = (200, 30, 40)

    assert prepare(picture, style="colour-outline", middle=0.3).middle is None
