"""Exported checkpoints: each format is used as a stranger would use it."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load as load_safetensors
from untrained import save_untrained

from vggcore import load_classifier
from vggcore.answers import export
from vggcore.answers.classifier import Classifier
from vggcore.commands import cli
from vggcore.data.classes import CLASSES
from vggcore.data.fashion_mnist import preprocessing
from vggcore.model import checkpoints
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card
from vggcore.model.network import build
from vggcore.pictures.prepare import STYLES
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


def test_people_get_the_page_and_the_hub_gets_yaml_before_it(folders):
    inside = zipfile.ZipFile(io.BytesIO(export.bundle("small", "source")))

    page = inside.read("small/README.md").decode()

    assert page.startswith("# small\n")
    title = page.split("\n## ")[0]
    assert (
        export.export("small", "model-card").decode().split("---\n", 2)[2].strip().startswith(title)
    )


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


WAYS = [(style, fit) for style in STYLES for fit in ("pad", "resize")]


def in_style(folder: Path, style: str, fit: str) -> Classifier:
    """An untrained network for such pictures, whose answers differ from class to class."""
    channels = STYLES[style].channels
    spec = VGGSpec(
        configuration="A", width="1/16", image_size=32, head="pool", in_channels=channels
    )
    way = Preprocessing(
        style=style,
        image_size=32,
        fit=fit,
        mean=(0.4, 0.5, 0.6, 0.3)[:channels],
        std=(0.3, 0.2, 0.25, 0.35)[:channels],
        mirror=channels > 1,
    )
    network = build(spec, seed=0)
    network.classifier.fc.weight.data *= 100
    card = Card(spec=spec, preprocessing=way, classes=CLASSES, temperature=1.7)
    checkpoints.save(folder / "my net", network, card)
    return load_classifier("my net")


def run_page(folder: Path, engine: str, monkeypatch) -> dict[str, float]:
    """What the page's code for an engine says of `photo.jpg`, pasted into a new Python."""
    text = (folder / "README.md").read_text("utf-8")
    code = text.split(f"### {engine}\n")[1].split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.startswith("vgg_pictures")]:
        monkeypatch.delitem(sys.modules, name)
    namespace: dict = {}
    exec(code, namespace)
    assert str(folder) in sys.modules["vgg_pictures.prepare"].__file__
    return dict(zip(namespace["classes"], namespace["shares"].tolist(), strict=True))


def unpacked(content: bytes, folder: Path) -> Path:
    zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
    (inside,) = folder.iterdir()
    return inside


@pytest.mark.parametrize(("style", "fit"), WAYS)
def test_the_pages_python_answers_as_we_do_with_pytorch(folders, tmp_path, style, fit, monkeypatch):
    classifier = in_style(folders, style, fit)
    folder = unpacked(export.bundle("my net", "source"), tmp_path / "zip")

    for picture in odd_pictures():
        picture.save(folder / "photo.jpg")
        theirs = run_page(folder, "PyTorch", monkeypatch)
        prepared = classifier.prepare(Image.open(folder / "photo.jpg"))
        assert theirs == pytest.approx(
            dict(classifier.classify_prepared(prepared).probabilities), abs=1e-4
        )


@pytest.mark.onnx
@pytest.mark.parametrize(  # prepared as for PyTorch; the second answers with the mirror image, too
    ("style", "fit"), [("fashion-mnist", "pad"), ("colour-outline", "pad")]
)
def test_the_pages_python_answers_as_we_do_with_onnx(folders, tmp_path, style, fit, monkeypatch):
    classifier = in_style(folders, style, fit)
    folder = unpacked(export.bundle("my net", "onnx"), tmp_path / "zip")
    odd_pictures()[0].save(folder / "photo.jpg")

    theirs = run_page(folder, "ONNX", monkeypatch)

    prepared = classifier.prepare(Image.open(folder / "photo.jpg"))
    ours = dict(classifier.classify_prepared(prepared).probabilities)
    assert theirs == pytest.approx(ours, abs=1e-4)


def test_what_prepares_pictures_in_a_zip_needs_nothing_of_ours(folders, tmp_path):
    folder = unpacked(export.bundle("small", "source"), tmp_path / "zip")
    code = (
        "import sys; from vgg_pictures.prepare import network_input\n"
        "print({'torch', 'vggcore', 'torchvision'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_a_runs_files_are_named_after_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("VGGCORE_RUNS", str(tmp_path / "runs"))
    save_untrained(tmp_path / "runs" / "my-run", "best")

    for name in ("my-run", tmp_path / "runs/my-run/best"):
        inside = zipfile.ZipFile(io.BytesIO(export.bundle(name, "source"))).namelist()
        assert "my-run/my-run.safetensors" in inside
        assert "best" not in export.export(name, "model-card").decode()


def test_the_command_writes_the_page_with_the_file_into_a_zip(folders, tmp_path, capsys):
    file = tmp_path / "net.zip"

    assert cli.main(["export", "small", "--format", "source", "--output", str(file)]) == 0

    names = zipfile.ZipFile(file).namelist()
    assert {"small/README.md", "small/small.py", "small/small.safetensors"} <= set(names)
    assert cli.main(["export", "small", "--format", "html", "--output", str(file)]) == 2


@pytest.mark.onnx
def test_files_say_where_pictures_are_placed(folders, onnx_model):
    import onnx

    save_untrained(folders, "own", classes=("a", "b"), style="grey-picture")

    text = export.export("own", "model-card").decode()
    props = {p.key: p.value for p in onnx.load_from_string(onnx_model).metadata_props}
    assert "median colour of its four edges" in text
    assert 'network_input(picture, 28, "fashion-mnist")`, in the middle of' in props["placement"]
