"""The six VGG configurations as data, and `VGGSpec`, which specifies a network exactly.

Plain Python, no PyTorch: pages and the command line can describe networks before torch is
loaded. Source: Simonyan & Zisserman, arXiv 1409.1556, Table 1 (shapes, counts), Table 3
(single-scale ImageNet errors).
"""

import re
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import NamedTuple

from vggcore.machine.messages import Message
from vggcore.model.fields import checked, known_fields, option


class Conv(NamedTuple):
    """One convolution of the paper: its output channels at width 1, and its kernel side."""

    channels: int
    kernel: int = 3


Blocks = tuple[tuple[Conv, ...], ...]


class Configuration(NamedTuple):
    """One column of the paper's Table 1."""

    name: str
    usual_name: str
    blocks: Blocks
    local_response_norm: bool = False
    # Published counts of parameters, 3×224×224 and 1000 classes: the paper's Table 2; torchvision's
    # documented `num_params`, plain and with batch norm.
    published_millions: int | None = None
    torchvision: tuple[int, int] | None = None

    @property
    def short_name(self) -> str:
        """The usual name in one word, as addresses and charts use it: VGG-16-1x1."""
        return self.usual_name.replace(" with ", "-").replace("×", "x")

    @property
    def alias(self) -> str:
        """The usual name as it is typed: vgg16-1x1."""
        return self.short_name.lower().replace("vgg-", "vgg")

    @property
    def weight_layers(self) -> int:
        """Convolutions plus the three fully connected layers: the number in the usual name."""
        return sum(len(block) for block in self.blocks) + 3


def _blocks(*blocks: tuple[int, ...]) -> Blocks:
    return tuple(tuple(Conv(channels) for channels in block) for block in blocks)


def _with_one_by_one(blocks: Blocks) -> Blocks:
    """Configuration C: D, with the last convolution of blocks 3 to 5 shrunk to 1×1."""
    return blocks[:2] + tuple((*block[:-1], Conv(block[-1].channels, 1)) for block in blocks[2:])


