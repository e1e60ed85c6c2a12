"""The network: `vgg_block`, `VGG`, `build(spec)`, initialisation, torchvision's state dicts.

A network's `named_children()` are block1 … block5 and classifier, so walking through them prints
the shapes people know from textbooks.
"""

import torch
from torch import Tensor, nn

from vggcore.machine.messages import Message
from vggcore.model.architectures import Conv, VGGSpec

INITS = ("kaiming", "xavier", "paper")


def vgg_block(num_convs: int, in_channels: int, out_channels: int) -> nn.Sequential:
    """`num_convs` 3×3 convolutions with ReLU, then a 2×2 max-pool.

    Maps [N, in_channels, H, W] to [N, out_channels, H // 2, W // 2].
    """
    return _block((Conv(out_channels),) * num_convs, in_channels, batch_norm=False, lrn=False)


class ConvBlock(nn.Sequential):
    """Layers that end in ReLU and max-pool, with these two run in the opposite order.

    The largest of four numbers is the same whether ReLU comes before or after, and so is the
    gradient, bit for bit; but ReLU has a quarter of the work, and a step takes 5 to 10 % less.
    """

    def forward(self, images: Tensor) -> Tensor:
        *layers, relu, pool = self
        for layer in layers:
            images = layer(images)
        return relu(pool(images))


def _block(convs: tuple[Conv, ...], in_channels: int, *, batch_norm: bool, lrn: bool):
    block = nn.Sequential() if lrn else ConvBlock()  # LRN comes between ReLU and pool
    for number, (channels, kernel) in enumerate(convs, start=1):
        conv = nn.Conv2d(in_channels, channels, kernel, padding=kernel // 2)
        block.add_module(f"conv{number}", conv)
        if batch_norm:
            block.add_module(f"bn{number}", nn.BatchNorm2d(channels))
        block.add_module(f"relu{number}", nn.ReLU(inplace=True))
        if lrn and number == 1:
            # Constants from the paper's reference (Krizhevsky et al., 2012, section 3.3).
            block.add_module("lrn", nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0))
        in_channels = channels
    block.add_module("pool", nn.MaxPool2d(2, 2))
    return block


def _fc_head(spec: VGGSpec, channels: int) -> nn.Sequential:
    hidden = spec.hidden_units
    return _named(
        flatten=nn.Flatten(),
        fc1=nn.Linear(channels * spec.final_side**2, hidden),
        relu1=nn.ReLU(inplace=True),
        dropout1=nn.Dropout(spec.dropout),
        fc2=nn.Linear(hidden, hidden),
        relu2=nn.ReLU(inplace=True),
        dropout2=nn.Dropout(spec.dropout),
        fc3=nn.Linear(hidden, spec.num_classes),
    )


def _pool_head(spec: VGGSpec, channels: int) -> nn.Sequential:
    return _named(
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        dropout=nn.Dropout(spec.dropout),
        fc=nn.Linear(channels, spec.num_classes),
    )


def _named(**modules: nn.Module) -> nn.Sequential:
    sequential = nn.Sequential()
    for name, module in modules.items():
        sequential.add_module(name, module)
    return sequential


