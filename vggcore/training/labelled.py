"""What is common to training data whose pictures each have one label."""

import torch.nn.functional as F
from torch import Tensor

from vggcore.model.recipe import TrainConfig


class Labelled:
    """Loss and right answers for targets that are labels, or shares of two labels if mixed."""

    train: TrainConfig

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy, with the configured label smoothing."""
        return F.cross_entropy(logits, targets, label_smoothing=self.train.label_smoothing)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How many of the batch are right (by the larger label, if two are mixed)."""
        labels = targets.argmax(1) if targets.ndim > 1 else targets
        return (logits.argmax(1) == labels).sum()
