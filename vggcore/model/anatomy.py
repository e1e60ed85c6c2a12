"""What a network consists of, layer by layer: shapes, parameters, MACs, memory, receptive field.

Plain arithmetic over a `VGGSpec`: no PyTorch, no weights. It takes well under a millisecond for
VGG-19, so pages recount while a slider moves. Tests check every number with the built network.

Conventions. One MAC is one multiply and one add of a convolution or linear layer; bias, ReLU,
pooling, normalisation and dropout count 0; FLOPs = 2 × MACs. Memory is float32 for one image.
`activation_bytes` is new memory that a layer writes: 0 for ReLU (in place) and flatten (a view).
"""

from functools import lru_cache
from math import prod
from typing import NamedTuple

import pandas as pd

from vggcore.model.architectures import VGGSpec

FLOAT_BYTES = 4
CONVENTION = (
    "1 MAC = one multiply and one add of a convolution or linear layer; bias, ReLU, pooling and "
    "normalisation count 0. FLOPs = 2 × MACs. Memory: float32, one image."
)
GROUPS = {"conv": "convolutions", "batch-norm": "normalisation", "linear": "fully connected"}


class Layer(NamedTuple):
    """One layer, for one image passing through it. Shapes start with the batch size 1."""

    block: str
    name: str  # the module's name in the built network, such as "block1.conv2"
    kind: str
    kernel: int | None  # side in pixels of the layer's input; None: not a sliding window
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    activation_bytes: int
    parameter_bytes: int
    receptive_field: int  # side in input pixels that one output sees, padding included
    stride: int | None  # input pixels between neighbouring outputs; None: only one position


class Totals(NamedTuple):
    """Sums over the layers of one network."""

    name: str
    configuration: str
    parameters: int
    conv_parameters: int
    norm_parameters: int
    fc_parameters: int
    macs: int
    flops: int
    activation_bytes: int
    parameter_bytes: int
    weight_layers: int  # convolutions and linear layers
    receptive_field: int  # after block 5, input pixels
    features: tuple[int, ...]  # output shape of block 5


class Check(NamedTuple):
    """A published parameter count compared with ours."""

    source: str
    published: str
    agrees: bool


