"""Variations of training images, drawn anew for every step from a generator."""

import torch
import torch.nn.functional as F
from torch import Tensor


def vary(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, scale, shift, mirror, cover, blur and relight each of float32 [N, S, S] in 0…1."""
    n, side = images.shape[0], images.shape[-1]

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    angle = torch.randn(n, generator=generator) * 0.12
    stretch, scale = uniform(-0.12, 0.12).exp(), uniform(-0.12, 0.22).exp()
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = angle.cos() * scale * stretch * mirror
    theta[:, 0, 1] = angle.sin() * scale * stretch + torch.randn(n, generator=generator) * 0.06
    theta[:, 1, 0] = -angle.sin() * scale / stretch * mirror
    theta[:, 1, 1] = angle.cos() * scale / stretch
    theta[:, :, 2] = torch.randn(n, 2, generator=generator) * 0.07
    grid = F.affine_grid(theta, [n, 1, side, side], align_corners=False)
    images = F.grid_sample(images.unsqueeze(1), grid, align_corners=False)
    # Fashion-MNIST is 28 pixels: sharper photos and drawings must not be told apart by that.
    soft = F.interpolate(
        images, size=(28, 28), mode="bilinear", align_corners=False, antialias=True
    )
    soft = F.interpolate(soft, size=(side, side), mode="bilinear", align_corners=False)
    mix = (uniform(-0.5, 1.2)).clamp(0, 1)[:, None, None]
    images = images.squeeze(1).lerp(soft.squeeze(1), mix)
    gamma, gain = uniform(-0.5, 0.5).exp()[:, None, None], uniform(0.7, 1.25)[:, None, None]
    images = images.clamp(0, 1).pow(gamma) * gain
    noise = torch.randn(images.shape, generator=generator)
    images = images + noise * (uniform(-0.05, 0.06).clamp(min=0))[:, None, None]
    return erase(images, 0.25, generator).clamp(0, 1)


def erase(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Blank a random rectangle, of up to a third of the side, in some of [N, S, S]."""
    n, side = images.shape[0], images.shape[-1]
    span = torch.arange(side)

    def inside() -> Tensor:
        start = torch.rand(n, generator=generator)[:, None] * side * 1.2 - 0.2 * side
        length = (0.1 + 0.25 * torch.rand(n, generator=generator))[:, None] * side
        return (span >= start) & (span < start + length)

    chosen = torch.rand(n, generator=generator) < chance
    hole = inside()[:, :, None] & inside()[:, None, :] & chosen[:, None, None]
    return images.masked_fill(hole, 0)


def shift_and_mirror(images: Tensor, generator: torch.Generator) -> Tensor:
    """Light variation for Fashion-MNIST's own images, uint8 [N, S, S], which come centred."""
    n, side = images.shape[0], images.shape[-1]
    mirror = torch.rand(n, generator=generator) < 0.5
    images = torch.where(mirror[:, None, None], images.flip(-1), images)
    reach = side // 14
    padded = F.pad(images, (reach,) * 4)
    rows = torch.randint(2 * reach + 1, (n, 1), generator=generator) + torch.arange(side)
    columns = torch.randint(2 * reach + 1, (n, 1), generator=generator) + torch.arange(side)
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