class VGG(nn.Module):
    """The network that a `VGGSpec` describes, with PyTorch's initial weights (see `initialise`)."""

    def __init__(self, spec: VGGSpec):
        super().__init__()
        self.spec = spec
        channels = spec.in_channels
        for number, convs in enumerate(spec.blocks, start=1):
            lrn = spec.table.local_response_norm and number == 1
            block = _block(convs, channels, batch_norm=spec.batch_norm, lrn=lrn)
            self.add_module(f"block{number}", block)
            channels = convs[-1].channels
        head = _fc_head if spec.head == "fc" else _pool_head
        self.classifier = head(spec, channels)

    def forward(self, images: Tensor) -> Tensor:
        """Float images [N, channels, side, side] to logits [N, classes]."""
        return self.classifier(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Output of block 5: [N, channels, side // 32, side // 32]."""
        for block in self.feature_blocks():
            images = block(images)
        return images

    def feature_blocks(self) -> list[nn.Sequential]:
        """The five convolutional blocks, in order."""
        blocks = [module for name, module in self.named_children() if name != "classifier"]
        return [block for block in blocks if isinstance(block, nn.Sequential)]


def build(spec: VGGSpec, *, init: str = "kaiming", seed: int | None = None) -> VGG:
    """A network with fresh weights. With `seed`, the same weights every time."""
    if seed is not None:
        torch.manual_seed(seed)
    network = VGG(spec)
    initialise(network, init)
    return network


@torch.no_grad()
def initialise(network: nn.Module, init: str) -> None:
    """Fresh weights for convolutions and linear layers; biases 0.

    "kaiming": He et al. 2015, fan-out, as torchvision does, linear layers N(0, 0.01);
    "xavier": Glorot uniform; "paper": N(0, variance 0.01) (arXiv 1409.1556, section 3.1).
    Raises ValueError for another name.
    """
    if init not in INITS:
        raise ValueError(
            Message(
                "unknown init {init!r}: choose one of {names}", init=init, names=", ".join(INITS)
            )
        )
    for module in network.modules():
        if not isinstance(module, (nn.Conv2d, nn.Linear)):
            continue
        if init == "paper":
            nn.init.normal_(module.weight, 0, 0.1)
        elif init == "xavier":
            nn.init.xavier_uniform_(module.weight)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        else:
            nn.init.normal_(module.weight, 0, 0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _torchvision_names(network: VGG) -> dict[str, str]:
    """Our state-dict keys → torchvision's, for networks that torchvision has (see below)."""
    spec = network.spec
    if spec.head != "fc" or spec.table.local_response_norm or spec.configuration == "C":
        raise ValueError(
            Message(
                "torchvision has no counterpart of {name} with head {head!r}: only A, B, D "
                "and E with the fc head",
                name=spec.name,
                head=spec.head,
            )
        )
    prefixes, index = {}, 0
    for number, block in enumerate(network.feature_blocks(), start=1):
        for name, _ in block.named_children():
            prefixes[f"block{number}.{name}"] = f"features.{index}"
            index += 1
    for ours, theirs in (("fc1", 0), ("fc2", 3), ("fc3", 6)):
        prefixes[f"classifier.{ours}"] = f"classifier.{theirs}"
    return {
        key: f"{prefixes[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}"
        for key in network.state_dict()
    }


def to_torchvision(network: VGG) -> dict[str, Tensor]:
    """State dict under torchvision's `vgg*` names. Raises ValueError where it has no counterpart.

    Exact for inputs of 224 px; torchvision pools other sizes to 7×7 before its classifier.
    """
    names = _torchvision_names(network)
    return {names[key]: value for key, value in network.state_dict().items()}


def from_torchvision(state: dict[str, Tensor], spec: VGGSpec) -> VGG:
    """Network with weights from torchvision's `vgg*` state dict. Raises ValueError on mismatch."""
    with torch.device("meta"):
        network = VGG(spec)
    names = _torchvision_names(network)
    missing = [theirs for theirs in names.values() if theirs not in state]
    if missing or len(state) != len(names):
        raise ValueError(Message("not a torchvision state dict of {name}", name=spec.name))
    for ours, value in network.state_dict().items():
        if state[names[ours]].shape != value.shape:
            raise ValueError(
                Message(
                    "{tensor} has shape {shape}, {name} needs {needed}",
                    tensor=names[ours],
                    shape=tuple(state[names[ours]].shape),
                    name=spec.name,
                    needed=tuple(value.shape),
                )
            )
    converted = {ours: state[theirs] for ours, theirs in names.items()}
    network.load_state_dict(converted, assign=True)
    return network