_A = _blocks((64,), (128,), (256, 256), (512, 512), (512, 512))
_B = _blocks((64, 64), (128, 128), (256, 256), (512, 512), (512, 512))
_D = _blocks((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)
_E = _blocks((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)

CONFIGURATIONS: dict[str, Configuration] = {
    c.name: c
    for c in (
        Configuration("A", "VGG-11", _A, False, 133, (132_863_336, 132_868_840)),
        Configuration("A-LRN", "VGG-11 with LRN", _A, True, 133),
        Configuration("B", "VGG-13", _B, False, 133, (133_047_848, 133_053_736)),
        Configuration("C", "VGG-16 with 1×1", _with_one_by_one(_D), False, 134),
        Configuration("D", "VGG-16", _D, False, 138, (138_357_544, 138_365_992)),
        Configuration("E", "VGG-19", _E, False, 144, (143_667_240, 143_678_248)),
    )
}

HEADS = ("fc", "pool")
PAPER_FC_WIDTH = 4096
MIN_IMAGE_SIZE = 32  # five 2×2 pools halve the side five times: 32 → 1
WIDTHS = ("1/16", "1/8", "1/4", "3/8", "1/2", "3/4", "1", "3/2", "2")  # the usual ones
_MAX_WIDTH = Fraction(4)
# 1/8, 1, 0.125 and 1e-1, but nothing whose digits would fill the memory.
_RATIO = re.compile(r"[-+]?(\d{1,9}(/\d{1,9}|\.\d{0,30})?|\.\d{1,30})([eE]-?\d{1,2})?", re.ASCII)


def parse_name(name: str) -> tuple[str, bool]:
    """The configuration and batch norm that a name means: `"vgg16-bn"` → `("D", True)`.

    Accepts the paper's columns and the usual names, in any case, with `-bn` or `_bn` appended.
    Raises ValueError listing the known names.
    """
    plain = str(name).strip().lower().replace("_", "-")
    plain, batch_norm = (plain[:-3], True) if plain.endswith("-bn") else (plain, False)
    if plain.startswith("vgg-"):
        plain = "vgg" + plain[4:]
    aliases = {each.alias: each.name for each in CONFIGURATIONS.values()}
    configuration = aliases.get(plain, plain.upper())
    if configuration not in CONFIGURATIONS:
        raise ValueError(
            Message(
                "unknown configuration {name!r}: choose one of {configurations} or {aliases}, "
                "each also with -bn",
                name=name,
                configurations=", ".join(CONFIGURATIONS),
                aliases=", ".join(aliases),
            )
        )
    return configuration, batch_norm


def _known_name(name: str) -> str:
    """`name` as it is. Raises ValueError unless `parse_name` knows it."""
    parse_name(name)
    return name


def parse_width(value) -> Fraction:
    """Width ratio from `"1/8"`, `0.125`, `1` or a Fraction. Raises ValueError."""
    try:
        # Fraction works out 1e999999999 to its last digit.
        if isinstance(value, str) and not _RATIO.fullmatch(value.strip()):
            raise ValueError
        width = Fraction(value).limit_denominator(1024)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(
            Message("width {value!r} is not a ratio such as 1/8 or 1", value=value)
        ) from None
    if not 0 < width <= _MAX_WIDTH:
        raise ValueError(
            Message(
                "width {value!r} is out of range: above 0 and at most {limit}",
                value=value,
                limit=_MAX_WIDTH,
            )
        )
    return width


@dataclass(frozen=True, kw_only=True)
class VGGSpec:
    """Everything that determines a network's layers. Immutable, hashable, JSON via `to_dict`.

    Raises ValueError for a network that cannot exist, saying what is allowed.
    """

    configuration: str = option(
        "A",
        "column of the paper's Table 1, or a usual name such as vgg16-bn",
        offered=CONFIGURATIONS,
        group="network",
        parse=_known_name,
        label="architecture",
    )
    width: Fraction = option(
        Fraction(1),
        "factor for all channel counts of the paper, such as 1/8 or 1",
        offered=WIDTHS,
        group="network",
        parse=parse_width,
        label="width factor",
    )
    batch_norm: bool = option(
        False,
        "batch normalisation between each convolution and its ReLU",
        group="network",
        label="batch normalisation",
    )
    in_channels: int = option(
        1,
        "input channels: 1: grey; with the data sets wild and pictures also 3: colours, or "
        "4: colours and outline",
        low=1,
        high=64,
        offered=(1, 3, 4),
        label="what the network sees",
        group="network",
    )
    image_size: int = option(
        224,
        "side of the network's input; five 2×2 pools need at least 32",
        low=MIN_IMAGE_SIZE,
        high=1024,
        step=8,
        unit="px",
        group="network",
        label="input side",
    )
    num_classes: int = option(
        10, "number of classes that it distinguishes", low=1, high=100_000, group="network"
    )
    head: str = option(
        "fc",
        "fc: the paper's three FC layers; pool: average pool and one linear layer",
        choices=HEADS,
        label="classifier",
        group="network",
    )
    fc_width: int | None = option(
        None,
        "units of each of the two hidden FC layers; if not given, 4096 × width",
        low=1,
        high=65_536,
        kind=int,
        label="hidden FC units",
        group="network",
    )
    dropout: float = option(
        0.5,
        "share of units dropped while training: after each hidden FC layer, or before the linear "
        "layer of a pool head",
        low=0.0,
        high=0.999,
        step=0.05,
        group="network",
    )

    def __post_init__(self):
        configuration, bn_in_name = parse_name(self.configuration)
        object.__setattr__(self, "configuration", configuration)
        object.__setattr__(self, "batch_norm", bool(self.batch_norm) or bn_in_name)
        object.__setattr__(self, "width", parse_width(self.width))
        if isinstance(self.image_size, int) and self.image_size < MIN_IMAGE_SIZE:
            raise ValueError(
                Message(
                    "image_size {image_size} is too small: the five 2×2 pools halve the side five "
                    "times, so it must be at least {least} pixels",
                    image_size=self.image_size,
                    least=MIN_IMAGE_SIZE,
                )
            )
        for f in fields(self):
            object.__setattr__(self, f.name, checked(f, getattr(self, f.name)))
        smallest = min(conv.channels for block in self.table.blocks for conv in block)
        if int(smallest * self.width) < 1 or (self.head == "fc" and self.hidden_units < 1):
            raise ValueError(
                Message(
                    "width {width} leaves a layer with 0 channels: configuration {configuration} "
                    "needs at least 1/{smallest}",
                    width=self.width,
                    configuration=self.configuration,
                    smallest=smallest,
                )
            )

    @property
    def table(self) -> Configuration:
        """The paper's column, at width 1."""
        return CONFIGURATIONS[self.configuration]

    @property
    def blocks(self) -> Blocks:
        """The five blocks at this width."""
        return tuple(
            tuple(Conv(int(conv.channels * self.width), conv.kernel) for conv in block)
            for block in self.table.blocks
        )

    @property
    def hidden_units(self) -> int:
        """Units in each of the two hidden FC layers (of an "fc" head)."""
        return int(PAPER_FC_WIDTH * self.width) if self.fc_width is None else self.fc_width

    @property
    def final_side(self) -> int:
        """Height and width of block 5's output, pixels."""
        return self.image_size // 32

    @property
    def name(self) -> str:
        """The usual name, for people, for example `VGG-16-BN ×1/8`."""
        bn = "-BN" if self.batch_norm else ""
        width = "" if self.width == 1 else f" ×{self.width}"
        return f"{self.table.usual_name}{bn}{width}"

    def to_dict(self) -> dict:
        """JSON-ready; the width is a string such as "1/8", so that nothing is rounded."""
        return asdict(self) | {"width": str(self.width)}

    @classmethod
    def from_dict(cls, values: dict) -> "VGGSpec":
        """Inverse of `to_dict`. Raises ValueError for unknown or impossible values."""
        return cls(**known_fields(cls, values))


class ImageNetError(NamedTuple):
    """Published single-scale ImageNet validation errors, per cent (paper, Table 3)."""

    configuration: str
    train_scale: str  # side of the training image, pixels; "256–512" means scale jittering
    top1: float
    top5: float


IMAGENET_ERRORS = tuple(
    ImageNetError(*row)
    for row in (
        ("A", "256", 29.6, 10.4),
        ("A-LRN", "256", 29.7, 10.5),
        ("B", "256", 28.7, 9.9),
        ("C", "256", 28.1, 9.4),
        ("C", "384", 28.1, 9.3),
        ("C", "256–512", 27.3, 8.8),
        ("D", "256", 27.0, 8.8),
        ("D", "384", 26.8, 8.7),
        ("D", "256–512", 25.6, 8.1),
        ("E", "256", 27.3, 9.0),
        ("E", "384", 26.9, 8.7),
        ("E", "256–512", 25.5, 8.0),
    )
)
