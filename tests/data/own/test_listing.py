import os

import own_pictures as made
import pytest

from vggcore.data.own import places, sources
from vggcore.data.own.listing import PicturesError, check_classes
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


def test_folders_that_are_empty_hidden_or_linked(tmp_path):
    set_, other = tmp_path / "set", made.folder(tmp_path / "other", made.files(2, ("square",)))
    made.folder(set_, made.files(2, ("circle", "cross")))
    copies = {f"{place}/{name}": data for place in HIDDEN for name, data in made.files(1).items()}
    made.folder(set_, copies)
    (set_ / "empty").mkdir()
    (set_ / "circle/none.png").touch()
    (set_ / "square").symlink_to(other / "square")
    (set_ / "square" / "round").symlink_to(set_)

    found = open_listing(str(set_))

    assert found.classes == made.SHAPES and len(found.entries) == 6
    assert found.left_out == (
        "1 left out as empty files: circle/none.png",
        "1 left out as empty folders: empty",
    )
    assert sources.numbers(str(set_)) == (6, 3)


HIDDEN = (".ipynb_checkpoints", "circle/.ipynb_checkpoints", "__MACOSX", "@eaDir")


def test_letters_composed_or_not_are_one_class(tmp_path):
    contents = {
        f"{name}/{number}.png": made.encoded(made.picture("circle", number))
        for number, name in enumerate(("caf\u00e9", "cafe\u0301", "tea"))
    }

    assert open_listing(str(made.folder(tmp_path, contents))).classes == ("caf\u00e9", "tea")


@pytest.mark.parametrize("extension", ["jfif", "jpe", "pjpeg", "JPEG"])
def test_what_browsers_call_a_jpeg(tmp_path, extension):
    jpeg = made.encoded(made.picture("circle", 1), "JPEG")
    found = open_listing(str(made.folder(tmp_path, {f"{c}/1.{extension}": jpeg for c in "ab"})))

    assert found.entries[0].read().size == (40, 40)


def test_one_class_is_refused(tmp_path):
    with pytest.raises(PicturesError, match="pictures of 1 classes; 2 to 1,000 are needed"):
        open_listing(str(made.folder(tmp_path, made.files(shapes=("circle",)))))


def test_classes_that_differ_in_capitals_are_refused(tmp_path):
    contents = {f"{name}/1.png": made.encoded(made.picture("circle", 1)) for name in ("A", "a")}

    with pytest.raises(PicturesError, match="differ only in capitals .*, A and a"):
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


TABLES = {
    "names of its own": "image_id,breed\nall/0.png,no\nall/1.png,yes\n",
    "Image and Id": "Image,Id\n0.png,no\n1.png,yes\n",
    "names without extension, found below": "id,breed\n0,no\n1,yes\n",
    "one column a class": "image,no,yes\n0,1.0,0.0\n1,0.0,1.0\n",
    "one column a class, whole paths": "name,no,yes\nall/0.png,1,0\nall/1.png,0,1\n",
    "paths of Windows": "path,label\nall\\0.png,no\nall\\1.png,yes\n",
    "tabs": "path\tlabel\nall/0.png\tno\nall/1.png\tyes\n",
    "sep=;": "sep=;\r\npath;label\r\nall/0.png;no\r\nall/1.png;yes\r\n",
    "row numbers": ",path,label\n0,all/0.png,no\n1,all/1.png,yes\n",
    "label first": "label,image\nno,all/0.png\nyes,all/1.png\n",
    "no header": "all/0.png,no\nall/1.png,yes\n",
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(
    ("suffix", "encoding"), [("csv", "utf-8"), ("tsv", "utf-16"), ("txt", "utf-8-sig")]
)
def test_tables_that_people_have(tmp_path, name, suffix, encoding):
    write_table(tmp_path, "")
    file = tmp_path / f"t.{suffix}"
    file.write_bytes(TABLES[name].encode(encoding))

    found = open_listing(str(file))

    assert found.classes == ("no", "yes")
    assert [entry.read().size for entry in found.entries] == [(40, 40)] * 2


def test_a_table_by_a_chinese_system(tmp_path):
    write_table(tmp_path, "")
    (tmp_path / "t.csv").write_bytes("path,类别\nall/0.png,衬衫\nall/1.png,裙子\n".encode("gbk"))

    assert open_listing(str(tmp_path / "t.csv")).classes == ("衬衫", "裙子")


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (b"path,label\n\xff.png,a\n", "no text in UTF-8"),
        (
            ",".join(["label", *(f"pixel{n}" for n in range(784))]).encode() + b"\n9" + b",0" * 784,
            "holds pixels .785 columns",
        ),
        (b"image,breed,owner\nall/0.png,no,me\n", "call one of breed, owner label"),
        (b"image,no,yes\nall/0.png,1,1\nall/1.png,0,1\n", "line 2: path and label are needed"),
    ],
)
def test_tables_that_cannot_be_read_say_why(tmp_path, table, why):
    write_table(tmp_path, "")
    (tmp_path / "t.csv").write_bytes(table)

    with pytest.raises(PicturesError, match=why):
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


def test_pictures_are_kept_under_exactly_their_classes():
    labels = [
        "T-shirt/top",
        "T-shirt_top",
        ".net",
        "net",
        "train",
        "test",
        "50%2f;",
        "ü 裙",
        "a\\b",
    ]
    png = made.encoded(made.picture("circle", 1))

    places.keep_pictures("mine", [(label, png) for label in labels])

    assert set(open_listing("mine").classes) == set(labels)


@pytest.mark.parametrize("label", ["", " ", "x" * 201, " a", "u\u0308"])
def test_what_cannot_be_the_name_of_a_class(label):
    with pytest.raises(PicturesError, match="cannot be the name of a class"):
        places.keep_pictures("mine", [(label, b"")])
    assert places.names() == []


def test_what_is_not_found_again_is_not_kept(monkeypatch):
    png = made.encoded(made.picture("circle", 1))
    monkeypatch.setattr(places, "folder_name", lambda label: "both" if label < "c" else label)
    monkeypatch.setattr(places, "check_class", str)

    with pytest.raises(PicturesError, match="not kept as it was given"):
        places.keep_pictures("mine", [(label, png) for label in "abc"])
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
