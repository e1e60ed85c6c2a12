"""`checkpoints add`: strangers' weights are checked, and torchvision's are read."""

import json
import pickle
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from untrained import save_untrained

from vggcore import runs
from vggcore.commands.cli import main
from vggcore.data.classes import CLASSES
from vggcore.machine import paths
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.network import build, to_torchvision

SPEC = VGGSpec(configuration="B", width="1/16", in_channels=3, image_size=64, num_classes=12)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path / "checkpoints"))


def written(folder, suffix: str, spec: VGGSpec = SPEC):
    """torchvision's state dict of a network, in a file."""
    state = to_torchvision(build(spec, seed=3))
    file = folder / f"vgg13{suffix}"
    if suffix == ".safetensors":
        save_file({key: value.contiguous() for key, value in state.items()}, file)
    else:
        torch.save(state, file)
    return file


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_torchvisions_weights_become_a_checkpoint(tmp_path, suffix, batch_norm, capsys):
    spec = replace(SPEC, batch_norm=batch_norm)
    file = written(tmp_path, suffix, spec)

    assert main(["checkpoints", "add", str(file), "--name", "theirs"]) == 0

    assert "VGG-13" in capsys.readouterr().out
    loaded = checkpoints.load("theirs")
    assert replace(loaded.card.spec, fc_width=None) == spec
    ours = build(spec, seed=3).eval()
    picture = torch.rand(2, 3, 64, 64)
    assert torch.allclose(loaded.network(picture), ours(picture), atol=1e-6)
    assert "theirs" not in runs.trained_networks() and "theirs" in runs.starting_points()


@pytest.mark.parametrize(
    ("asked", "classes"),
    [
        ([], tuple(f"class {number}" for number in range(10))),
        (["--classes", "garments"], CLASSES),
        (["--classes", "a, b,c,d,e,f,g,h,i,j"], tuple("abcdefghij")),
    ],
)
def test_strangers_weights_name_only_the_classes_that_they_are_given(tmp_path, asked, classes):
    file = written(tmp_path, ".safetensors", replace(SPEC, num_classes=10))

    assert main(["checkpoints", "add", str(file), "--name", "theirs", *asked]) == 0

    assert checkpoints.read_card("theirs").classes == classes
    assert ("theirs" in runs.trained_networks()) == (classes == CLASSES)


def test_names_of_classes_must_be_as_many_as_the_classes(tmp_path, capsys):
    file = written(tmp_path, ".safetensors", replace(SPEC, num_classes=10))
    assert main(["checkpoints", "add", str(file), "--classes", "a,b"]) == 2
    assert "has 10 classes, and 2 names were given" in capsys.readouterr().err
    for wrong in ("a,b,c,d,e,f,g,h,i,a", "a,b,c,d,e,f,g,h,i,"):
        assert main(["checkpoints", "add", str(file), "--classes", wrong]) == 2
        assert "must differ, and none may be empty" in capsys.readouterr().err


def test_a_card_names_the_classes_itself(tmp_path, capsys):
    save_untrained(tmp_path / "elsewhere", "mine")
    file = str(tmp_path / "elsewhere" / "mine.safetensors")
    assert main(["checkpoints", "add", file, "--classes", "garments"]) == 2
    assert "names the classes: leave out --classes" in capsys.readouterr().err


def test_a_checkpoint_of_ours_comes_with_its_card(tmp_path, capsys):
    save_untrained(tmp_path / "elsewhere", "mine")

    assert main(["checkpoints", "add", str(tmp_path / "elsewhere" / "mine.safetensors")]) == 0
    assert main(["checkpoints", "list", "--json"]) == 0

    [entry] = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert entry["name"] == "mine" and "mine" in runs.trained_networks()
    again = ["checkpoints", "add", str(tmp_path / "elsewhere" / "mine.safetensors")]
    assert main(again) == 2
    assert "there is a checkpoint named 'mine' already" in capsys.readouterr().err


class Harmful:
    def __reduce__(self):
        return (open, ("/tmp/vggcore-harm", "w"))


