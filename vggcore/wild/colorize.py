"""Fashion-MNIST's grey garments in colour: as they are, and as shops would photograph them.

Colour must not give a class away, so tints are random; a garment's shading and outline stay.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_AS_IT_COMES, _IN_A_SHOP = 0.6, 0.28  # shares; the rest is tinted on the black background
_WHITE_BACKGROUND = 0.6  # share of shops' backgrounds
_FAINT = 10 / 255  # from this brightness a pixel belongs to the garment
_HOLES = 7  # pixels: gaps in the garment up to this size are white cloth, which is black there


def coloured(images: Tensor, generator: torch.Generator) -> Tensor:
    """Float32 [N, S, S] in 0…1, bright on black, to red, green, blue and outline: [N, 4, S, S]."""
    n = len(images)

    def numbers(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.rand(n, channels, 1, 1, generator=generator) * (high - low) + low

    shade = images[:, None]
    tint = _tints(n, generator)
    background = torch.where(
        numbers(0, 1) < _WHITE_BACKGROUND, numbers(0.88, 1), _tints(n, generator)
    )
    slope = torch.linspace(-1, 1, images.shape[-1])
    light = 1 + numbers(-0.12, 0.12) * slope[:, None] + numbers(-0.12, 0.12) * slope
    light = torch.where(numbers(0, 1) < 0.5, light, 1)
    # The data set's makers negated their photos, so dark cloth is bright here.
    cloth = tint * (1 - numbers(0.3, 0.9) * shade)
    inside = silhouettes(shade)
    shop = ((background + inside * (cloth - background)) * light).clamp(0, 1)
    off = (shop - background * light).abs().amax(1, keepdim=True)
    # As `pictures.prepare` stretches what stands out: the brightest parts of a garment reach 1.
    top = off.flatten(1).quantile(0.985, dim=1)[:, None, None, None].clamp(min=0.04)
    outline = (off / top).clamp(0, 1)
    kind = torch.rand(n, 1, 1, 1, generator=generator)
    grey, dark = shade.expand(-1, 3, -1, -1), tint * shade
    colours = torch.where(kind < _AS_IT_COMES, grey, dark)
    in_shop = (kind >= _AS_IT_COMES) & (kind < _AS_IT_COMES + _IN_A_SHOP)
    colours = torch.where(in_shop, shop, colours)
    return torch.cat([colours, torch.where(in_shop, outline, shade)], 1)


def _tints(n: int, generator: torch.Generator) -> Tensor:
    """Random colours, nearly grey as often as not: float32 [n, 3, 1, 1], 0.05…1."""
    grey = torch.rand(n, 1, generator=generator) * 0.95 + 0.05
    colour = torch.rand(n, 3, generator=generator) * 0.95 + 0.05
    pale = torch.rand(n, 1, generator=generator) < 0.5
    return torch.where(pale, grey + (colour - grey) * 0.1, colour)[:, :, None, None]


def silhouettes(shade: Tensor) -> Tensor:
    """How much of each pixel is garment, small holes included: [N, 1, S, S], 0…1."""
    there = (shade > _FAINT).float()
    reach = _HOLES // 2
    grown = F.max_pool2d(there, _HOLES, 1, reach)
    closed = 1 - F.max_pool2d(1 - grown, _HOLES, 1, reach)
    return F.avg_pool2d(torch.maximum(there, closed), 3, 1, 1)
