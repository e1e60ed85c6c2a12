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
        Configuration("A", "VGG-11", _A),
        Configuration("A-LRN", "VGG-11 with LRN", _A, local_response_norm=True),
        Configuration("B", "VGG-13", _B),
        Configuration("C", "VGG-16 with 1×1", _with_one_by_one(_D)),
        Configuration("D", "VGG-16", _D),
        Configuration("E", "VGG-19", _E),
    )
}

_ALIASES = {
    "vgg11": "A",
    "vgg11-lrn": "A-LRN",
    "vgg13": "B",
    "vgg16-1x1": "C",
    "vgg16": "D",
    "vgg19": "E",
}

HEADS = ("fc", "pool")
PAPER_FC_WIDTH = 4096
MIN_IMAGE_SIZE = 32  # five 2×2 pools halve the side five times: 32 → 1
MAX_IMAGE_SIZE = 1024
_MAX_WIDTH = Fraction(4)
# 1/8, 1, 0.125 and 1e-1, but nothing whose digits would fill the memory.
_RATIO = re.compile(r"[-+]?(\d{1,9}(/\d{1,9}|\.\d{0,30})?|\.\d{1,30})([eE]-?\d{1,2})?")


def parse_name(name: str) -> tuple[str, bool]:
    """The configuration and batch norm that a name means: `"vgg16-bn"` → `("D", True)`.

    Accepts the paper's columns and the usual names, in any case, with `-bn` or `_bn` appended.
    Raises ValueError listing the known names.
    """
    plain = str(name).strip().lower().replace("_", "-")
    plain, batch_norm = (plain[:-3], True) if plain.endswith("-bn") else (plain, False)
    if plain.startswith("vgg-"):
        plain = "vgg" + plain[4:]
    configuration = _ALIASES.get(plain, plain.upper())
    if configuration not in CONFIGURATIONS:
        raise ValueError(
            Message(
                "unknown configuration {name!r}: choose one of {configurations} or {aliases}, "
                "each also with -bn",
                name=name,
                configurations=", ".join(CONFIGURATIONS),
                aliases=", ".join(_ALIASES),
            )
        )
    return configuration, batch_norm


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

    configuration: str = "A"  # column of the paper, or an alias such as "vgg16-bn"
    width: Fraction = Fraction(1)  # ratio applied to every channel count and to the FC width
    batch_norm: bool = False  # BatchNorm between each convolution and its ReLU
    in_channels: int = 1
    image_size: int = 224  # input height and width, pixels
    num_classes: int = 10
    head: str = "fc"  # "fc": the paper's three FC layers; "pool": global average pool, one linear
    fc_width: int | None = None  # units of the two hidden FC layers; None: 4096 × width
    dropout: float = 0.5  # after each hidden FC layer; before the linear layer of a "pool" head

    def __post_init__(self):
        configuration, bn_in_name = parse_name(self.configuration)
        object.__setattr__(self, "configuration", configuration)
        object.__setattr__(self, "batch_norm", bool(self.batch_norm) or bn_in_name)
        object.__setattr__(self, "width", parse_width(self.width))
        _check_int("in_channels", self.in_channels, 1, 64)
        _check_int("num_classes", self.num_classes, 1, 100_000)
        if isinstance(self.image_size, int) and self.image_size < MIN_IMAGE_SIZE:
            raise ValueError(
                Message(
                    "image_size {image_size} is too small: the five 2×2 pools halve the side five "
                    "times, so it must be at least {least} pixels",
                    image_size=self.image_size,
                    least=MIN_IMAGE_SIZE,
                )
            )
        _check_int("image_size", self.image_size, MIN_IMAGE_SIZE, MAX_IMAGE_SIZE)
        if self.head not in HEADS:
            raise ValueError(
                Message(
                    "unknown head {head!r}: choose one of {heads}",
                    head=self.head,
                    heads=", ".join(HEADS),
                )
            )
        if self.fc_width is not None:
            _check_int("fc_width", self.fc_width, 1, 65_536)
        if not (isinstance(self.dropout, (int, float)) and 0 <= self.dropout < 1):
            raise ValueError(
                Message(
                    "dropout {dropout!r} is out of range: from 0 to below 1", dropout=self.dropout
                )
            )
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


def known_fields(cls, values: dict) -> dict:
    """`values`, checked to name only fields of the dataclass `cls`. Raises ValueError."""
    if not isinstance(values, dict):
        raise ValueError(
            Message(
                "{name} must be an object, not {type}",
                name=cls.__name__,
                type=type(values).__name__,
            )
        )
    allowed = [f.name for f in fields(cls)]
    unknown = [key for key in values if key not in allowed]
    if unknown:
        raise ValueError(
            Message(
                "unknown {type} field {unknown!r}: allowed are {allowed}",
                type=cls.__name__,
                unknown=unknown[0],
                allowed=", ".join(allowed),
            )
        )
    return values


def _check_int(field: str, value, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(
            Message(
                "{field} {value!r} is out of range: a whole number from {low} to {high}",
                field=field,
                value=value,
                low=low,
                high=high,
            )
        )


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

# Paper, Table 2: millions of parameters at 3×224×224, 1000 classes.
PUBLISHED_PARAMETERS_MILLIONS = {"A": 133, "A-LRN": 133, "B": 133, "C": 134, "D": 138, "E": 144}
