"""A checkpoint for use elsewhere: as a file, or as a zip with a page that explains it."""

import importlib.util
import io
import json
import logging
import re
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import vggcore
from vggcore.answers import model_card, webpage
from vggcore.machine.files import to_json
from vggcore.machine.messages import Message
from vggcore.model import checkpoints
from vggcore.model import source as export_source
from vggcore.model.architectures import VGGSpec

ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
# What `pictures.prepare` needs; NumPy and Pillow alone.
_PREPARING = ("machine/messages.py",) + tuple(
    f"pictures/{name}.py"
    for name in ("__init__", "prepare", "cut_out", "framing", "foreground", "decode", "file_parts")
)
_TOLERANCE = 1e-3  # largest difference of a logit between ONNX Runtime and PyTorch


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


def has_page(form: str) -> bool:
    """Whether files of this format come with a page that says how to use them."""
    return form in _BUNDLES


def bundle(name: str | Path, form: str) -> bytes:
    """A zip: the files of a format, README.md, and the Python that prepares pictures for them.

    Raises CheckpointError, and ValueError as `export` does.
    """
    stem = checkpoints.stem(name)
    files: dict[str, str | bytes] = {
        pattern.format(stem): make(str(name)) for pattern, make in _BUNDLES[form].items()
    }
    files["README.md"] = _on_its_own(model_card.page(name))
    for module in _PREPARING:
        own = Path(vggcore.__file__).parent / module
        files[f"vgg_pictures/{own.name}"] = _on_its_own(own.read_text("utf-8"))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in files.items():
            archive.writestr(f"{stem}/{file}", data)
    return content.getvalue()


def usage(name: str | Path) -> dict[str, str]:
    """Of "ONNX" and "PyTorch": the Python in the page of their zips. Raises CheckpointError."""
    made = model_card.code(checkpoints.read_card(name), checkpoints.stem(name))
    return {engine: _on_its_own(code) for engine, code in made.items()}


def _on_its_own(text: str) -> str:
    """Code that imports the modules of `_PREPARING` from the folder beside it."""
    return re.sub(r"vggcore\.(pictures|machine)", "vgg_pictures", text)


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
            "placement": model_card.placement(card.preprocessing),
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


# Format → what its file's name adds to the checkpoint's, and the function that makes it.
FORMATS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "onnx": ("{}.onnx", onnx),
    "torchvision": ("{}-torchvision.safetensors", export_source.torchvision_weights),
    "source": ("{}.py", source),
    "html": ("{}.html", webpage.page),
    "model-card": ("{}-model-card.md", model_card.text),
}
# Format → the files that its zip holds beside the page and the code that prepares pictures.
_BUNDLES: dict[str, dict[str, Callable[[str], bytes]]] = {
    "onnx": {"{}.onnx": onnx},
    "torchvision": {"{}-torchvision.safetensors": export_source.torchvision_weights},
    "source": {
        "{}.py": source,
        "{}.safetensors": export_source.own_weights,
        "{}.json": card,
    },
}
