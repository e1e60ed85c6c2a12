import json
import math
import struct

import pytest
import torch
from safetensors.torch import save_file

from vggcore.data.classes import CLASSES
from vggcore.machine import paths
from vggcore.machine.files import FileError
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card
from vggcore.model.checkpoints import CheckpointError
from vggcore.model.network import build
from vggcore.pictures.preprocessing import Preprocessing

SPEC = VGGSpec(configuration="A", width="1/32", batch_norm=True, image_size=32, head="pool")
CARD = Card(spec=SPEC, preprocessing=Preprocessing(image_size=32), classes=CLASSES, name="saved")


@pytest.fixture
def saved(tmp_path):
    checkpoints.save(tmp_path / "saved", build(SPEC, seed=0), CARD)
    return tmp_path / "saved"


def test_what_was_saved_comes_back_ready_to_use(saved):
    loaded = checkpoints.load(saved)

    expected = build(SPEC, seed=0).state_dict()
    assert all(torch.equal(v, expected[k]) for k, v in loaded.network.state_dict().items())
    assert not loaded.network.training
    assert loaded.card.spec == SPEC and loaded.name == "saved"


def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path, saved):
    checkpoints.save(tmp_path / "half", build(SPEC, seed=0), CARD, half=True)

    weight = checkpoints.load(tmp_path / "half").network.block5.conv2.weight
    sizes = [(tmp_path / f"{n}.safetensors").stat().st_size for n in ("half", "saved")]
    assert weight.dtype == torch.float32
    assert torch.allclose(weight, checkpoints.load(saved).network.block5.conv2.weight, atol=1e-3)
    assert sizes[0] < 0.8 * sizes[1]


@pytest.mark.parametrize("position", [0, 100, -1])
def test_one_flipped_bit_in_the_weights_is_noticed(saved, position):
    file = saved.with_name("saved.safetensors")
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)

    with pytest.raises(CheckpointError, match="damaged: their SHA-256"):
        checkpoints.load(saved)


def rewrite_card(path, **changes):
    file = path.with_name(path.name + ".json")
    card = json.loads(file.read_bytes()) | changes
    file.write_text(json.dumps({k: v for k, v in card.items() if v is not None}))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"spec": None}, "lacks spec"),
        ({"sha256": None}, "lacks sha256"),
        ({"spec": SPEC.to_dict() | {"configuration": "B"}}, "do not fit the card's network"),
        ({"spec": SPEC.to_dict() | {"num_classes": 7}}, "names 10 classes, and its network has 7"),
        ({"classes": ["a", "b"]}, "names 2 classes, and its network has 10"),
        ({"classes": ["a"] * 10}, "names of its classes must differ"),
        ({"spec": SPEC.to_dict() | {"width": "9"}}, "cannot be read: width '9'"),
        ({"spec": {"layers": 3}}, "unknown VGGSpec field 'layers'"),
        ({"spec": "A"}, "must be an object"),
    ],
)
def test_a_card_of_another_network_is_refused(saved, changes, cause):
    rewrite_card(saved, **changes)

    with pytest.raises(CheckpointError, match=cause):
        checkpoints.load(saved)


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe", b'"text"'])
def test_a_card_that_is_not_one_is_refused(saved, content):
    saved.with_name("saved.json").write_bytes(content)

    with pytest.raises(CheckpointError, match="card .*saved.json"):
        checkpoints.load(saved)


@pytest.mark.parametrize(
    "weights", [b"", b"PK\x03\x04 a pickle", struct.pack("<Q", 1 << 60) + b"{}"]
)
def test_foreign_weights_with_a_matching_hash_are_refused(saved, weights):
    import hashlib

    saved.with_name("saved.safetensors").write_bytes(weights)
    rewrite_card(saved, sha256=hashlib.sha256(weights).hexdigest())

    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoints.load(saved)


def test_weights_without_a_card_are_not_a_checkpoint(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "foreign.safetensors")

    with pytest.raises(CheckpointError, match="unknown checkpoint"):
        checkpoints.load(tmp_path / "foreign")


def test_a_card_without_weights_names_the_missing_file(saved):
    saved.with_name("saved.safetensors").unlink()

    with pytest.raises(CheckpointError, match="saved.safetensors cannot be read: No such file"):
        checkpoints.load(saved)


def test_names_are_found_in_all_folders_the_default_first(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "own"))
    monkeypatch.setenv("VGGCORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(paths, "shipped_dir", lambda: tmp_path / "shipped")
    shipped = ("shipped/bbb", f"shipped/{checkpoints.DEFAULT}")
    for place in (*shipped, "own/aaa", "own/bbb", "runs/mine/best"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        checkpoints.save(tmp_path / place, build(SPEC, seed=0), CARD)

    assert checkpoints.available() == [checkpoints.DEFAULT, "aaa", "bbb"]
    assert checkpoints.find("aaa.safetensors") == tmp_path / "own" / "aaa"
    assert checkpoints.find("bbb") == tmp_path / "own" / "bbb"
    assert checkpoints.find(checkpoints.DEFAULT) == tmp_path / "shipped" / checkpoints.DEFAULT
    assert checkpoints.find("mine") == tmp_path / "runs" / "mine" / "best"
    with pytest.raises(CheckpointError, match=f"known ones are {checkpoints.DEFAULT}, aaa"):
        checkpoints.find("nothing")


def test_a_failed_save_leaves_the_earlier_checkpoint_whole(saved, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match="No space left on device"):
        checkpoints.save(saved, build(SPEC, seed=9), CARD)

    monkeypatch.undo()
    weight = checkpoints.load(saved).network.block1.conv1.weight
    assert torch.equal(weight, build(SPEC, seed=0).block1.conv1.weight)
    assert not list(saved.parent.glob(".tmp-*"))


def test_a_pair_belongs_together_or_not(saved):
    assert checkpoints.is_whole(saved)
    rewrite_card(saved, sha256="0" * 64)
    assert not checkpoints.is_whole(saved)
    assert not checkpoints.is_whole(saved.with_name("nothing"))


def test_cards_hold_only_what_json_can(saved):
    card = json.loads(saved.with_name("saved.json").read_bytes())

    numbers = [v for v in card.values() if isinstance(v, float)]
    assert all(math.isfinite(n) for n in numbers) and card["weights_bytes"] > 0


@pytest.mark.parametrize(
    ("file", "reason"),
    [("net.pth", "it is a pickle"), ("net.safetensors", "its card, net.json, is not beside it")],
)
def test_a_file_that_is_there_is_told_from_one_that_is_unknown(file, reason, tmp_path):
    (tmp_path / file).write_bytes(b"weights")

    with pytest.raises(CheckpointError, match=reason):
        checkpoints.find(tmp_path / file)


def test_a_run_without_a_checkpoint_is_told_so(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")

    with pytest.raises(CheckpointError, match="a run that has no checkpoint yet"):
        checkpoints.find(tmp_path / "run")
