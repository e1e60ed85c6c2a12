"""VGG networks on clothing images: architectures, training, and honest classification.

Importing the package is cheap: PyTorch is loaded only by what needs tensors.

    import vggcore

    spec = vggcore.VGGSpec(configuration="A", width="1/8", num_classes=10)
    print(vggcore.anatomy.totals(spec).parameters)     # no PyTorch yet
    network = vggcore.build(spec, seed=0)
    print(vggcore.load_classifier("wild").classify(picture).label)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vggcore.answers.classifier import load_classifier as load_classifier
    from vggcore.model import anatomy as anatomy
    from vggcore.model.architectures import VGGSpec as VGGSpec
    from vggcore.model.network import build as build
    from vggcore.model.network import vgg_block as vgg_block
    from vggcore.model.recipe import TrainConfig as TrainConfig

__version__ = "0.2.0"
__all__ = ["TrainConfig", "VGGSpec", "anatomy", "build", "load_classifier", "vgg_block"]
_PLACES = {  # where each name is; a module stands for itself
    "TrainConfig": "vggcore.model.recipe",
    "VGGSpec": "vggcore.model.architectures",
    "anatomy": "vggcore.model.anatomy",
    "build": "vggcore.model.network",
    "load_classifier": "vggcore.answers.classifier",
    "vgg_block": "vggcore.model.network",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_PLACES[name])
    return getattr(module, name, module)
