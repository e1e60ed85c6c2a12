"""What sources of pictures that each have one label share."""

import torch.nn.functional as F
from torch import Tensor

from vggcore.model.recipe import TrainConfig


class Labelled:
    """Loss and right answers, where targets are labels, or shares of two where these are mixed."""

    train: TrainConfig

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy, with the configured label smoothing."""
        return F.cross_entropy(logits, targets, label_smoothing=self.train.label_smoothing)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How many of the batch are right (the larger label, where two are mixed)."""
        labels = targets.argmax(1) if targets.ndim > 1 else targets
        return (logits.argmax(1) == labels).sum()
