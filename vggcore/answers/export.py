"""A checkpoint for use elsewhere: ONNX, torchvision's weights, source, a web page, a model card."""

import importlib.util
import json
import logging
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vggcore.answers import test_data, webpage
from vggcore.machine.files import to_json
from vggcore.machine.messages import Message
from vggcore.model import anatomy, checkpoints
from vggcore.model import source as export_source
from vggcore.model.architectures import VGGSpec
from vggcore.model.card import Card
from vggcore.pictures.prepare import takes_whole
from vggcore.pictures.preprocessing import Preprocessing

ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_TOLERANCE = 1e-3  # largest difference of a logit between ONNX Runtime and PyTorch

_README = """---
{front_matter}
---

# {title}

{network}: {parameters:,} parameters, {macs:,} multiply-accumulates (MACs) for one image of
{channels}×{side}×{side}. A plain VGG (Simonyan & Zisserman, arXiv 1409.1556) for pictures of
{subject}, trained with the VGG dashboard's `vggcore` {code_version}.

## How good it is

{scores}

## How it was trained

{training}

## How to use it

`{file}.safetensors` holds the weights; `{file}.json`, the card, says how to prepare images for it.

```python
from vggcore import load_classifier

classifier = load_classifier("{file}")  # VGGCORE_CHECKPOINTS names the folder with both files
print(classifier.classify(picture))     # PIL image or uint8 array
```

Without `vggcore`: {input}, {side}×{side} pixels with values from 0 to 1, minus {mean},
divided by {std}. {placement}
The {count} outputs are logits in the order of the card's `classes`; divide them by the temperature
{temperature:.3g} before the softmax.{mirror}{middle}

## What it is not for

It knows {knows} and nothing else. {weak} {unsure}
"""

_MIRROR = """
Average the logits of each image with those of its mirror image (left and right swapped): accuracy,
temperature and thresholds were measured that way. The ONNX export does this itself."""
_MIDDLE = """
For a photo that is not cropped to the garment, take the mean with the logits of its middle,
{share:.0%} of each side, prepared in the same way. Drawings are looked at once. No export does
this itself."""
_WEAK_GREY = """Its training pictures show single garments; people,
several garments or a patterned background in a picture mislead it."""
_WEAK_COLOUR = """Several garments in one picture mislead it: crop
to the one you mean."""
# What each channel shows, by their number: see `vggcore/pictures/prepare.py`.
_INPUTS = {
    1: "one channel, grey, the garment bright on black",
    3: "three channels, red, green and blue, cropped to what differs from the background",
    4: "four channels (the picture's red, green and blue, cropped to what differs from "
    "the background; fourth, that difference, bright on black)",
}
_UNSURE = """It says "unsure" below thresholds found on pictures that
it was not trained on; no such rule catches everything."""
_NEVER_UNSURE = """It has no rule for pictures that show no
garment: it names one all the same, unless no class is clearly the most probable."""


def export(name: str | Path, form: str) -> bytes:
    """A checkpoint in one of `FORMATS`, as the content of a file.

    Raises CheckpointError, and ValueError if the format cannot hold it or needs a package.
    """
    if form not in FORMATS:
        raise ValueError(
            Message(
                "unknown format {form!r}: choose one of {names}",
                form=form,
                names=", ".join(FORMATS),
            )
        )
    return FORMATS[form][1](str(name))


def card(name: str | Path) -> bytes:
    """The card as JSON, without where its owner keeps pictures. Raises CheckpointError."""
    return to_json(checkpoints.read_card(name).for_others().to_dict())


def source(name: str | Path) -> bytes:
    """The network as plain PyTorch source, for the checkpoint's own weights. Raises ValueError."""
    return export_source.source(checkpoints.read_card(name).spec).encode()


def missing_for_onnx() -> list[str]:
    """Packages that ONNX export needs and that are not installed."""
    return [package for package in ONNX_PACKAGES if importlib.util.find_spec(package) is None]


