"""Cross-entropy with a fixed logit of 0 for "no garment"."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vggcore.wild.items import NONE

_DECIDED = 3.0  # 1: sum over the classes that count as right; larger: the best one counts more


def with_none(logits: Tensor) -> Tensor:
    """Logits with the fixed logit 0 of "no garment" appended: [N, 11]."""
    return F.pad(logits, (0, 1))


def none_aware_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """The mean of `none_aware_losses`."""
    return none_aware_losses(logits, targets, smoothing).mean()


def none_aware_losses(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy [N] with a fixed logit 0 for "no garment", where several classes may be right.

    logits: [N, 10]; targets: [N, 11], the weight with which each class counts as right. A
    picture of a broad class, such as "long sleeves", may be any of its classes: the loss leaves
    open which. It is a p-norm (p = `_DECIDED`) over the classes that count, so that
    the network settles on one of them instead of dividing its probability among them.
    """
    log_probabilities = with_none(logits).log_softmax(1)
    weighted = log_probabilities + targets.clamp(min=1e-12).log()
    right = torch.logsumexp(_DECIDED * weighted, 1) / _DECIDED
    if smoothing:
        garments_only = targets[:, :NONE].sum(1) > 0
        spread = logits.log_softmax(1).mean(1) * garments_only
        return -((1 - smoothing) * right + smoothing * spread)
    return -right
