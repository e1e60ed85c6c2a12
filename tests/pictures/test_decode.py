"""Decoding pictures from strangers."""

import io
import struct
import zlib

import numpy as np
import pytest
from picture_files import ALLOWED, ORIENTATION, REFUSED, encoded, garment, transparent_png
from PIL import Image

from vggcore.pictures import decode
from vggcore.pictures.decode import MAX_BYTES, WORKING_SIDE, ImageError, open_image


@pytest.mark.parametrize("name", ALLOWED)
def test_every_allowed_form_opens_as_plain_rgb(name):
    picture = open_image(ALLOWED[name])

    assert picture.mode == "RGB" and not picture.info
    grey = np.asarray(picture.convert("L"))
    middle, corner = grey[len(grey) // 2, grey.shape[1] // 2], grey[-3, -3]
    assert middle < 90 and corner > 220


@pytest.mark.parametrize("name", REFUSED)
def test_everything_else_is_refused_in_one_line(name):
    data, reason = REFUSED[name]

    with pytest.raises(ImageError, match=reason) as refusal:
        open_image(data)

    assert "\n" not in str(refusal.value)


def test_a_phone_photo_is_set_upright_and_loses_its_metadata():
    picture = open_image(ALLOWED["rotated.jpg"])

    assert picture.size == garment().size
    assert picture.getpixel((3, 3))[0] > 200 > 60 > picture.getpixel((3, 3))[1]
    assert not picture.getexif()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20)).convert("RGB")
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Pillow Transpose that stores it so
    stored = upright if orientation == 1 else upright.transpose(undo[orientation])

    picture = open_image(encoded(stored, "PNG", exif=exif))

    assert np.array_equal(np.asarray(picture), np.asarray(upright))


def test_damaged_exif_data_do_not_cost_the_picture():
    exif = b"Exif\x00\x00MM\x00*\x00\x00\xff\xff garbage"

    picture = open_image(encoded(garment(), "JPEG", exif=exif))

    assert picture.size == garment().size


def test_an_animation_gives_its_first_frame():
    red, green, blue = open_image(ALLOWED["animated.gif"]).getpixel((50, 100))

    assert (red, green, blue) == (255, 255, 255)  # the second frame is blue


def test_transparency_becomes_a_background_on_which_the_garment_shows():
    dark = open_image(transparent_png((20, 20, 20, 255)))
    pale = open_image(transparent_png((250, 250, 250, 255)))

    assert dark.getpixel((2, 2)) == (255, 255, 255)
    assert pale.getpixel((2, 2)) == (0, 0, 0)


def test_a_large_photo_comes_out_at_working_size():
    photo = Image.linear_gradient("L").resize((3000, 2000)).convert("RGB")

    assert open_image(encoded(photo, "JPEG")).size == (1024, 683)
    assert open_image(encoded(photo, "PNG"), max_side=300).size == (300, 200)


def test_files_are_read_and_a_missing_one_is_named_a_cause(tmp_path):
    file = tmp_path / "garment.png"
    file.write_bytes(ALLOWED["garment.png"])

    assert open_image(file).size == garment().size
    with pytest.raises(ImageError, match="No such file"):
        open_image(tmp_path / "missing.png")


def test_a_file_over_the_limit_is_refused_unread():
    with pytest.raises(ImageError, match="larger than"):
        open_image(ALLOWED["garment.bmp"] + bytes(MAX_BYTES))


def test_a_progressive_jpeg_with_endless_scans_is_refused():
    data = ALLOWED["progressive.jpg"]
    scan = data.rindex(b"\xff\xda")

    with pytest.raises(ImageError, match="scans"):
        open_image(data[:scan] + data[scan:-2] * 50 + b"\xff\xd9")


def test_what_a_phone_appends_to_a_jpeg_is_not_looked_at():
    photo = ALLOWED["garment.jpg"]

    picture = open_image(photo + b"\xff\xda film " * 1000)

    assert picture.size == garment().size


