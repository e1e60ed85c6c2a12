"""Networks optimised for one picture at a time on a CPU.

Batch norm is merged into the convolutions, their weights are put into the order in which oneDNN
reads them, and their ReLU is built in. `benchmarks/single_image_latency.py` compares.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vggcore.machine.precision import cpu_multiplies_bf16
from vggcore.model.network import VGG


def folded(network: VGG) -> VGG:
    """A copy that gives the same logits with a third fewer layers to run. For evaluation only.

    In evaluation mode a batch norm is a fixed scale and shift per channel, which the convolution
    before it can apply too. `network` itself is unchanged.
    """
    merged = copy.deepcopy(network).eval()
    for block in merged.feature_blocks():
        for name in [name for name, layer in block.named_children() if name.startswith("bn")]:
            conv = name.replace("bn", "conv")
            layer, norm = block.get_submodule(conv), block.get_submodule(name)
            assert isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            setattr(block, conv, fuse_conv_bn_eval(layer, norm))
            delattr(block, name)
    return merged.requires_grad_(False)


def packed(network: VGG) -> Callable[[Tensor], Tensor]:
    """`folded` for one picture: float32 [1, C, S, S] to logits float32 [1, classes].

    With one picture, PyTorch spends more time putting weights into the processor's order than
    computing. Here that is done once. If the processor multiplies bfloat16 in hardware, the
    convolutions use it. Logits then differ from the plain network's by about `TOLERANCE` of how
    far logits lie apart (a test checks this on `wild`; for `fashion-mnist`, on 1,000 images with
    bfloat16 emulated, 0.0224 at most); in float32 they are the same but for rounding. `folded` is
    used where PyTorch lacks the operations, or they reject this processor or these arguments.
    """
    merged = folded(network)
    if onednn_operations() is None:
        return merged
    spec = network.spec
    try:
        answering = _Packed(merged, torch.bfloat16 if cpu_multiplies_bf16() else torch.float32)
        # Private operations may change: that must come out here, not in front of a visitor.
        answering(torch.zeros(1, spec.in_channels, spec.image_size, spec.image_size))
    except (RuntimeError, TypeError):
        return merged
    return answering


def onednn_operations() -> tuple[Callable, Callable] | None:
    """oneDNN's reordering of weights and its convolution with a ReLU built in; None without them.

    They are PyTorch's private operations, which `torch.compile` uses (seen in 2.11 and 2.14).
    Without them an answer is the same but takes about twice as long.
    """
    reorder = getattr(torch._C._nn, "mkldnn_reorder_conv2d_weight", None)
    convolve = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
    if reorder is None or convolve is None or not torch.backends.mkldnn.is_available():
        return None
    return reorder, convolve


# Difference of a logit, as a share of how far apart the logits of pictures lie.
TOLERANCE = 0.02


class _Packed:
    def __init__(self, merged: VGG, dtype: torch.dtype):
        self.dtype, self.classifier = dtype, merged.classifier
        self.steps = []
        side = merged.spec.image_size
        for block in merged.feature_blocks():
            for layer in block:
                if isinstance(layer, nn.Conv2d):
                    self.steps.append(_packed_convolution(layer, side, dtype))
                elif isinstance(layer, nn.LocalResponseNorm):  # not there in bfloat16
                    self.steps.append(lambda maps, norm=layer: norm(maps.float()).to(dtype))
                elif not isinstance(layer, nn.ReLU):
                    self.steps.append(layer)
            side //= 2

    def __call__(self, images: Tensor) -> Tensor:
        images = images.to(self.dtype)
        for step in self.steps:
            images = step(images)
        return self.classifier(images.float())


def _packed_convolution(layer: nn.Conv2d, side: int, dtype: torch.dtype):
    """The convolution and the ReLU after it, for one picture of this side."""
    shape = (layer.padding, layer.stride, layer.dilation, layer.groups)
    reorder, convolve = onednn_operations() or (None, None)
    assert reorder and convolve and layer.bias is not None
    weight = reorder(layer.weight.to(dtype).to_mkldnn(), *shape, (1, layer.in_channels, side, side))
    bias = layer.bias.to(dtype)
    return lambda images: convolve(images, weight, bias, *shape, "relu", [], "")
