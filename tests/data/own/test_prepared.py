import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import own_pictures as made
import pytest

from vggcore.data.own import known_sets, prepared
from vggcore.data.own.listing import PicturesError
from vggcore.data.own.prepared import Form
from vggcore.data.own.report import contact_sheet, legend, report
from vggcore.data.own.sources import open_listing
from vggcore.machine import paths
from vggcore.pictures import lettering
from vggcore.pictures.prepare import prepare

FORM = Form(32, "picture")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def source(tmp_path) -> str:
    return str(made.folder(tmp_path / "set"))


def test_pictures_in_the_order_of_the_listing(source):
    found = prepared.prepared(source, FORM)

    assert found.images.shape == (24, 32, 32, 3)
    assert found.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    first = prepare(made.picture("circle", 0), 32, "picture").network_input
    assert (found.images[0] == first).all()
    assert found.sizes[0].tolist() == [40, 40]


@pytest.mark.parametrize(
    ("framing", "channels", "shape"),
    [("whole", 1, (24, 32, 32)), ("object", 4, (24, 32, 32, 4)), ("object", 1, (24, 32, 32))],
)
def test_each_form_has_its_channels(source, framing, channels, shape):
    form = prepared.form_of(framing, channels, 32)

    assert prepared.prepared(source, form).images.shape == shape


def test_pictures_are_decoded_once(source, monkeypatch):
    prepared.prepared(source, FORM)
    monkeypatch.setattr(prepared, "_one", None)

    assert len(prepared.prepared(source, FORM).images) == 24


def test_a_changed_picture_is_read_anew(source, tmp_path):
    before = prepared.prepared(source, FORM).sha256
    (tmp_path / "set/circle/000.png").write_bytes(made.encoded(made.picture("square", 77)))

    assert prepared.prepared(source, FORM).sha256 != before


def test_a_damaged_cache_is_made_anew(source):
    whole = prepared.prepared(source, FORM)
    file = next(paths.cache_dir().rglob("images.npy"))
    file.write_bytes(file.read_bytes()[:200])

    assert prepared.prepared(source, FORM).images.shape == whole.images.shape


def test_found_again_by_its_content(source):
    sha256 = prepared.prepared(source, FORM).sha256

    assert prepared.of_content(sha256, FORM).sha256 == sha256
    assert prepared.of_content(sha256, Form(64, "picture")) is None


def test_damaged_pictures_are_named_and_left_out(source, tmp_path):
    (tmp_path / "set/cross/bad.png").write_bytes(made.encoded(made.picture("cross", 50))[:90])

    found = prepared.prepared(source, FORM)

    assert found.damaged == [("cross/bad.png", "the picture is damaged or incomplete")]
    assert len(found.images) == 24


def test_a_picture_that_goes_while_others_are_read(source, tmp_path):
    listing = open_listing(source)
    (tmp_path / "set/cross/000.png").unlink()
    place = tmp_path / "made"

    prepared._make(listing, FORM, place, lambda done, total: None)

    assert prepared._from_disk(place, source).damaged == [
        ("cross/000.png", "cannot read the file: No such file or directory")
    ]


