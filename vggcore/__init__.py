"""VGG networks on clothing images: architectures, training, and honest classification.

Importing the package is cheap: PyTorch is loaded only by what needs tensors.

    import vggcore

    spec = vggcore.VGGSpec(configuration="A", width="1/8", num_classes=10)
    print(vggcore.anatomy.totals(spec).parameters)     # no PyTorch yet
    network = vggcore.build(spec, seed=0)
    print(vggcore.load_classifier("wild").classify(picture).label)
"""

from typing import TYPE_CHECKING

from vggcore.machine.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from vggcore.answers.classifier import load_classifier as load_classifier
    from vggcore.model import anatomy as anatomy
    from vggcore.model.architectures import VGGSpec as VGGSpec
    from vggcore.model.network import build as build
    from vggcore.model.network import vgg_block as vgg_block
    from vggcore.model.recipe import TrainConfig as TrainConfig

__version__ = "0.2.0"
__all__ = ["TrainConfig", "VGGSpec", "anatomy", "build", "load_classifier", "vgg_block"]
__getattr__ = lazy_exports(
    __name__,
    {
        "VGGSpec": "vggcore.model.architectures",
        "TrainConfig": "vggcore.model.recipe",
        "anatomy": "vggcore.model.anatomy",
        "build": "vggcore.model.network",
        "vgg_block": "vggcore.model.network",
        "load_classifier": "vggcore.answers.classifier",
    },
)