def onnx(name: str | Path) -> bytes:
    """An ONNX model: `images` float32 [N, C, S, S], normalised, to `logits` float32 [N, classes].

    Where the card asks for it, the model itself averages over the mirror image. Its metadata give
    classes, preprocessing and temperature. It was checked: ONNX Runtime agrees with PyTorch.
    Raises ValueError if a package is missing, CheckpointError.
    """
    if missing := missing_for_onnx():
        raise ValueError(Message("ONNX export needs: pip install {names}", names=" ".join(missing)))
    import onnx as onnx_package

    checkpoint = checkpoints.load(name)
    answering = _answering(checkpoint)
    model = onnx_package.load_from_string(to_onnx(answering, checkpoint.network.spec))
    card = checkpoint.card
    onnx_package.helper.set_model_props(
        model,
        {
            "classes": json.dumps(card.classes),
            "preprocessing": json.dumps(card.preprocessing.to_dict()),
            "placement": placement(card.preprocessing),
            "temperature": str(card.temperature),
            "sha256_of_weights": card.sha256,
        },
    )
    content = model.SerializeToString()
    _check_onnx(content, answering, _random_images(3, checkpoint.network.spec))
    return content


def to_onnx(module, spec: VGGSpec) -> bytes:
    """A module that takes images of `spec`, as an ONNX model from `images` to `logits`, any N."""
    import torch

    images = _random_images(2, spec)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        _quietly(
            lambda: torch.onnx.export(
                module,
                (images,),
                file,
                input_names=["images"],
                output_names=["logits"],
                dynamic_shapes={"images": {0: torch.export.Dim("n", min=1)}},
                external_data=False,
                verbose=False,
            )
        )
        return file.read_bytes()


def _random_images(count: int, spec: VGGSpec):
    import torch

    return torch.rand(count, spec.in_channels, spec.image_size, spec.image_size)