class _Walk:
    """Follows one image through the network and notes each layer."""

    def __init__(self, spec: VGGSpec):
        self.shape: tuple[int, ...] = (1, spec.in_channels, spec.image_size, spec.image_size)
        self.receptive_field = 1
        self.stride: int | None = 1
        self.layers: list[Layer] = []

    def conv(self, name: str, channels: int, kernel: int) -> None:
        _, in_channels, height, width = self.shape
        weights = kernel * kernel * in_channels * channels
        assert self.stride is not None  # convolutions come before the maps are gathered
        self.receptive_field += (kernel - 1) * self.stride
        output = (1, channels, height, width)
        macs = weights * height * width
        self._add(name, "conv", output, kernel=kernel, parameters=weights + channels, macs=macs)

    def max_pool(self, name: str) -> None:
        _, channels, height, width = self.shape
        assert self.stride is not None
        self.receptive_field += self.stride
        self.stride *= 2
        self._add(name, "max-pool", (1, channels, height // 2, width // 2), kernel=2)

    def gather(self, name: str, kind: str) -> None:
        """Global average pool or flatten: from here on there is one position, not a grid."""
        _, channels, side, _ = self.shape
        if self.stride is not None:
            self.receptive_field += (side - 1) * self.stride
        self.stride = None
        if kind == "flatten":
            self._add(name, kind, (1, channels * side * side), writes=False)
        else:
            self._add(name, kind, (1, channels, 1, 1), kernel=side)

    def linear(self, name: str, units: int) -> None:
        weights = self.shape[1] * units
        self._add(name, "linear", (1, units), parameters=weights + units, macs=weights)

    def same_shape(self, name: str, kind: str, *, parameters: int = 0, writes: bool = True) -> None:
        """Batch norm, LRN, ReLU, dropout."""
        self._add(name, kind, self.shape, parameters=parameters, writes=writes)

    def _add(self, name, kind, output, *, kernel=None, parameters=0, macs=0, writes=True):
        self.layers.append(
            Layer(
                block=name.partition(".")[0],
                name=name,
                kind=kind,
                kernel=kernel,
                input_shape=self.shape,
                output_shape=output,
                parameters=parameters,
                macs=macs,
                activation_bytes=prod(output) * FLOAT_BYTES if writes else 0,
                parameter_bytes=parameters * FLOAT_BYTES,
                receptive_field=self.receptive_field,
                stride=self.stride,
            )
        )
        self.shape = output


@lru_cache(maxsize=256)
def walk(spec: VGGSpec) -> tuple[Layer, ...]:
    """The layers in the order in which an image passes through them."""
    image = _Walk(spec)
    for number, convs in enumerate(spec.blocks, start=1):
        _walk_block(image, f"block{number}", convs, spec)
    if spec.head == "fc":
        _walk_fc_head(image, spec)
    else:
        _walk_pool_head(image, spec)
    return tuple(image.layers)


def _walk_block(image: _Walk, block: str, convs, spec: VGGSpec) -> None:
    for number, (channels, kernel) in enumerate(convs, start=1):
        image.conv(f"{block}.conv{number}", channels, kernel)
        if spec.batch_norm:
            image.same_shape(f"{block}.bn{number}", "batch-norm", parameters=2 * channels)
        image.same_shape(f"{block}.relu{number}", "relu", writes=False)
        if spec.table.local_response_norm and block == "block1" and number == 1:
            image.same_shape(f"{block}.lrn", "lrn")
    image.max_pool(f"{block}.pool")


def _walk_fc_head(image: _Walk, spec: VGGSpec) -> None:
    image.gather("classifier.flatten", "flatten")
    for number in (1, 2):
        image.linear(f"classifier.fc{number}", spec.hidden_units)
        image.same_shape(f"classifier.relu{number}", "relu", writes=False)
        image.same_shape(f"classifier.dropout{number}", "dropout")
    image.linear("classifier.fc3", spec.num_classes)


def _walk_pool_head(image: _Walk, spec: VGGSpec) -> None:
    image.gather("classifier.pool", "avg-pool")
    image.gather("classifier.flatten", "flatten")
    image.same_shape("classifier.dropout", "dropout")
    image.linear("classifier.fc", spec.num_classes)


def layers(spec: VGGSpec) -> pd.DataFrame:
    """One row per layer: the fields of `Layer`, and each layer's share of parameters and MACs."""
    columns: dict = {}
    # Column by column, which takes pandas a fifth of the time that rows would.
    for field, values in zip(Layer._fields, zip(*walk(spec), strict=True), strict=True):
        columns[field] = pd.array(values, "Int64") if field in _MAY_BE_NONE else list(values)
        if field in _SHARED:
            total = sum(values)
            columns[_SHARED[field]] = [value / total for value in values]
    return pd.DataFrame(columns)


_MAY_BE_NONE = ("kernel", "stride")
_SHARED = {"parameters": "parameter_share", "macs": "mac_share"}


@lru_cache(maxsize=256)
def totals(spec: VGGSpec) -> Totals:
    """Sums over all layers; parameters also split into convolutions, normalisation and FC."""
    rows = walk(spec)
    macs = sum(row.macs for row in rows)
    split = {kind: sum(row.parameters for row in rows if row.kind == kind) for kind in GROUPS}
    last_pool = next(row for row in reversed(rows) if row.block == "block5")
    return Totals(
        name=spec.name,
        configuration=spec.configuration,
        parameters=sum(row.parameters for row in rows),
        conv_parameters=split["conv"],
        norm_parameters=split["batch-norm"],
        fc_parameters=split["linear"],
        macs=macs,
        flops=2 * macs,
        activation_bytes=sum(row.activation_bytes for row in rows),
        parameter_bytes=sum(row.parameter_bytes for row in rows),
        weight_layers=sum(row.kind in ("conv", "linear") for row in rows),
        receptive_field=last_pool.receptive_field,
        features=last_pool.output_shape,
    )


def is_the_papers(spec: VGGSpec) -> bool:
    """Whether this is a network of the paper itself: 3×224×224 in, 1000 classes, no batch norm."""
    return not spec.batch_norm and _is_at_the_papers_setting(spec)


def _is_at_the_papers_setting(spec: VGGSpec) -> bool:
    paper = VGGSpec(
        configuration=spec.configuration,
        batch_norm=spec.batch_norm,
        in_channels=3,
        num_classes=1000,
    )
    return walk(spec) == walk(paper)


def published_checks(spec: VGGSpec) -> list[Check]:
    """Every published parameter count for exactly this network, and whether ours agrees.

    Published: arXiv 1409.1556, Table 2, in millions, and torchvision's `num_params`; both at the
    paper's setting, 3×224×224 and 1000 classes. The list is empty if nothing was published.
    """
    counted, checks = totals(spec).parameters, []
    millions = spec.table.published_millions
    if millions is not None and is_the_papers(spec):
        agrees = round(counted / 1e6) == millions
        checks.append(Check("paper", f"{millions} million", agrees))
    if spec.table.torchvision and _is_at_the_papers_setting(spec):
        number = spec.table.torchvision[spec.batch_norm]
        checks.append(Check("torchvision", f"{number:,}", counted == number))
    return checks


def diff(a: VGGSpec, b: VGGSpec) -> pd.DataFrame:
    """The layers of two networks side by side, aligned by block and by place in the block.

    Columns: block, name, change ("same", "changed", "added": only b has it, "removed": only a
    has it), a, b (what the layer is; empty where it is missing), parameters_a, parameters_b,
    parameters (b − a), macs_a, macs_b, macs (b − a).
    """
    left, right = ({_place(row): row for row in walk(spec)} for spec in (a, b))
    rows = [_diff_row(left.get(place), right.get(place)) for place in _merged(left, right)]
    return pd.DataFrame(rows)


def _place(row: Layer) -> str:
    """What a layer is aligned by. The output layer has the same place in both heads."""
    return "classifier.fc3" if row.name == "classifier.fc" else row.name


def _merged(left: dict, right: dict) -> list[str]:
    """Places of both networks, each in its own order; an addition comes after what it follows."""
    order = list(left)
    previous = -1
    for place in right:
        if place in left:
            previous = order.index(place)
        else:
            previous += 1
            order.insert(previous, place)
    return order


def _diff_row(a: Layer | None, b: Layer | None) -> dict:
    if a is None:
        change = "added"
    elif b is None:
        change = "removed"
    elif (describe(a), a.parameters) != (describe(b), b.parameters):
        change = "changed"
    else:
        change = "same"
    either = a or b
    assert either is not None
    row: dict = {
        "block": either.block,
        "name": either.name,
        "change": change,
        "a": describe(a),
        "b": describe(b),
    }
    for column in ("parameters", "macs"):
        before, after = (getattr(layer, column) if layer else 0 for layer in (a, b))
        row |= {f"{column}_a": before, f"{column}_b": after, column: after - before}
    return row


def describe(row: Layer | None) -> str:
    """A layer in a few words: "conv 3×3, 64 → 128"; empty for None."""
    if row is None:
        return ""
    if row.kind == "conv":
        return f"conv {row.kernel}×{row.kernel}, {row.input_shape[1]} → {row.output_shape[1]}"
    if row.kind == "linear":
        return f"linear {row.input_shape[1]:,} → {row.output_shape[1]:,}"
    if row.kind == "max-pool":
        return f"max-pool {row.kernel}×{row.kernel}"
    return row.kind


def shapes_text(spec: VGGSpec) -> str:
    """The six output shapes as the tutorial prints them, one line each, for one image."""
    shapes = {row.block: row.output_shape for row in walk(spec)}  # of each block's last layer
    return "\n".join(
        f"{block:<12}output shape: torch.Size({list(shape)})" for block, shape in shapes.items()
    )


def stacked_kernels(kernel: int, count: int, channels: int, side: int) -> dict[str, dict]:
    """`count` stacked kernel×kernel convolutions, compared with one kernel that sees as much.

    Stride 1, `channels` in and out, no bias, on a side×side map. Keys "stacked" and "single",
    each with kernel, layers, receptive_field (pixels), weights, macs, nonlinearities.
    """
    field = count * (kernel - 1) + 1

    def figures(kernel: int, layers: int) -> dict:
        weights = layers * kernel * kernel * channels * channels
        return {
            "kernel": kernel,
            "layers": layers,
            "receptive_field": layers * (kernel - 1) + 1,
            "weights": weights,
            "macs": weights * side * side,
            "nonlinearities": layers,
        }

    return {"stacked": figures(kernel, count), "single": figures(field, 1)}
