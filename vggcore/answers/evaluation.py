"""A network's answers over a whole split."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from vggcore.answers import scores
from vggcore.data import fashion_mnist
from vggcore.machine.memory import evaluated_at_once
from vggcore.machine.precision import autocast
from vggcore.model.network import VGG
from vggcore.pictures import prepare
from vggcore.pictures.preprocessing import Preprocessing


def batches(
    images: Tensor, preprocessing: Preprocessing, device: torch.device | None = None
) -> Iterator[Tensor]:
    """Network inputs float32 [B, C, S, S], channels last, of uint8 images [N, …] (one, or C).

    device: where to put them; by default where the images are.
    """
    device = images.device if device is None else device
    for chunk in images.split(evaluated_at_once(preprocessing.image_size, device.type)):
        yield fashion_mnist.to_network_input(chunk.to(device), preprocessing).contiguous(
            memory_format=torch.channels_last
        )


def as_trained(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The data set's images, uint8 [N, 28, 28], as the network saw such images in training.

    Networks for photos see everything through `pictures.prepare`: uint8 [N, S, S] or [N, S, S, C].
    """
    if preprocessing.style == "fashion-mnist":
        return images
    size, style = preprocessing.image_size, preprocessing.style
    prepared = [prepare.prepare(image, size, style).network_input for image in images.numpy()]
    return torch.from_numpy(np.stack(prepared))


def answer(
    network: Callable[[Tensor], Tensor], inputs: Tensor, preprocessing: Preprocessing
) -> Tensor:
    """Logits [B, classes] of normalised inputs [B, C, S, S], as a card's preprocessing requires.

    With "mirror" they are the mean over each picture and its mirror image.
    """
    return with_mirror(network(inputs), network, inputs, preprocessing)


def with_mirror(
    logits: Tensor,
    network: Callable[[Tensor], Tensor],
    inputs: Tensor,
    preprocessing: Preprocessing,
) -> Tensor:
    """`answer`, given the logits of the inputs as they are."""
    if not preprocessing.mirror:
        return logits
    return (logits + network(inputs.flip(-1))) / 2


@torch.inference_mode()
def predict(
    network: VGG, images: Tensor, preprocessing: Preprocessing, *, precision: str = "float32"
) -> Tensor:
    """Logits float32 [N, classes] of uint8 images [N, 28, 28], on the images' device.

    The network may be on another one: batches are taken there.

    precision: a resolved one, of `machine.precision`.

    The network's training mode is left as it was.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    with autocast(precision, device):
        logits = [
            answer(network, inputs, preprocessing).float().to(images.device)
            for inputs in batches(images, preprocessing, device)
        ]
    network.train(was_training)
    return torch.cat(logits)


def predict_each(
    network: VGG, inputs: list[list[np.ndarray]], preprocessing: Preprocessing
) -> Tensor:
    """`predict` for pictures with one or several inputs (`Prepared.inputs`): [N, classes].

    Each picture's logits are the mean over its inputs.
    """
    images = torch.from_numpy(np.stack([image for own in inputs for image in own]))
    logits = predict(network, images, preprocessing)
    return torch.stack([each.mean(0) for each in logits.split([len(own) for own in inputs])])


def score(logits: Tensor, labels: Tensor) -> dict:
    """`scores.score` of tensors on any device."""
    return scores.score(logits.cpu().numpy(), labels.cpu().numpy())
