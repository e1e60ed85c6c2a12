"""Exported checkpoints: each format is used as a stranger would use it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load as load_safetensors
from untrained import save_untrained

from vggcore import load_classifier
from vggcore.answers import evaluation, export
from vggcore.commands import cli
from vggcore.data.classes import CLASSES
from vggcore.data.fashion_mnist import preprocessing
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card
from vggcore.model.network import build
from vggcore.pictures.prepare import STYLES, prepare
from vggcore.pictures.preprocessing import Preprocessing


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    save_untrained(tmp_path, "small")
    return tmp_path


@pytest.fixture(scope="module")
def onnx_model(tmp_path_factory):
    """The untrained network as ONNX; made once, because it takes some seconds."""
    folder = tmp_path_factory.mktemp("onnx")
    save_untrained(folder, "small")
    return export.export(folder / "small", "onnx")


@pytest.mark.onnx
def test_onnx_answers_as_our_network_does_for_any_number_of_images(onnx_model):
    import onnx
    import onnxruntime

    images = torch.rand(5, 1, 32, 32)
    session = onnxruntime.InferenceSession(onnx_model, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["logits"], {"images": images.numpy()})
    ours = checkpoints.load("small").network(images).detach().numpy()
    assert np.abs(theirs - ours).max() < 1e-4
    props = {p.key: p.value for p in onnx.load_from_string(onnx_model).metadata_props}
    assert json.loads(props["classes"]) == list(CLASSES)


@pytest.mark.onnx
def test_an_onnx_model_averages_over_the_mirror_image_where_the_card_says_so(folders):
    import onnxruntime

    save_untrained(folders, "both-sides", mirror=True)
    model = export.export("both-sides", "onnx")
    images = torch.rand(3, 1, 32, 32)

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["logits"], {"images": images.numpy()})
    network = checkpoints.load("both-sides").network
    with torch.inference_mode():
        ours = (network(images) + network(images.flip(-1))) / 2
    assert np.abs(theirs - ours.numpy()).max() < 1e-4


def test_the_model_card_says_where_logits_are_to_be_averaged(folders):
    save_untrained(folders, "both-sides", mirror=True)
    save_untrained(folders, "photos", mirror=True, middle=0.8)

    plain, both, photos = (
        export.export(name, "model-card").decode() for name in ("small", "both-sides", "photos")
    )
    assert "mirror image" in both and "mirror image" not in plain
    assert "its middle,\n80% of each side" in photos and "its middle" not in both


def test_onnx_without_its_packages_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(export, "ONNX_PACKAGES", ("onnx_is_not_here",))

    assert cli.main(["export", "small", "--format", "onnx"]) == 2

    assert capsys.readouterr().err.endswith("needs: pip install onnx_is_not_here\n")


@pytest.mark.onnx
def test_an_onnx_model_that_answers_differently_is_refused(onnx_model):
    other = build(checkpoints.load("small").network.spec, seed=5).eval()
    torch.nn.init.constant_(other.classifier.fc.bias, 3.0)

    with pytest.raises(ValueError, match="is off by"):
        export._check_onnx(onnx_model, other, torch.rand(2, 1, 32, 32))


def test_torchvision_weights_have_torchvisions_names(folders):
    from torchvision.models import vgg11

    spec = VGGSpec(configuration="A", width="1/8", image_size=64)
    card = Card(spec=spec, preprocessing=preprocessing(64, "resize"), classes=CLASSES)
    network = build(spec, seed=0)
    checkpoints.save(folders / "with-fc", network, card)

    state = load_safetensors(export.export("with-fc", "torchvision"))

    with torch.device("meta"):
        theirs = vgg11(num_classes=10)
    assert state.keys() == theirs.state_dict().keys()
    assert torch.equal(state["classifier.6.weight"], network.classifier.fc3.weight)


def test_source_takes_the_checkpoints_own_weights(folders):
    namespace = {"__name__": "taken_away"}
    exec(export.export("small", "source").decode(), namespace)

    network = namespace["VGG11"]().eval()
    network.load_state_dict(load_safetensors((folders / "small.safetensors").read_bytes()))

    images = torch.rand(2, 1, 32, 32)
    # Not to the last bit: our weights have another memory layout.
    torch.testing.assert_close(network(images), checkpoints.load("small").network(images))


def test_a_model_card_is_yaml_for_the_hub_then_text(folders):
    yaml = pytest.importorskip("yaml")
    name = 'shirts: "&" #1\n- x'
    card = json.loads((folders / "small.json").read_text())
    card |= {"name": name, "test_accuracy": 0.93, "data": {"name": "fashion-mnist"}}
    (folders / "small.json").write_text(json.dumps(card))

    _, front, text = export.export("small", "model-card").decode().split("---\n", 2)

    facts = yaml.safe_load(front)
    assert facts["model-index"][0]["name"] == name
    assert facts["model-index"][0]["results"][0]["metrics"] == [{"type": "accuracy", "value": 0.93}]
    assert facts["pipeline_tag"] == "image-classification" and "93.00%" in text


def test_the_command_writes_the_file_and_says_so(folders, capsys):
    file = folders / "net.py"

    arguments = ["export", "small", "--format", "source", "--output", str(file), "--json"]
    assert cli.main(arguments) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed == {"file": str(file), "format": "source", "bytes": file.stat().st_size}


def test_what_torchvision_has_no_counterpart_of_is_refused_in_one_line(capsys):
    assert cli.main(["export", "small", "--format", "torchvision"]) == 2

    error = capsys.readouterr().err
    assert "torchvision has no counterpart" in error and error.count("\n") == 1


def test_a_suffix_that_the_content_is_not_is_refused(folders, tmp_path, capsys):
    file = tmp_path / "weights.pth"

    code = cli.main(["export", "small", "--format", "torchvision", "--output", str(file)])

    assert code == 2 and "must end in .safetensors" in capsys.readouterr().err
    assert not file.exists()


ODD = [(50, 31), (9, 40), (64, 64), (33, 90), (200, 120)]  # width and height, pixels


def odd_pictures() -> list[Image.Image]:
    """A dark shape on a bright background, in sizes that are not square."""
    found = []
    for number, (width, height) in enumerate(ODD):
        picture = Image.new("RGB", (width, height), (230, 225 - 20 * number, 240))
        box = (width // 4, height // 5, 3 * width // 4, 4 * height // 5)
        ImageDraw.Draw(picture).ellipse(box, fill=(40 * number, 30, 90))
        found.append(picture)
    return found


@pytest.fixture(scope="module")
def documented() -> dict:
    """The Python of docs/onnx.md, as a reader copies it."""
    pytest.importorskip("onnxruntime")
    text = (Path(__file__).parents[2] / "docs" / "onnx.md").read_text(encoding="utf-8")
    namespace: dict = {}
    exec(text.split("```python\n")[1].split("```")[0], namespace)
    return namespace


@pytest.mark.parametrize("fit", ["pad", "resize"])
@pytest.mark.parametrize("style", STYLES)
def test_the_documented_python_places_pictures_as_we_do(documented, style, fit):
    channels = STYLES[style].channels
    mean, std = (0.4, 0.5, 0.6, 0.3)[:channels], (0.3, 0.2, 0.25, 0.35)[:channels]
    how = Preprocessing(style=style, image_size=32, fit=fit, mean=mean, std=std)
    size = 28 if style == "fashion-mnist" else 32

    for picture in odd_pictures():
        (ours,) = evaluation.batches(
            torch.from_numpy(prepare(picture, size, style).network_input.copy())[None], how
        )
        theirs = documented["network_images"](picture, how.to_dict())

        assert np.abs(theirs - ours.numpy()).max() < 1e-4


def test_the_documented_python_answers_as_classify_does(documented, onnx_model, tmp_path):
    classifier = load_classifier("small")

    for picture in odd_pictures():
        theirs = dict(documented["classify"](onnx_model, picture))
        ours = classifier.classify_prepared(classifier.prepare(picture)).probabilities
        assert theirs == pytest.approx(dict(ours), abs=1e-4)


def test_files_say_where_pictures_are_placed(folders, onnx_model):
    import onnx

    save_untrained(folders, "own", classes=("a", "b"), style="grey-picture")

    text = export.export("own", "model-card").decode()
    props = {p.key: p.value for p in onnx.load_from_string(onnx_model).metadata_props}
    assert "median colour of its four edges" in text
    assert 'network_input(picture, 28, "fashion-mnist")`, in the middle of' in props["placement"]
