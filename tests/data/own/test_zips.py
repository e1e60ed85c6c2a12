import io
import stat
import zipfile

import own_pictures as made
import pytest
from zip_mutations import mutants, read_all_or_refuse

from vggcore.data.own import zips
from vggcore.data.own.listing import PicturesError
from vggcore.pictures.decode import ImageError


def listed(tmp_path, content: bytes):
    (tmp_path / "p.zip").write_bytes(content)
    return zips.listing(tmp_path / "p.zip", "p")


def with_entry(name: str, content: bytes = b"", mode: int = 0, **facts) -> bytes:
    """A good zip with one more entry."""
    stream = io.BytesIO(made.zipped())
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = mode << 16
        archive.writestr(entry, content)
    return stream.getvalue()


def test_a_zip_with_a_folder_around_its_classes(tmp_path):
    found = listed(tmp_path, made.zipped({f"my/{k}": v for k, v in made.files().items()}))

    assert found.classes == made.SHAPES
    assert found.entries[3].read().size == (40, 40)


@pytest.mark.parametrize(
    ("name", "mode", "why"),
    [
        ("../../circle/evil.png", 0, "lead outside"),
        ("/etc/circle/evil.png", 0, "lead outside"),
        ("..\\circle\\evil.png", 0, "lead outside"),
        ("C:\\circle\\evil.png", 0, "lead outside"),
        ("circle/link.png", stat.S_IFLNK | 0o777, "as links"),
        ("circle/run.sh", 0, "as not pictures"),
    ],
)
def test_hostile_entries_are_left_out_and_said(tmp_path, name, mode, why):
    found = listed(tmp_path, with_entry(name, b"/etc/passwd", mode))

    assert len(found.entries) == 24
    assert why in found.left_out[0]
    assert [p.name for p in tmp_path.iterdir()] == ["p.zip"]


def test_a_bomb_is_left_out(tmp_path):
    found = listed(tmp_path, with_entry("circle/bomb.png", bytes(30_000_000)))

    assert found.left_out == ("1 left out as too large: circle/bomb.png",)


def test_a_picture_that_unpacks_to_more_than_it_says(tmp_path):
    content = with_entry("circle/liar.png", bytes(1_000_000))
    true, false = (1_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little")
    found = listed(tmp_path, content.replace(true, false))

    liar = next(entry for entry in found.entries if entry.name.endswith("liar.png"))
    with pytest.raises(ImageError):
        liar.read()


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(zips, "MAX_ENTRIES", 20)

    with pytest.raises(PicturesError, match="p has 24 files, and 20 are the most"):
        listed(tmp_path, made.zipped())


def test_more_names_than_fit_without_zip64_are_listed(tmp_path):
    stream, count = io.BytesIO(), 2**16
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(count):
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", b"a")

    assert len(listed(tmp_path, stream.getvalue()).entries) == count


def test_names_of_ten_thousand_characters(tmp_path):
    png = made.encoded(made.picture("circle", 1))
    contents = {f"{'x' * 10_000}/1.png": png, "b/1.png": png}

    with pytest.raises(PicturesError, match="10,000 characters") as caught:
        listed(tmp_path, made.zipped(contents))
    assert len(str(caught.value)) < 200


def test_names_that_are_no_text(tmp_path):
    stream = io.BytesIO(made.zipped())
    content = stream.getvalue().replace(b"cross/", b"cr\xff\x01s/")

    found = listed(tmp_path, content)

    assert len(found.classes) == 3
    assert all(name.isprintable() for name in found.classes)


def test_a_locked_zip_says_so(tmp_path):
    content = bytearray(made.zipped())
    place = 0
    while (place := content.find(b"PK\x01\x02", place)) >= 0:  # the flags of each entry
        content[place + 8] |= 1
        place += 4

    with pytest.raises(PicturesError, match="0 classes"):
        listed(tmp_path, bytes(content))


def test_mutated_zips_end_in_one_line_and_write_nothing(tmp_path):
    place = tmp_path / "inside"
    place.mkdir()
    for name, content in mutants(150, seed=3):
        read_all_or_refuse(content, place / "p.zip")
        assert [p.name for p in place.iterdir()] == ["p.zip"], name
    assert [p.name for p in tmp_path.iterdir()] == ["inside"]


def test_a_name_that_begins_with_nothing(tmp_path):
    found = listed(tmp_path, made.zipped().replace(b"circle/000.png", b"\0ircle/000.png"))

    assert len(found.entries) == 23


@pytest.mark.parametrize(
    ("encoding", "names"),
    [("gbk", ("铅笔", "钢笔", "囍")), ("cp437", ("Küche", "café", "Mädchen"))],
)
def test_names_that_do_not_say_how_they_are_encoded(tmp_path, encoding, names):
    contents = {f"{'x' * 20}{number}/1.png": b"a" for number in range(3)}
    content = made.zipped(contents)
    for number, name in enumerate(names):
        place = f"{'x' * 20}{number}".encode()
        content = content.replace(place, name.encode(encoding).ljust(len(place)))

    assert set(listed(tmp_path, content).classes) == set(names)


def test_what_programs_leave_in_zips_is_no_class(tmp_path):
    names = ("{}.ipynb_checkpoints/1.png", "{}circle/.ipynb_checkpoints/1.png", "__MACOSX/{}1.png")
    more = {name.format("my/"): b"a" for name in names} | {"my/empty/": b""}
    contents = {f"my/{name}": data for name, data in made.files().items()}

    found = listed(tmp_path, made.zipped(contents | more))

    assert found.classes == made.SHAPES and len(found.entries) == 24
    assert found.left_out == ("1 left out as empty folders: my/empty/",)
