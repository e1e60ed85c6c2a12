"""How good a network is: predictions over a whole split, and the scores made from them."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore import data, garments
from vggcore.network import VGG


def batches(images: Tensor, preprocessing: dict, size: int = 500) -> Iterator[Tensor]:
    """Network inputs float32 [B, 1, S, S], channels last, of uint8 images [N, 28, 28]."""
    for chunk in images.split(size):
        yield data.to_network_input(chunk, preprocessing).contiguous(
            memory_format=torch.channels_last
        )


def as_trained(images: Tensor, preprocessing: dict) -> Tensor:
    """Data set images uint8 [N, 28, 28] as the network saw such images in training: [N, S, S].

    Networks of the "wild" style see everything through `garments.prepare`.
    """
    if preprocessing.get("style") != "wild":
        return images
    size = preprocessing["image_size"]
    prepared = [garments.prepare(image, size, "wild").network_input for image in images.numpy()]
    return torch.from_numpy(np.stack(prepared))


@torch.inference_mode()
def predict(
    network: VGG, images: Tensor, preprocessing: dict, *, precision: str = "float32"
) -> Tensor:
    """Logits float32 [N, classes] of uint8 images [N, 28, 28], on the images' device.

    The network's training mode is left as it was.
    """
    was_training = network.training
    network.eval()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16"):
        logits = [network(inputs).float() for inputs in batches(images, preprocessing)]
    network.train(was_training)
    return torch.cat(logits)


def score(logits: Tensor, labels: Tensor) -> dict:
    """`accuracy`, `loss` (mean cross-entropy, nats), `n`, and `confusion` (rows: true class)."""
    classes = logits.shape[1]
    predicted = logits.argmax(1)
    confusion = torch.bincount(labels * classes + predicted, minlength=classes**2)
    return {
        "accuracy": (predicted == labels).sum().item() / len(labels),
        "loss": F.cross_entropy(logits, labels).item(),
        "n": len(labels),
        "confusion": confusion.reshape(classes, classes).tolist(),
    }
