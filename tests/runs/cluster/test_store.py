import os
import random

import pytest

from vggcore.runs.cluster.store import Missing, Pieces, Store, StoredRun, StoreError, run_ids


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    url = str(tmp_path / "store") if request.param == "folder" else f"memory://{tmp_path.name}"
    return Store(url, {})


def test_a_run_is_created_listed_and_deleted_for_all(store):
    run = StoredRun(store, "fast-1-ab12")
    run.create({"name": "fast-1"}, {"processes": 2}, start=None)
    run.attempt(1).begin()

    assert run_ids(store) == ["fast-1-ab12"]
    assert run.config() == {"name": "fast-1"} and run.launched() == {"processes": 2}
    assert run.attempts() == [1] and run.start() == {}

    run.delete()

    assert run_ids(store) == [] and run.is_deleted() and run.config() is None


def test_files_are_replaced_together_and_old_contents_go(store):
    attempt = StoredRun(store, "a").attempt(1)
    before = attempt.write_files({"best.safetensors": b"one", "best.json": b"card of one"}, {})
    attempt.write_files({"best.safetensors": b"two", "best.json": b"card of two"}, before)

    files = attempt.files()

    assert attempt.read_file(files["best.safetensors"]) == b"two"
    assert attempt.read_file(files["best.json"]) == b"card of two"
    assert len(store.names("a/attempts/0001/files")) == 2


def test_a_damaged_file_is_not_taken(store):
    attempt = StoredRun(store, "a").attempt(1)
    attempt.write_files({"best.json": b"card"}, {})
    file = attempt.files()["best.json"]
    store.write(f"a/attempts/0001/files/{file.sha256}", b"something else")

    with pytest.raises(StoreError, match="best.json is damaged in the store"):
        attempt.read_file(file)


def test_a_text_that_grows_shrinks_and_grows_is_read_as_it_was_written(store):
    chance = random.Random(5)
    sender, reader, late = (Pieces(store, "rows") for _ in range(3))
    text = b""
    for _ in range(350):  # through several merges
        kept = len(text) if chance.random() < 0.9 else chance.randrange(len(text) + 1)
        text = text[:kept] + bytes(chance.choices(b"abc\n", k=chance.randrange(30)))
        sender.send(text)
        if chance.random() < 0.3:
            assert reader.read() == text

    assert reader.read() == text and late.read() == text
    assert len(store.names("rows")) <= 101


def test_only_what_is_new_is_sent(store):
    pieces = Pieces(store, "log")
    pieces.send(b"first line\n")
    pieces.send(b"first line\nsecond\n")
    pieces.send(b"first line\nsecond\n")

    assert store.names("log") == ["00000001-0", "00000002-11"]
    assert store.read("log/00000002-11") == b"second\n"


def test_a_write_that_seemed_to_fail_and_did_not_garbles_nothing(store, monkeypatch):
    sender, reader = Pieces(store, "rows"), Pieces(store, "rows")
    sender.send(b"a\n")
    real = store.write

    def ambiguous(name, content):
        real(name, content)
        raise StoreError("timed out")

    monkeypatch.setattr(store, "write", ambiguous)
    with pytest.raises(StoreError):
        sender.send(b"a\nb\n")
    assert reader.read() == b"a\nb\n"
    monkeypatch.setattr(store, "write", real)
    sender.send(b"a\nb\nc\n")
    sender.send(b"a\nb\nc\nd\n")

    assert reader.read() == b"a\nb\nc\nd\n"


def test_a_file_system_is_opened_anew_after_a_failure(tmp_path, monkeypatch):
    store = Store(str(tmp_path), {})
    store.write("a", b"1")
    monkeypatch.setattr(store._files, "cat_file", _full)
    with pytest.raises(StoreError):
        store.read("a")

    assert store.read("a") == b"1"


def test_an_attempt_given_up_for_dead_cannot_spoil_the_next(store):
    run = StoredRun(store, "a")
    run.attempt(1).begin()
    run.attempt(2).begin()
    run.attempt(2).write_status({"state": "running", "step": 7})
    run.attempt(1).write_status({"state": "failed"})  # it was not dead

    assert run.attempts()[-1] == 2 and run.attempt(2).status() == {"state": "running", "step": 7}


def test_what_is_missing_and_what_is_unreachable_are_told_apart(tmp_path):
    store = Store(str(tmp_path / "file" / "store"), {})
    with pytest.raises(Missing):
        store.read("config.json")
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StoreError, match="the store .* cannot be written to: ") as told:
        store.write("config.json", b"")
    assert not isinstance(told.value, Missing)


def test_a_failed_write_leaves_the_old_content(tmp_path, monkeypatch):
    store = Store(str(tmp_path), {})
    store.write("status.json", b"old")
    files = store._files
    monkeypatch.setattr(files, "mv", _full)

    with pytest.raises(StoreError, match="No space left on device"):
        store.write("status.json", b"new")

    assert store.read("status.json") == b"old"
    assert os.listdir(tmp_path) == ["status.json"]


def _full(*_):
    raise OSError(28, "No space left on device")


def test_a_missing_package_is_named():
    with pytest.raises(StoreError, match="a package that is not installed: pip install gcsfs"):
        Store("gs://bucket/runs", {})


@pytest.mark.parametrize("name", ["../../etc", "", "a/b", ".deleted"])
def test_names_from_outside_are_no_paths(store, name):
    with pytest.raises(StoreError, match="not a run of the store"):
        StoredRun(store, name)
