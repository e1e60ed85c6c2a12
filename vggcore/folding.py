"""Networks made ready for answering one picture at a time: batch norm merged into convolutions."""

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vggcore.network import VGG


def folded(network: VGG) -> VGG:
    """A copy that gives the same logits with a third fewer layers to run. For evaluation only.

    In evaluation mode a batch norm is a fixed scale and shift a channel, which the convolution
    before it can do as well. `network` itself stays as it is.
    """
    merged = copy.deepcopy(network).eval()
    for block in merged.feature_blocks():
        for name in [name for name, layer in block.named_children() if name.startswith("bn")]:
            conv = name.replace("bn", "conv")
            norm: nn.BatchNorm2d = block.get_submodule(name)
            setattr(block, conv, fuse_conv_bn_eval(block.get_submodule(conv), norm))
            delattr(block, name)
    return merged.requires_grad_(False)