def test_endless_markers_between_scans_are_refused():
    photo = ALLOWED["garment.jpg"]

    with pytest.raises(ImageError, match="scans"):
        open_image(photo[:-2] + b"\xff\x01" * 5000 + b"\xff\xd9")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_strip_of_a_picture_opens(kind):
    picture = open_image(encoded(Image.new("RGB", (20_000, 8), "white"), kind))

    assert picture.width <= WORKING_SIDE and picture.height == 1


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
    ],
)
def test_what_scanners_save_is_named(start, kind):
    with pytest.raises(ImageError, match=f"this is a {kind} picture.*save it as JPEG"):
        open_image(start + bytes(200))


PHONES = {  # first bytes of what phones save, by the kind that Pillow names
    "HEIF": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
}


@pytest.mark.parametrize("kind", PHONES)
def test_what_phones_save_is_read_where_there_is_a_decoder(kind, monkeypatch):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    elif "AVIF" not in decode.FORMATS:
        pytest.skip("this Pillow reads no AVIF")
    picture = open_image(encoded(garment(), kind, quality=90))
    assert picture.size == garment().size and picture.mode == "RGB"
    assert picture.getpixel((48, 60))[2] < 120 < picture.getpixel((48, 10))[2]
    with pytest.raises(ImageError, match="damaged"):
        open_image(PHONES[kind] + bytes(200))
    monkeypatch.setitem(decode.MAX_PIXELS, kind, 1000)
    with pytest.raises(ImageError, match="too many pixels"):
        open_image(encoded(garment(), kind))


@pytest.mark.parametrize("kind", PHONES)
def test_what_phones_save_is_named_where_there_is_no_decoder(kind, monkeypatch):
    monkeypatch.setattr(decode, "FORMATS", ("PNG", "JPEG"))
    monkeypatch.setattr(decode, "_HEIC", False)
    name = "HEIC" if kind == "HEIF" else kind
    with pytest.raises(ImageError, match=f"this is a {name} picture.*save it as JPEG"):
        open_image(PHONES[kind] + bytes(200))


def test_a_turned_avif_is_set_upright():
    if "AVIF" not in decode.FORMATS:
        pytest.skip("this Pillow reads no AVIF")
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    lying = garment().transpose(Image.Transpose.ROTATE_90)
    picture = open_image(encoded(lying, "AVIF", exif=exif, quality=90))
    assert picture.size == garment().size and picture.getpixel((2, 2))[0] > 200


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_grey_levels_in_files_of_16_bits(bits):
    levels = np.linspace(0, (1 << bits) - 1, 400).reshape(20, 20).astype(np.uint16)
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "PNG")

    seen = np.asarray(open_image(stream.getvalue()))

    assert seen.min() == 0 and seen.max() == 255


def png_of_16_bits(levels: np.ndarray, kind: int) -> bytes:
    """As PNG's colour type `kind`; Pillow writes none with colours."""
    height, width = levels.shape[:2]
    rows = np.insert(levels.astype(">u2").reshape(height, -1).view(np.uint8), 0, 0, axis=1)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0),
        b"IDAT": zlib.compress(rows.tobytes()),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts.items()
    )


@pytest.mark.parametrize("side", [20, 600])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_colours_in_files_of_16_bits(kind, channels, bits, side):
    most = (1 << bits) - 1
    levels = np.linspace(0, most, side * side).reshape(side, side, 1).repeat(channels, 2)
    levels = levels.astype(np.uint16)
    if kind != 2:
        levels[..., -1] = most  # opaque

    seen = np.asarray(open_image(png_of_16_bits(levels, kind), max_side=100))

    expected = np.asarray(
        open_image(
            encoded(Image.fromarray((levels[..., 0] >> (bits - 8)).astype(np.uint8)), "PNG"),
            max_side=100,
        )
    )
    assert (seen == expected).all() and seen.max() >= 250
