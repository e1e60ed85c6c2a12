"""`wild.tiny_imagenet`: which kinds of photos are trained on, from a small zip of the same form."""

import io
import zipfile

import pytest
from PIL import Image

from vggcore.data.raw_files import DataMissing
from vggcore.wild import items, tiny_imagenet

KINDS = {
    "n1_sandal": 20, "n2_cardigan": 2, "n3_fur_coat": 2, "n4_backpack": 2, "n5_kimono": 2,
    "n6_bow_tie": 2, "n7_goldfish": 2, "n8_snail": 2,
}  # fmt: skip


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path))
    (tmp_path / "garments-dev").mkdir()
    file = tmp_path / tiny_imagenet.FILE
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for kind, count in KINDS.items():
            for number in range(count):
                picture = io.BytesIO()
                Image.new("RGB", (64, 64), (number, 90, 90)).save(picture, "WEBP")
                made.writestr(f"{kind}/{number}.webp", picture.getvalue())
    return file


def test_kinds_of_clothing_count_as_one_or_two_of_the_ten_classes(archive):
    found = items.development_items((items.KINDS,))
    accepted = {item.folder: tuple(sorted(item.accepted)) for item in found}
    assert accepted == {"sandal": (5,), "cardigan": (2, 4), "fur_coat": (4,), "backpack": (8,)}
    assert {item.kind for item in found} == {"photos"} and found[0].picture().size == (64, 64)
    assert 0 < sum(item.held_out for item in found if item.folder == "sandal") < 8


def test_other_things_are_neither_clothing_nor_people(archive):
    assert tiny_imagenet.other_things() == ["goldfish", "snail"]
    trained, kept = (items.not_garment_kinds(trained=which) for which in (True, False))
    kinds = [{item.name.split("/")[0] for item in some} for some in (trained, kept)]
    assert kinds[0] | kinds[1] == {"goldfish", "snail"} and not kinds[0] & kinds[1]
    assert items.target_of((trained + kept)[0]).argmax() == items.NONE


@pytest.mark.parametrize("damage", ["missing", "torn", "changed inside", "without a kind"])
def test_a_damaged_file_is_one_clear_line(archive, damage):
    if damage == "missing":
        archive.unlink()
    elif damage == "torn":
        archive.write_bytes(archive.read_bytes()[:-40])
    elif damage == "changed inside":
        content = bytearray(archive.read_bytes())
        content[46:60] = b"\xff" * 14  # no deflate block
        archive.write_bytes(content)
    else:
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("n1_sandal/1.webp", b"")
    with pytest.raises((DataMissing, ValueError), match="tiny-imagenet.zip") as error:
        items.development_items((items.KINDS,))
    assert "\n" not in str(error.value)
