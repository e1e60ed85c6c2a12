"""A map of high-dimensional points on which near points stay near: exact t-SNE.

van der Maaten & Hinton, "Visualizing Data using t-SNE", JMLR 9 (2008); started from principal
components, so that the same points give the same map. Memory and time grow with the square of
the number of points: a few thousand at most.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_EXAGGERATION, _EXAGGERATED = 12.0, 100  # factor, and for how many iterations


def principal_axes(points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean [D] and the `count` directions [D, count] in which float points [N, D] vary most.

    Fewer where the points have fewer dimensions. The largest entry of each direction is positive.
    """
    mean = points.mean(0)
    # In float32, LAPACK gives up on variances as small as those of nearly dead features.
    centred = (points - mean).double()
    _, directions = torch.linalg.eigh(centred.T @ centred)
    axes = directions.flip(1)[:, :count].to(points.dtype)
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    return mean, axes * largest.sign()


def tsne(
    points: Tensor,
    perplexity: float = 30.0,
    iterations: int = 400,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """Map float points [N, D] to [N, 2]. `on_progress` receives the share done."""
    joint = _affinities(points, perplexity)
    mean, axes = principal_axes(points, 2)
    places = (points - mean) @ axes
    places = places / places[:, 0].std().clamp(min=1e-12) * 1e-4
    speed, gains = torch.zeros_like(places), torch.ones_like(places)
    rate = max(len(points) / _EXAGGERATION / 4, 50.0)
    for step in range(iterations):
        early = step < _EXAGGERATED
        gradient = _gradient(joint * _EXAGGERATION if early else joint, places)
        same_way = speed.sign() == gradient.sign()
        gains = torch.where(same_way, gains * 0.8, gains + 0.2).clamp(min=0.01)
        speed = (0.5 if early else 0.8) * speed - rate * gains * gradient
        places = places + speed
        if step % 20 == 19:
            on_progress((step + 1) / iterations)
    return places - places.mean(0)


def _affinities(points: Tensor, perplexity: float) -> Tensor:
    """How strongly each pair belongs together: symmetric [N, N], sum 1."""
    n = len(points)
    distances = torch.cdist(points, points).square()
    distances.fill_diagonal_(torch.inf)
    # Each point's own precision, found by bisection, gives it about `perplexity` neighbours.
    low = torch.zeros(n, 1)
    high = torch.full((n, 1), torch.inf)
    precision = 1 / distances.where(distances.isfinite(), 0).mean(1, keepdim=True).clamp(min=1e-12)
    target = torch.tensor(min(perplexity, (n - 1) / 3)).log()
    for _ in range(40):
        chances = (-distances * precision).softmax(1)
        entropy = torch.special.entr(chances).sum(1, keepdim=True)
        too_wide = entropy > target
        low = torch.where(too_wide, precision, low)
        high = torch.where(too_wide, high, precision)
        precision = torch.where(high.isinf(), precision * 2, (low + high) / 2)
    joint = chances + chances.T
    return (joint / joint.sum()).clamp(min=1e-12)


def _gradient(joint: Tensor, places: Tensor) -> Tensor:
    near = 1 / (1 + torch.cdist(places, places).square())
    near.fill_diagonal_(0)
    force = (joint - near / near.sum()) * near
    return 4 * (force.sum(1, keepdim=True) * places - force @ places)
