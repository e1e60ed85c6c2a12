import os

import own_pictures as made
import pytest

from vggcore.data.own import places, sources
from vggcore.data.own.listing import PicturesError, by_class, check_classes
from vggcore.data.own.sources import open_listing


def test_a_folder_of_class_folders(tmp_path):
    found = open_listing(str(made.folder(tmp_path)))

    assert found.classes == ("circle", "cross", "square")
    assert [entry.label for entry in found.entries] == [0] * 8 + [1] * 8 + [2] * 8
    assert found.entries[0].name == "circle/000.png"
    assert found.entries[0].read().size == (40, 40)


def test_what_is_no_picture_is_left_out_and_said(tmp_path):
    made.folder(tmp_path)
    (tmp_path / "circle" / "notes.txt").write_text("!")
    (tmp_path / "circle" / ".DS_Store").write_text("!")

    found = open_listing(str(tmp_path))

    assert found.left_out == ("1 left out as not pictures: circle/notes.txt",)


def test_identity_changes_with_a_picture(tmp_path):
    made.folder(tmp_path)
    before = open_listing(str(tmp_path)).identity
    (tmp_path / "circle" / "000.png").write_bytes(made.encoded(made.picture("cross", 99)))

    assert open_listing(str(tmp_path)).identity != before


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a/1.png", "b/1.png"], [("", "a"), ("", "b")]),
        (["all/a/1.png", "all/b/1.png"], [("", "a"), ("", "b")]),
        (["all/a/1.png", "all/b/1.png", "cover.png"], [("", "a"), ("", "b"), None]),
        (["a/deep/1.png", "b/1.png"], [("", "a"), ("", "b")]),
        (["train/a/1.png", "val/b/1.png"], [("train", "a"), ("validation", "b")]),
        (["x/Train/a/1.png", "x/test/b/1.png"], [("train", "a"), ("test", "b")]),
    ],
)
def test_split_and_class_by_folders(paths, expected):
    assert by_class([tuple(path.split("/")) for path in paths]) == expected


def test_one_class_is_refused(tmp_path):
    with pytest.raises(PicturesError, match="pictures of 1 classes; 2 to 1,000 are needed"):
        open_listing(str(made.folder(tmp_path, made.files(shapes=("circle",)))))


def test_classes_that_differ_in_capitals_are_refused(tmp_path):
    contents = {f"{name}/1.png": made.encoded(made.picture("circle", 1)) for name in ("A", "a")}

    with pytest.raises(PicturesError, match="differ only in capitals, A and a"):
        open_listing(str(made.folder(tmp_path, contents)))


def test_a_long_class_name_is_refused():
    with pytest.raises(PicturesError, match="has 10,000 characters, and 100 are the most"):
        check_classes(["x" * 10_000, "y"], "somewhere")


def test_a_file_name_that_is_no_text(tmp_path):
    made.folder(tmp_path)
    place = os.path.join(os.fsencode(tmp_path), b"cro\xffss")
    os.mkdir(place)
    with open(os.path.join(place, b"1.png"), "wb") as file:
        file.write(made.encoded(made.picture("cross", 1)))

    assert "cro\ufffdss" in open_listing(str(tmp_path)).classes


def write_table(tmp_path, text: str) -> str:
    made.folder(
        tmp_path, {f"all/{n}.png": made.encoded(made.picture("cross", n)) for n in range(4)}
    )
    (tmp_path / "table.csv").write_text(text, encoding="utf-8")
    return str(tmp_path / "table.csv")


def test_a_csv_with_a_header(tmp_path):
    table = "file,class,group,split\nall/0.png,no,g1,train\nall/1.png,yes,g2,test\n"

    found = open_listing(write_table(tmp_path, table))

    assert found.classes == ("no", "yes")
    assert [(e.group, e.split) for e in found.entries] == [("g1", "train"), ("g2", "test")]


def test_a_csv_without_a_header_and_with_semicolons(tmp_path):
    found = open_listing(write_table(tmp_path, "\ufeffall/0.png;no\n\nall/1.png;yes\n"))

    assert [entry.name for entry in found.entries] == ["all/0.png", "all/1.png"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("path,label\nall/0.png,no\nall/9.png,yes", r"line 3: there is no file all/9.png"),
        ("path,label\nall/0.png", r"line 2: path and label are needed"),
        ("path,label,split\nall/0.png,no,half", r"line 2: unknown split 'half'"),
        ("path,label\nall/\0.png,no", r"line 2"),
        ("", "pictures of 0 classes"),
    ],
)
def test_a_broken_csv_names_the_line(tmp_path, table, said):
    with pytest.raises(PicturesError, match=said):
        open_listing(write_table(tmp_path, table))


def test_a_csv_in_another_encoding(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"path,label\n\xff.png,a\n")

    with pytest.raises(PicturesError, match="no text in UTF-8"):
        open_listing(str(tmp_path / "t.csv"))


def test_pictures_that_are_nowhere():
    with pytest.raises(PicturesError, match=r"there are no pictures at '/no/such': .*mnist"):
        open_listing("/no/such")


def test_kept_zips_are_found_by_name():
    places.keep_zip("shapes", made.zipped())

    assert places.names() == ["shapes"]
    assert open_listing("shapes").classes == made.SHAPES
    assert sources.numbers("shapes") == (24, 3)


@pytest.mark.parametrize("name", ["../x", "A", "", "mnist", "x.zip", "a" * 64])
def test_names_that_cannot_be(name):
    with pytest.raises(PicturesError):
        places.keep_zip(name, made.zipped())
    assert places.names() == []


def test_what_cannot_be_used_is_not_kept():
    with pytest.raises(PicturesError, match="not a zip"):
        places.keep_zip("shapes", b"no zip")

    assert not list(places.folder().iterdir())


def test_a_name_is_taken_once():
    places.keep_zip("shapes", made.zipped())

    with pytest.raises(PicturesError, match="already"):
        places.keep_pictures("shapes", [("a", b"")])


def test_pictures_are_kept_in_folders_of_their_classes():
    png = made.encoded(made.picture("circle", 1))
    places.keep_pictures("mine", [("a/b", png), ("...c", png), ("a/b", png)])

    kept = sorted(str(p.relative_to(places.folder())) for p in places.folder().rglob("*.png"))
    assert kept[0].startswith("mine/")
    assert {name.split("/")[1] for name in kept} == {"a_b", "c"}


@pytest.mark.parametrize("label", ["..", "", " ", "x" * 201])
def test_what_cannot_be_the_folder_of_a_class(label):
    with pytest.raises(PicturesError, match="cannot be the name of a class"):
        places.keep_pictures("mine", [(label, b"")])
    assert places.names() == []


def test_deleting_kept_pictures():
    places.keep_zip("shapes", made.zipped())
    places.delete("shapes")

    assert places.names() == []
    with pytest.raises(PicturesError, match="no pictures named"):
        places.delete("shapes")


def test_a_class_without_a_name_is_refused(tmp_path):
    contents = made.files(1) | {" /1.png": made.encoded(made.picture("circle", 1))}

    with pytest.raises(PicturesError, match="empty name"):
        open_listing(str(made.folder(tmp_path, contents)))


def test_numbers_see_what_changes_deep_in_a_folder(tmp_path):
    contents = {f"train/{name}": data for name, data in made.files(2).items()}
    made.folder(tmp_path, contents)
    assert sources.numbers(str(tmp_path)).classes == 3

    made.folder(tmp_path, {"train/new/1.png": made.encoded(made.picture("circle", 1))})

    assert sources.numbers(str(tmp_path)).classes == 4
