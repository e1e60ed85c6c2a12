"""The page beside a network's files: what it takes, and code that runs it; the hub's model card."""

import json
from pathlib import Path

from vggcore.answers import test_data
from vggcore.model import anatomy, checkpoints, source
from vggcore.model.card import Card
from vggcore.pictures.prepare import takes_whole
from vggcore.pictures.preprocessing import Preprocessing

_PAGE = """# {title}

{network}: {parameters:,} parameters, {macs:,} multiply-accumulates (MACs) for one image of
{channels}×{side}×{side}. A plain VGG (Simonyan & Zisserman, arXiv 1409.1556) for pictures of
{subject}, trained with the VGG dashboard's `vggcore` {code_version}.

## How good it is

{scores}

## How to use it

The input, float32 [N, {channels}, {side}, {side}]: {input}. Values from 0 to 1, minus {mean},
divided by {std}. {placement}
The {count} outputs are logits in the order of the card's `classes`; divide them by the temperature
{temperature:.3g} before the softmax.{mirror}{middle}

The code below names the classes of `photo.jpg`, your picture. Run it in the folder of these files.

### ONNX

`{file}.onnx`, with `pip install onnxruntime pillow numpy`:

```python
{code[ONNX]}```

### PyTorch

`{file}.py`, the network, and `{file}.safetensors`, its weights, with
`pip install torch safetensors pillow numpy`:

```python
{code[PyTorch]}```

### vggcore

`{file}.safetensors` and its card, `{file}.json`. This also says "unsure"{also}:

```python
from PIL import Image
from vggcore import load_classifier

classifier = load_classifier("./{file}")
print(classifier.classify(Image.open("photo.jpg")))
```

## What it is not for

It knows {knows} and nothing else. {weak} {unsure}

## How it was trained

{training}
"""

_MIRROR = """
Average the logits of each image with those of its mirror image (left and right swapped): accuracy,
temperature and thresholds were measured that way. The ONNX model does this itself."""
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


_PREPARED = """import numpy as np
from PIL import Image, ImageOps
from vggcore.pictures.prepare import network_input  # needs only NumPy and Pillow

picture = ImageOps.exif_transpose(Image.open("photo.jpg"))
pixels = np.atleast_3d(network_input(picture, {side}, "{style}")) / 255
{placed}images = (pixels - [{mean}]) / [{std}]
images = images.astype(np.float32).transpose(2, 0, 1)[None]
"""
_SCALED = """pixels = Image.fromarray(pixels[..., 0].astype(np.float32))
pixels = np.asarray(pixels.resize(({size}, {size}), Image.Resampling.BILINEAR))[..., None]
"""
_PADDED = """pixels = np.pad(pixels, (({before}, {after}), ({before}, {after}), (0, 0)))
"""
_ONNX = """cpu = ["CPUExecutionProvider"]
session = onnxruntime.InferenceSession("{file}.onnx", providers=cpu)
(logits,) = session.run(["logits"], {{"images": images}})
"""
_TORCH = """network = runpy.run_path("{file}.py")["{class_name}"]().eval()
network.load_state_dict(load_file("{file}.safetensors"))
with torch.inference_mode():
    inputs = torch.from_numpy(images)
    logits = {logits}.numpy()
"""
_NAMED = """
classes = {classes}
shares = np.exp((logits[0] - logits[0].max()) / {temperature})
shares /= shares.sum()
for share, name in sorted(zip(shares, classes), reverse=True)[:5]:
    print(f"{{share:.1%}} {{name}}")
"""


def code(card: Card, file: str) -> dict[str, str]:
    """Python that classifies `photo.jpg`, with ONNX and with PyTorch. file: the network's."""
    way = card.preprocessing
    size = way.image_size
    side, placed = size, ""
    if way.style == "fashion-mnist":  # the data set's own size, then the network's
        side, before = 28, (size - 28) // 2
        after = size - side - before
        scaled = way.fit == "resize"
        placed = (_SCALED if scaled else _PADDED).format(size=size, before=before, after=after)
    prepared = _PREPARED.format(
        side=side,
        style=way.style,
        placed=placed,
        mean=_as_list(way.mean),
        std=_as_list(way.std),
    )
    both_sides = "((network(inputs) + network(inputs.flip(-1))) / 2)"
    torch = _TORCH.format(
        file=file,
        class_name=source.class_name(card.spec),
        logits=both_sides if way.mirror else "network(inputs)",
    )
    named = _NAMED.format(classes=json.dumps(card.classes), temperature=card.temperature)
    onnx = _ONNX.format(file=file)
    return {
        "ONNX": f"import onnxruntime\n{prepared}\n{onnx}{named}",
        "PyTorch": "import runpy\n\nimport torch\nfrom safetensors.torch import load_file\n"
        f"{prepared}\n{torch}{named}",
    }


def text(name: str | Path) -> bytes:
    """The model card of the Hugging Face hub: YAML, then the page. Raises CheckpointError."""
    card = checkpoints.read_card(name)
    front = _front_matter(card.name or checkpoints.stem(name), card)
    return f"---\n{front}\n---\n\n{page(name)}".encode()


def page(name: str | Path) -> str:
    """For people: how good the network is, what it takes, code that runs it; as Markdown.

    Raises CheckpointError.
    """
    file, card = checkpoints.stem(name), checkpoints.read_card(name)
    spec = card.spec
    totals = anatomy.totals(spec)
    return _PAGE.format(
        title=card.name or file,
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
        file=file,
        also=" and looks at a photo's middle, too" if card.preprocessing.middle else "",
        code=code(card, file),
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


def placement(preprocessing: Preprocessing) -> str:
    """How a picture that is not square gets the network's size."""
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
            count = f"{card.test_images:,} " if split == "test" and card.test_images else ""
            rows.append(f"| {dataset}, {count}{split} images | {accuracy:.2%} |")
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
