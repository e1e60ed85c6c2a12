"""Architectures, training recipes and presets, the network, its counts, and its checkpoints.

Everything is data here: a `VGGSpec` says exactly which network is meant, a `TrainConfig` how it
is trained, and a `Card` what the outcome was.
"""

from typing import TYPE_CHECKING

from vggcore.machine.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from vggcore.model import anatomy as anatomy
    from vggcore.model import checkpoints as checkpoints
    from vggcore.model.architectures import VGGSpec as VGGSpec
    from vggcore.model.card import Card as Card
    from vggcore.model.network import VGG as VGG
    from vggcore.model.network import build as build
    from vggcore.model.network import vgg_block as vgg_block
    from vggcore.model.presets import PRESETS as PRESETS
    from vggcore.model.recipe import TrainConfig as TrainConfig

__all__ = [
    "Card",
    "PRESETS",
    "TrainConfig",
    "VGG",
    "VGGSpec",
    "anatomy",
    "build",
    "checkpoints",
    "vgg_block",
]
__getattr__ = lazy_exports(
    __name__,
    {
        "VGGSpec": "vggcore.model.architectures",
        "TrainConfig": "vggcore.model.recipe",
        "PRESETS": "vggcore.model.presets",
        "Card": "vggcore.model.card",
        "VGG": "vggcore.model.network",
        "build": "vggcore.model.network",
        "vgg_block": "vggcore.model.network",
        "anatomy": "vggcore.model.anatomy",
        "checkpoints": "vggcore.model.checkpoints",
    },
)
