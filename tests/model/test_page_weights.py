"""Weights in a web page, and strangers' pages."""

import base64
import json
import zlib

import pytest
import torch
from untrained import save_untrained

from vggcore.answers import webpage
from vggcore.commands import cli
from vggcore.model import checkpoints, page_weights
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card
from vggcore.model.network import build
from vggcore.pictures.preprocessing import Preprocessing


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A small network's page, in a folder of checkpoints."""
    monkeypatch.setenv("VGGCORE_CHECKPOINTS", str(tmp_path))
    save_untrained(tmp_path, "small")
    file = tmp_path / "small.html"
    file.write_bytes(webpage.page("small"))
    return file


def lively(spec: VGGSpec):
    """A network whose batch norms do something."""
    network = build(spec, seed=0).eval()
    for name, buffer in network.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) * 0.2 + (0.5 if "var" in name else -0.1))
    return network


@pytest.mark.parametrize("configuration", ["A-LRN", "B", "C"])
@pytest.mark.parametrize(("bits", "tolerance"), [(16, 2e-4), (8, 4e-2)])
def test_weights_come_back_but_for_rounding(configuration, bits, tolerance):
    norm = configuration != "A-LRN"
    spec = VGGSpec(
        configuration=configuration, width="1/16", batch_norm=norm, image_size=32, head="pool"
    )
    network = lively(spec)
    card = Card(spec=spec, preprocessing=Preprocessing(), classes=("a",), sha256="x")
    described = page_weights.packed_network(network, bits) | {"card": card.to_dict()}
    text = f'<script type="application/json" id="network">{json.dumps(described)}</script>'

    found, restored = page_weights.from_page(text.encode())
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        logits, ours = network(images), restored(images)
    assert found.spec == spec
    assert (logits - ours).abs().max() < tolerance * logits.abs().max()


def test_a_page_is_added_as_a_checkpoint_with_its_card(page, capsys):
    assert cli.main(["checkpoints", "add", str(page), "--name", "back"]) == 0

    ours, back = checkpoints.load("small"), checkpoints.load("back")
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.allclose(ours.network(images), back.network(images), atol=1e-4)
    assert back.card.classes == ours.card.classes
    assert back.card.preprocessing == ours.card.preprocessing


def changed(page: bytes, **values) -> bytes:
    """The page with other values in what it says about its network."""
    start = page.index(b'id="network">') + len(b'id="network">')
    end = page.index(b"</script>", start)
    described = json.loads(page[start:end]) | values
    return page[:start] + json.dumps(described).encode() + page[end:]


def of_content(content: bytes) -> dict:
    return {"weights": base64.b64encode(content).decode(), "crc32": zlib.crc32(content)}


HUGE = {"configuration": "E", "image_size": 224, "num_classes": 100_000}
TOO_LARGE = {"spec": HUGE, "preprocessing": {}, "classes": [], "sha256": "x"}
STRANGE = {
    "torn": (lambda page: page[: len(page) // 2], "incomplete"),
    "no page": (lambda page: b"\x00\xff<html>", "not a page"),
    "no JSON": (lambda page: page.replace(b'"bits"', b'bits"'), "cannot be read"),
    "not an object": (
        lambda page: page.replace(b'"network">{', b'"network">[]{'),
        "cannot be read",
    ),
    "a list": (lambda page: page.replace(b'"network">', b'"network">[1]</script>'), "list"),
    "another checksum": (lambda page: changed(page, crc32=1), "damaged"),
    "no base64": (lambda page: changed(page, weights="§§§"), "cannot be read"),
    "weights that are a list": (lambda page: changed(page, weights=[1]), "cannot be read"),
    "too few weights": (lambda page: changed(page, **of_content(bytes(100))), "do not fit"),
    "too many weights": (lambda page: changed(page, **of_content(bytes(10**6))), "do not fit"),
    "not finite": (lambda page: changed(page, **of_content(b"\xff" * 10**6)), "not all finite"),
    "other bits": (lambda page: changed(page, bits=64), "64 bits"),
    "no card": (lambda page: changed(page, card=None), "lacks spec"),
    "no memory is enough": (lambda page: changed(page, card=TOO_LARGE), "too large for a page"),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_strange_page_is_refused_in_one_line(page, capsys, kind):
    change, expected = STRANGE[kind]
    content = page.read_bytes()
    strange = change(content)
    assert strange != content
    page.write_bytes(strange)

    assert cli.main(["checkpoints", "add", str(page), "--name", "back"]) != 0
    shown = capsys.readouterr().err.strip()
    assert shown.startswith("vggcore checkpoints: ") and expected in shown and "\n" not in shown
    assert not (page.parent / "back.json").exists()
