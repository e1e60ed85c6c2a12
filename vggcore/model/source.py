"""A network to download: as plain PyTorch source, as `print(net)`, as torchvision weights.

The source and the printed form are text made from `anatomy`, without PyTorch; tests execute the
former and compare the latter with the built network.
"""

from vggcore.model import anatomy, checkpoints
from vggcore.model.anatomy import Layer
from vggcore.model.architectures import VGGSpec

_TEMPLATE = '''"""{title}, plain PyTorch, needs nothing else.

{parameters:,} parameters, {macs:,} multiply-accumulates for one {channels}×{side}×{side} image.
Source of the architecture: Simonyan & Zisserman, arXiv 1409.1556, Table 1, column {column}.
"""

from collections import OrderedDict

import torch
from torch import nn


class {class_name}(nn.Module):
    """Images [N, {channels}, {side}, {side}] to logits [N, {classes}]."""

    def __init__(self):
        super().__init__()
{blocks}

    def forward(self, images):
        for block in self.children():
            images = block(images)
        return images


if __name__ == "__main__":
    net = {class_name}()
    images = torch.rand(1, {channels}, {side}, {side})
    for name, block in net.named_children():
        images = block(images)
        print(name, "output shape:", images.shape)
    print("parameters:", f"{{sum(p.numel() for p in net.parameters()):,}}")
'''


def source(spec: VGGSpec) -> str:
    """Python source of one module with one class, whose state-dict keys are those of `build`."""
    totals = anatomy.totals(spec)
    return _TEMPLATE.format(
        title=spec.name,
        class_name=class_name(spec),
        column=spec.configuration,
        parameters=totals.parameters,
        macs=totals.macs,
        channels=spec.in_channels,
        side=spec.image_size,
        classes=spec.num_classes,
        blocks="\n".join(_block_source(block, rows, spec) for block, rows in _by_block(spec)),
    )


def class_name(spec: VGGSpec) -> str:
    """A Python class name for people: `VGG16BN`, `VGG16_1x1`."""
    name = spec.table.usual_name.replace(" with ", "_").replace("×", "x").replace("-", "")
    return name + ("BN" if spec.batch_norm else "")


def _by_block(spec: VGGSpec) -> list[tuple[str, list[Layer]]]:
    blocks: dict[str, list[Layer]] = {}
    for row in anatomy.walk(spec):
        blocks.setdefault(row.block, []).append(row)
    return list(blocks.items())


def _block_source(block: str, rows: list[Layer], spec: VGGSpec) -> str:
    lines = [f"            {_short(row)}=nn.{_constructor(row, spec)}," for row in rows]
    return "\n".join([f"        self.{block} = nn.Sequential(OrderedDict(", *lines, "        ))"])


def printed(spec: VGGSpec) -> str:
    """What `print(build(spec))` prints under PyTorch 2.14, without building it."""
    lines = ["VGG("]
    for block, rows in _by_block(spec):
        plain = block == "classifier" or any(row.kind == "lrn" for row in rows)
        lines.append(f"  ({block}): {'Sequential' if plain else 'ConvBlock'}(")
        lines += [f"    ({_short(row)}): {_shown(row, spec)}" for row in rows]
        lines.append("  )")
    return "\n".join([*lines, ")"])


def _short(row: Layer) -> str:
    return row.name.partition(".")[2]


def _constructor(row: Layer, spec: VGGSpec) -> str:
    """The call that makes a layer."""
    inputs, outputs, k = row.input_shape[1], row.output_shape[1], row.kernel
    return {
        "conv": f"Conv2d({inputs}, {outputs}, {k}{', padding=1' if k == 3 else ''})",
        "batch-norm": f"BatchNorm2d({outputs})",
        "relu": "ReLU(inplace=True)",
        "lrn": "LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)",
        "max-pool": "MaxPool2d(2, 2)",
        "avg-pool": "AdaptiveAvgPool2d(1)",
        "flatten": "Flatten()",
        "dropout": f"Dropout({spec.dropout})",
        "linear": f"Linear({inputs}, {outputs})",
    }[row.kind]


def _shown(row: Layer, spec: VGGSpec) -> str:
    """How PyTorch prints a layer."""
    inputs, outputs, k = row.input_shape[1], row.output_shape[1], row.kernel
    padding = ", padding=(1, 1)" if k == 3 else ""
    return {
        "conv": f"Conv2d({inputs}, {outputs}, kernel_size=({k}, {k}), stride=(1, 1){padding})",
        "batch-norm": f"BatchNorm2d({outputs}, eps=1e-05, momentum=0.1, affine=True, bias=True, "
        "track_running_stats=True)",
        "relu": "ReLU(inplace=True)",
        "lrn": "LocalResponseNorm(5, alpha=0.0001, beta=0.75, k=2.0)",
        "max-pool": "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)",
        "avg-pool": "AdaptiveAvgPool2d(output_size=1)",
        "flatten": "Flatten(start_dim=1, end_dim=-1)",
        "dropout": f"Dropout(p={spec.dropout}, inplace=False)",
        "linear": f"Linear(in_features={inputs}, out_features={outputs}, bias=True)",
    }[row.kind]


def torchvision_has(spec: VGGSpec) -> bool:
    """Whether torchvision names such a network's layers: A, B, D, E with three FC layers."""
    return spec.head == "fc" and spec.table.torchvision is not None


def own_weights(checkpoint: str) -> bytes:
    """A checkpoint's safetensors file, whose keys are those of `source`. Raises CheckpointError."""
    path = checkpoints.find(checkpoint)
    return path.with_name(path.name + ".safetensors").read_bytes()


def torchvision_weights(checkpoint: str) -> bytes:
    """A checkpoint's weights under torchvision's names, as a safetensors file.

    `torchvision.models.vgg16(num_classes=…).load_state_dict(safetensors.torch.load_file(…))`
    reads them if the network has torchvision's own sizes: width 1, 3 channels and 224 px.
    Raises CheckpointError for an unknown or damaged checkpoint, ValueError where torchvision has
    no such network.
    """
    from safetensors.torch import save

    from vggcore.model.network import to_torchvision

    state = to_torchvision(checkpoints.load(checkpoint).network)
    return save({key: value.contiguous() for key, value in state.items()})