def test_a_full_disk_is_one_line_and_leaves_nothing(source, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(prepared, "_write_images", full)

    with pytest.raises(PicturesError, match="cannot keep the prepared .*No space left"):
        prepared.prepared(source, FORM)
    assert not list((paths.cache_dir() / "pictures").iterdir())


@pytest.mark.parametrize("after", [1, 5, 23, 25])
def test_pictures_that_were_read_before_a_stop_are_not_read_again(
    source, tmp_path, monkeypatch, after
):
    (tmp_path / "set/circle/003.png").write_bytes(b"no picture")
    (tmp_path / "set/cross/other.png").write_bytes(made.encoded(made.picture("cross", 60)))
    undisturbed = prepared.prepared(source, FORM)
    monkeypatch.setenv("VGGCORE_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(prepared, "_REPORT_SECONDS", 0.0)

    def stop(done, total):
        assert total == 25
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepared.prepared(source, FORM, stop)
    one, read = prepared._one, []
    monkeypatch.setattr(prepared, "_one", lambda *given: read.append(given) or one(*given))
    found = prepared.prepared(source, FORM)

    assert len(read) == 25 - after
    assert (found.images == undisturbed.images).all() and found.sha256 == undisturbed.sha256
    assert found.damaged == undisturbed.damaged and (found.sizes == undisturbed.sizes).all()
    assert len(list((paths.cache_dir() / "pictures").iterdir())) == 1  # nothing is left behind


def test_the_oldest_sets_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr(prepared, "KEPT_BYTES", 100_000)
    for number in range(3):
        contents = {f"{number}{name}": data for name, data in made.files().items()}
        prepared.prepared(str(made.folder(tmp_path / str(number), contents)), FORM)

    assert len(list((paths.cache_dir() / "pictures").iterdir())) == 1


def test_the_report_says_what_deserves_a_look(source, tmp_path):
    place = tmp_path / "set"
    copy = (place / "circle/000.png").read_bytes()
    (place / "circle/copy.png").write_bytes(copy)
    (place / "cross/same.png").write_bytes(copy)
    (place / "cross/bad.png").write_bytes(b"no")
    for number in range(50):
        (place / f"square/more{number}.png").write_bytes(
            made.encoded(made.picture("square", 100 + number))
        )

    found = report(prepared.prepared(source, FORM), in_memory=True)

    assert [one.pictures for one in found.classes] == [9, 9, 58]
    assert found.copies == (("circle/000.png", "circle/copy.png", "cross/same.png"),)
    assert found.contradictions == found.copies
    said = " ".join(found.warnings())
    for part in (" cannot be used: ", "in several classes at once", "more than once"):
        assert part in said
    assert "square has 58 pictures and circle 9" in said
    assert found.to_dict()["pictures"] == 76


def test_the_contact_sheet_shows_every_class(source):
    pictures = prepared.prepared(source, FORM)
    sheet = np.asarray(contact_sheet(pictures))

    assert sheet.shape[0] == 3 * 94 + 4
    assert all((sheet[94 * n + 40 : 94 * n + 60] != 255).any() for n in range(3))


@pytest.mark.parametrize("installed", [lettering._INSTALLED, ()])
def test_no_class_stands_on_the_contact_sheet_as_empty_boxes(source, monkeypatch, installed):
    monkeypatch.setattr(lettering, "_INSTALLED", installed)
    pictures = replace(prepared.prepared(source, FORM), classes=("狗", "猫", "देवता"))
    sheet = np.asarray(contact_sheet(pictures))
    numbered = legend(pictures.classes)

    names = [name if n not in numbered else str(n) for n, name in enumerate(pictures.classes, 1)]
    assert all(lettering.font_for(name, 13) for name in names)
    assert set(numbered.values()) <= set(pictures.classes)
    labels = [sheet[94 * n + 4 : 94 * n + 20, :40] for n in range(3)]
    assert all((one != 255).any() and (one != labels[0]).any() for one in labels[1:])
    if not installed:
        assert numbered == {1: "狗", 2: "猫", 3: "देवता"}


def test_a_known_set_with_its_own_test_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(known_sets, "_arrays", digits)

    found = prepared.prepared("mnist", Form(32, "grey-picture"))

    assert found.classes == ("0", "1")
    assert found.images.shape == (60, 32, 32)
    assert (found.part("test", 0) == np.flatnonzero(np.array(found.given) == "test")).all()
    assert len(found.part("validation", 0)) == 6


def digits(name, training, root):
    """Pictures like MNIST's: 40 to train on, 20 to test with."""
    random = np.random.default_rng(int(training))
    count = 40 if training else 20
    images = random.integers(0, 255, (count, 28, 28)).astype(np.uint8)
    return images, [n % 2 for n in range(count)], ["0", "1"]


@pytest.mark.parametrize("name", known_sets.NAMES)
def test_a_known_set_that_cannot_be_had_says_where_it_belongs(name, tmp_path, monkeypatch):
    from torchvision import datasets

    def fails(self, *args, **kwargs):
        raise RuntimeError("no connection")

    monkeypatch.setenv("VGGCORE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets.MNIST, "download", fails)
    monkeypatch.setattr(datasets.QMNIST, "download", fails)
    monkeypatch.setattr(datasets.EMNIST, "download", fails)
    monkeypatch.setattr(datasets.CIFAR10, "download", fails)

    with pytest.raises(PicturesError, match="could not be downloaded"):
        open_listing(name)


def test_letters_lie_upright_and_are_called_by_their_names(tmp_path, monkeypatch):
    """EMNIST's files as torchvision stores them: columns before rows, letters counted from 1."""
    import torch
    from torchvision import datasets

    upright = torch.zeros(2, 28, 28, dtype=torch.uint8)
    upright[:, :3] = 255  # a bar along the top

    class Letters:
        data, targets = upright.transpose(1, 2), torch.tensor([1, 2])
        classes = ["N/A", "a", "b"]

        def __init__(self, *args, **kwargs):
            assert kwargs["split"] == "letters"

    monkeypatch.setattr(datasets, "EMNIST", Letters)
    known_sets._arrays.cache_clear()

    found = open_listing("emnist-letters")

    assert found.classes == ("A", "B")
    assert np.asarray(found.entries[0].read())[:3].min() == 255
    known_sets._arrays.cache_clear()


def test_several_processes_may_prepare_the_same_pictures(source):
    with ThreadPoolExecutor(6) as workers:
        found = list(workers.map(lambda n: prepared.prepared(source, FORM).sha256, range(12)))

    assert len(set(found)) == 1
    assert len(list((paths.cache_dir() / "pictures").iterdir())) == 1


def test_what_a_killed_process_left_is_removed(source):
    left = paths.cache_dir() / "pictures" / ".new-killed"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))

    prepared.prepared(source, FORM)

    assert not left.exists()


@pytest.mark.parametrize("column", ["group", "split"])
def test_the_hash_tells_other_splits_apart(tmp_path, column):
    rows = [(name, name.split("/")[0]) for name in made.files(6)]
    made.folder(tmp_path)
    seen = set()
    for value in ("train", "test" if column == "split" else "other"):
        lines = [f"path,label,{column}"]
        lines += [
            f"{path},{label},{value if n == 0 else ''}" for n, (path, label) in enumerate(rows)
        ]
        (tmp_path / "t.csv").write_text("\n".join(lines))
        seen.add(prepared.prepared(str(tmp_path / "t.csv"), FORM).sha256)

    assert len(seen) == 2


def test_a_set_is_shared_out_once_for_each_seed(source, monkeypatch):
    pictures = prepared.prepared(source, FORM)
    once = pictures.part("train", 1)
    monkeypatch.setattr(prepared.splits, "split", None)

    assert (pictures.part("train", 1) == once).all()
    assert len(pictures.part("validation", 1)) == 3


def test_work_that_is_stopped_ends_at_once(tmp_path, monkeypatch):
    source = str(made.folder(tmp_path / "set", made.files(100)))
    monkeypatch.setattr(prepared, "_REPORT_SECONDS", 0.0)
    read, one = [], prepared._one
    monkeypatch.setattr(prepared, "_one", lambda *given: read.append(1) or one(*given))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepared.prepared(source, FORM, stop)
    assert len(read) < 100