def with_card(folder, name: str, spoilt: bool = False, **changes):
    """A checkpoint whose card says something else, or whose weights are not numbers."""
    save_untrained(folder, name)
    found = checkpoints.load(folder / name)
    if spoilt:
        found.network.classifier[-1].weight.data[0] = torch.nan
        checkpoints.save(folder / name, found.network, found.card)
    card = folder / f"{name}.json"
    card.write_text(json.dumps(json.loads(card.read_bytes()) | changes))
    return folder / f"{name}.safetensors"


def bad_files(folder):
    """Name → file that must be refused, with what the refusal says."""
    harmful = folder / "harmful.pth"
    harmful.write_bytes(pickle.dumps({"features.0.weight": Harmful()}))
    whole = written(folder, ".pth")
    cut = folder / "cut.pth"
    cut.write_bytes(whole.read_bytes())
    cut.write_bytes(cut.read_bytes()[:5000])
    text = folder / "text.safetensors"
    text.write_text("not weights")
    other = folder / "other.safetensors"
    save_file({"layer.weight": torch.zeros(3)}, other)
    tensor = folder / "tensor.pt"
    torch.save(torch.zeros(3), tensor)
    odd = folder / "odd.zip"
    odd.write_bytes(b"PK")
    save_untrained(folder / "card", "changed")
    pointer = folder / "pointer.pth"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    torn = folder / "torn.pth"
    torn.write_bytes(harmful.read_bytes()[:9])
    spoilt = {key: torch.full_like(value, torch.nan) for key, value in torch.load(whole).items()}
    torch.save(spoilt, folder / "nan.pth")
    deep = with_card(folder, "deep")
    deep.with_suffix(".json").write_text("[" * 100_000)
    changed = folder / "card" / "changed.safetensors"
    changed.write_bytes(changed.read_bytes()[:-4] + b"\0\0\0\1")
    return {
        harmful: "refused",
        cut: "cannot be read: it is damaged or incomplete",
        torn: "cannot be read: it is damaged or incomplete",
        pointer: "fetch them with `git lfs pull`",
        folder / "nan.pth": "not finite",
        with_card(folder, "not-a-number", spoilt=True): "not finite",
        with_card(folder, "no-spread", preprocessing={"std": [0.0]}): "not finite",
        deep: "nested too deeply",
        with_card(folder, "two", classes=["a", "b"]): "names 2 classes, and its network has 10",
        with_card(folder, "many", classes=[str(n) for n in range(3_000)]): "names 3,000 classes",
        with_card(folder, "same", classes=["a"] * 10): "names of its classes must differ",
        text: "cannot be read",
        other: "not those of torchvision's",
        tensor: "not a state dict",
        odd: "ends in neither",
        changed: "damaged",
        folder / "missing.pth": "cannot be read",
    }


def test_what_is_no_vgg_is_refused_in_one_line_and_leaves_nothing(tmp_path, capsys):
    for file, said in bad_files(tmp_path).items():
        assert main(["checkpoints", "add", str(file), "--name", "x"]) == 2, file
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1, (file, error)
    assert not list(paths.checkpoints_dir().glob("*"))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {"model_state_dict": state, "epoch": 3, "optimizer": {"lr": 0.1}},
        lambda state: {"model": {f"_orig_mod.module.{key}": v for key, v in state.items()}},
    ],
)
def test_what_training_scripts_save_is_unwrapped(tmp_path, wrap):
    file = tmp_path / "theirs.pth"
    torch.save(wrap(torch.load(written(tmp_path, ".pth"))), file)

    assert main(["checkpoints", "add", str(file)]) == 0
    assert checkpoints.load("theirs").card.spec == replace(SPEC, fc_width=SPEC.hidden_units)


@pytest.mark.parametrize("name", ["../x", "A b", "x" * 80])
def test_a_name_that_is_a_path_is_refused(tmp_path, name, capsys):
    file = written(tmp_path, ".pth")
    assert main(["checkpoints", "add", str(file), "--name", name]) == 2
    assert "not a run name" in capsys.readouterr().err