def _answering(checkpoint: checkpoints.Checkpoint):
    """The network as a module that answers as `evaluation.answer` does."""
    from torch import nn

    from vggcore.answers import evaluation

    class Answering(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = checkpoint.network

        def forward(self, images):
            return evaluation.answer(self.network, images, checkpoint.card.preprocessing)

    return Answering().eval()


def _quietly(call: Callable[[], object]) -> None:
    """Silence PyTorch's exporter: its progress and deprecations are no concern of the user's."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    finally:
        exporter.setLevel(level)


def _check_onnx(content: bytes, network, images) -> None:
    """Raise ValueError unless ONNX Runtime's logits match PyTorch's."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["logits"], {"images": images.numpy()})
    with torch.inference_mode():
        ours = network(images).numpy()
    difference = float(np.abs(theirs - ours).max())
    if not difference <= _TOLERANCE:
        raise ValueError(
            Message(
                "the ONNX model is off by {difference:.2g} and was not written",
                difference=difference,
            )
        )


def model_card(name: str | Path) -> bytes:
    """A README.md as the Hugging Face hub expects it: YAML front matter, then text.

    Raises CheckpointError.
    """
    path, card = checkpoints.find(name), checkpoints.read_card(name)
    spec = card.spec
    totals = anatomy.totals(spec)
    title = card.name or path.name
    text = _README.format(
        front_matter=_front_matter(title, card),
        title=title,
        network=spec.name,
        parameters=totals.parameters,
        macs=totals.macs,
        channels=spec.in_channels,
        input=_input(card),
        count=len(card.classes),
        subject="its owner's classes" if test_data.is_own(card) else "clothing",
        knows=f"{len(card.classes)} classes" if test_data.is_own(card) else "ten kinds of clothing",
        weak=_WEAK_GREY if spec.in_channels == 1 else _WEAK_COLOUR,
        side=spec.image_size,
        code_version=card.code_version,
        file=path.name,
        mean=_as_list(card.preprocessing.mean),
        std=_as_list(card.preprocessing.std),
        temperature=card.temperature,
        placement=placement(card.preprocessing),
        mirror=_MIRROR if card.preprocessing.mirror else "",
        middle=_MIDDLE.format(share=card.preprocessing.middle) if card.preprocessing.middle else "",
        scores=_scores(card),
        training=_training(card),
        unsure=_UNSURE if card.unsure else _NEVER_UNSURE,
    )
    return text.encode()


def placement(preprocessing: Preprocessing) -> str:
    """How a picture that is not square gets the network's size; docs/onnx.md has it in Python."""
    side = preprocessing.image_size
    if takes_whole(preprocessing.style):
        return (
            f"Scale the picture, upright, so that its longer side has {side} pixels (averaging "
            "over boxes where that makes it smaller, bilinear where larger), and put it in the "
            f"middle of a square of {side}×{side} filled with the median colour of its four edges."
        )
    size = 28 if preprocessing.style == "fashion-mnist" else side
    around = {"pad": "in the middle of black", "resize": "scaled bilinearly"}[preprocessing.fit]
    then = f", {around} to {side}×{side}" if size != side else ""
    return (
        "The picture is cut to what differs from its background, with its longer side fitted: "
        f'`vggcore.pictures.prepare.network_input(picture, {size}, "{preprocessing.style}")`{then}.'
    )


def _input(card: Card) -> str:
    channels = card.spec.in_channels
    if takes_whole(card.preprocessing.style):
        kind = "one channel, grey" if channels == 1 else "three channels, red, green and blue"
        return f"{kind}, the whole picture in a square"
    return _INPUTS.get(channels, f"{channels} channels")


def _front_matter(title: str, card: Card) -> str:
    """YAML; since JSON is a subset of it, every value is quoted as in JSON."""
    facts: dict[str, object] = {
        "license": "mit",
        "library_name": "pytorch",
        "pipeline_tag": "image-classification",
        "tags": ["vgg", "image-classification", "safetensors"],
    }
    if not test_data.is_own(card):
        facts["tags"] = ["vgg", "image-classification", "fashion-mnist", "safetensors"]
    if card.data.on_garments:
        facts["datasets"] = ["zalando-datasets/fashion_mnist"]
    if card.data.on_garments and card.test_accuracy is not None:
        facts["metrics"] = ["accuracy"]
        result = {
            "task": {"type": "image-classification"},
            "dataset": {
                "name": "Fashion-MNIST",
                "type": "zalando-datasets/fashion_mnist",
                "split": "test",
            },
            "metrics": [{"type": "accuracy", "value": card.test_accuracy}],
        }
        facts["model-index"] = [{"name": title, "results": [result]}]
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in facts.items())


def _as_list(channels: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in channels)


def _scores(card: Card) -> str:
    rows = ["| on | accuracy |", "|---|---|"]
    dataset = "Fashion-MNIST" if card.data.on_garments else card.data.name
    for split, accuracy in (("test", card.test_accuracy), ("validation", card.val_accuracy)):
        if accuracy is not None:
            rows.append(f"| {dataset}, {split} images | {accuracy:.2%} |")
    if card.test_top5 is not None:
        rows.append(f"| {dataset}, test images, top-5 | {card.test_top5:.2%} |")
    return "\n".join(rows)


def _training(card: Card) -> str:
    data = card.data
    images = f"{data.train_images:,} images" if data.train_images else "images"
    recipe = card.for_others().train
    facts = [
        f"- data: {images} ({', '.join(data.sources or [data.name])}); SHA-256 `{data.sha256}`",
        f"- {card.epochs} epochs, {card.steps} steps, {card.seconds or 0:.0f} s "
        f"on {card.machine}, PyTorch {card.torch}, seed {card.seed}",
        f"- recipe: `{json.dumps(recipe)}`",
    ]
    return "\n".join(facts)


# Format → what its file's name adds to the checkpoint's, and the function that makes it.
FORMATS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "onnx": ("{}.onnx", onnx),
    "torchvision": ("{}-torchvision.safetensors", export_source.torchvision_weights),
    "source": ("{}.py", source),
    "html": ("{}.html", webpage.page),
    "model-card": ("{}-README.md", model_card),
}
