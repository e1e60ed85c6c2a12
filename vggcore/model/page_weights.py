"""A network's weights inside a web page: whole numbers of 16 or 8 bits, as JSON, and back.

Batch norms are merged into the convolutions. Each output channel has a scale of its own.
`dashboard/webpage/assets/network.js` reads the same.
"""

import base64
import binascii
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from vggcore.machine.messages import Message
from vggcore.model.card import Card

if TYPE_CHECKING:
    from torch import nn

    from vggcore.model.network import VGG

BITS = (16, 8)
MAX_BYTES = 30_000_000  # of a page
_NETWORK = re.compile(r'<script type="application/json" id="network">(.*?)</script>', re.DOTALL)


def packed_network(network: "VGG", bits: int) -> dict:
    """JSON-ready: the layers in order, and their weights."""
    from vggcore.model.folding import folded

    parts: list[bytes] = []

    def keep(name: str, layer: "nn.Conv2d | nn.Linear") -> dict:
        assert layer.bias is not None
        weights, bias = (each.detach().float().numpy() for each in (layer.weight, layer.bias))
        scales, whole = rounded(weights.reshape(len(weights), -1), bits)
        parts.extend((scales.tobytes(), bias.tobytes(), whole.tobytes()))
        if weights.ndim == 2:
            return {"name": name, "out": weights.shape[0], "inputs": weights.shape[1]}
        out, channels, kernel, _ = weights.shape
        return {"name": name, "out": out, "channels": channels, "kernel": kernel}

    layers = _layers(folded(network))
    blocks = []
    for number, block in enumerate(network.feature_blocks(), start=1):
        start = f"block{number}."
        convs = [keep(name, layer) for name, layer in layers.items() if name.startswith(start)]
        if hasattr(block, "lrn"):
            convs[0]["lrn"] = True
        blocks.append({"number": number, "convs": convs})
    linear = [keep(name, layer) for name, layer in layers.items() if name.startswith("classifier")]
    content = b"".join(parts)
    return {
        "bits": bits,
        "channels": network.spec.in_channels,
        "head": network.spec.head,
        "blocks": blocks,
        "linear": linear,
        "bytes": len(content),
        "crc32": zlib.crc32(content),
        "weights": base64.b64encode(content).decode(),
    }


def rounded(weights: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights float32 [out, n] as scales float32 [out] and whole numbers [out, n]."""
    top = 2 ** (bits - 1) - 1
    largest = np.abs(weights).max(1)
    scales = np.where(largest > 0, largest / top, 1).astype(np.float32)
    whole = np.rint(weights / scales[:, None]).clip(-top, top)
    return scales, whole.astype(np.int8 if bits == 8 else np.int16)


def from_page(page: bytes) -> "tuple[Card, VGG]":
    """The card and the network of a page, which may come from a stranger. Raises ValueError.

    Batch norms come back as ones that change nothing: they are merged into the convolutions.
    """
    match = _NETWORK.search(page.decode("utf-8", "replace"))
    if match is None:
        raise ValueError(Message("it is not a page with a network, or it is incomplete"))
    try:
        return restored(json.loads(match.group(1)))
    except (KeyError, TypeError, binascii.Error, RecursionError) as error:
        raise ValueError(Message("its network cannot be read: {error!r}", error=error)) from None


def restored(described: Any) -> "tuple[Card, VGG]":
    """The card and the network of `packed_network` with a "card"; or else any error at all."""
    card = Card.from_dict(described["card"])
    content = base64.b64decode(described["weights"], validate=True)
    bits, checksum = described["bits"], described["crc32"]
    if bits not in BITS:
        raise ValueError(Message("its weights have {bits!r} bits: 16 or 8 are allowed", bits=bits))
    if zlib.crc32(content) != checksum:
        raise ValueError(Message("its weights are damaged: their checksum is another"))
    return card, _network(card, content, bits)


def _network(card: Card, content: bytes, bits: int) -> "VGG":
    import torch
    from torch import nn

    from vggcore.model import anatomy
    from vggcore.model.network import VGG

    # Before anything is built: a card may describe a network that does not fit into memory.
    if anatomy.totals(card.spec).parameters * bits // 8 > MAX_BYTES:
        raise ValueError(Message("{network} is too large for a page", network=card.spec.name))
    network = VGG(card.spec).eval()
    at = 0

    def following(kind: str, count: int) -> np.ndarray:
        nonlocal at
        if at + count * np.dtype(kind).itemsize > len(content):
            raise ValueError(
                Message("its weights do not fit its network, {network}", network=card.spec.name)
            )
        part = np.frombuffer(content, kind, count, at)
        at += part.nbytes
        return part

    with torch.no_grad():
        for layer in _layers(network).values():
            out = len(layer.weight)
            scales, bias = following("<f4", out), following("<f4", out)
            whole = following(f"<i{bits // 8}", layer.weight.numel()).reshape(out, -1)
            weights = whole.astype(np.float32) * scales[:, None]
            if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
                raise ValueError(Message("its weights are not all finite"))
            layer.weight.copy_(torch.from_numpy(weights).reshape(layer.weight.shape))
            assert layer.bias is not None
            layer.bias.copy_(torch.from_numpy(bias.copy()))
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                assert norm.running_var is not None
                norm.running_var.fill_(1 - norm.eps)
    if at != len(content):
        raise ValueError(
            Message("its weights do not fit its network, {network}", network=card.spec.name)
        )
    return network


def _layers(network: "VGG") -> "dict[str, nn.Conv2d | nn.Linear]":
    from torch import nn

    modules = network.named_modules()
    return {name: each for name, each in modules if isinstance(each, (nn.Conv2d, nn.Linear))}
