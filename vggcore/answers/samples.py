"""A few validation pictures, and what the network makes of them after each epoch."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vggcore.answers import evaluation
from vggcore.model.network import VGG
from vggcore.pictures.preprocessing import Preprocessing


class Samples(NamedTuple):
    """One picture of each class, in the order of the classes."""

    images: Tensor  # as the network gets them: uint8 [N, S, S], or [N, S, S, C]
    labels: list[int]

    @classmethod
    def first_of_each(cls, images: Tensor, labels: Tensor) -> "Samples":
        """The first labelled picture of each class that is there."""
        chosen = [int((labels == label).nonzero()[0]) for label in labels.unique(sorted=True)]
        return cls(images[chosen], labels[chosen].tolist())

    def answers(self, network: VGG, preprocessing: Preprocessing) -> list:
        """[label, probabilities to three digits] of each picture, for the epoch's row."""
        device = next(network.parameters()).device
        chances = evaluation.predict(network, self.images.to(device), preprocessing).softmax(1)
        rounded = torch.round(chances.cpu().double(), decimals=3).tolist()
        return [list(pair) for pair in zip(self.labels, rounded, strict=True)]

    def strip(self) -> Image.Image:
        """The pictures side by side, in colour if they have any."""
        tiles = self.images[..., :3] if self.images.ndim == 4 else self.images
        return Image.fromarray(np.concatenate(list(tiles.cpu().numpy()), axis=1))
