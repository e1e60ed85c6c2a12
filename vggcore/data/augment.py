"""Variations of training images, drawn anew for every step from a generator."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SOFT_SIDES = (20, 34)  # pixels that the strongest blur leaves


def jitter(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, scale, shift, mirror, cover, blur and relight each of float32 [N, C, S, S] in 0…1.

    C: 1 for outlines, 3 for colours, 4 for colours and an outline.
    """
    n, side = images.shape[0], images.shape[-1]

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    def numbers(low: float, high: float) -> Tensor:
        return uniform(low, high)[:, None, None, None]

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
    colours, outlines = _parts(images)
    # Beyond a picture's edge there is more of its background, and no outline.
    colours, outlines = (
        F.grid_sample(part, grid, padding_mode=beyond, align_corners=False)
        if part.numel()
        else part
        for part, beyond in ((colours, "border"), (outlines, "zeros"))
    )
    images = torch.cat([colours, outlines], 1)
    # Fashion-MNIST has 28 pixels, and small photos fewer: the others must not be recognisable by
    # being sharper.
    low, high = SOFT_SIDES
    small = int(torch.randint(low, high + 1, (1,), generator=generator))
    soft = F.interpolate(
        images, size=(small, small), mode="bilinear", align_corners=False, antialias=True
    )
    soft = F.interpolate(soft, size=(side, side), mode="bilinear", align_corners=False)
    images = images.lerp(soft, numbers(-0.5, 1.2).clamp(0, 1)).clamp(0, 1)
    colours, outlines = _parts(images)
    if colours.numel():
        colours = recolour(colours, generator)
    outlines = outlines.pow(numbers(-0.5, 0.5).exp()) * numbers(0.7, 1.25)
    images = torch.cat([colours, outlines], 1)
    noise = torch.randn(images.shape, generator=generator)
    images = images + noise * numbers(-0.05, 0.06).clamp(min=0)
    return random_erase(images, 0.25, generator).clamp(0, 1)


def _parts(images: Tensor) -> tuple[Tensor, Tensor]:
    """Colours [N, 3 or 0, S, S] and outlines [N, 1 or 0, S, S] of [N, C, S, S]."""
    coloured = 3 if images.shape[1] >= 3 else 0
    return images[:, :coloured], images[:, coloured:]


def recolour(colours: Tensor, generator: torch.Generator) -> Tensor:
    """Vary saturation, hue, brightness and contrast of each of float32 [N, 3, S, S] in 0…1."""
    n = len(colours)

    def numbers(low: float, high: float, channels: int = 1) -> Tensor:
        drawn = torch.rand(n, channels, 1, 1, generator=generator)
        return drawn * (high - low) + low

    # A class must not depend on its usual colour: channels are mixed, swapped or made grey.
    mix = torch.eye(3) + 0.08 * torch.randn(n, 3, 3, generator=generator)
    turn = torch.randint(3, (n,), generator=generator)
    turn = torch.where(torch.rand(n, generator=generator) < 0.25, turn, 0)
    order = (torch.arange(3)[None, :] + turn[:, None]) % 3
    mix = mix.gather(1, order[:, :, None].expand(-1, -1, 3))
    colours = torch.einsum("nij,njhw->nihw", mix, colours)
    grey = colours.mean(1, keepdim=True)
    colours = grey + (colours - grey) * numbers(-0.15, 1.5).clamp(min=0)
    colours = colours * numbers(0.75, 1.25) * numbers(0.92, 1.08, 3) + numbers(-0.06, 0.06)
    return colours.clamp(0, 1).pow(numbers(-0.4, 0.4).exp())


def random_erase(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Blank a random rectangle, up to a third of the side, in some of [N, C, S, S]."""
    n, side = images.shape[0], images.shape[-1]
    span = torch.arange(side)

    def inside() -> Tensor:
        start = torch.rand(n, generator=generator)[:, None] * side * 1.2 - 0.2 * side
        length = (0.1 + 0.25 * torch.rand(n, generator=generator))[:, None] * side
        return (span >= start) & (span < start + length)

    chosen = torch.rand(n, generator=generator) < chance
    return _blanked(images, inside(), inside(), chosen)


def shift_and_mirror(images: Tensor, generator: torch.Generator) -> Tensor:
    """Light variation for Fashion-MNIST's own images, uint8 [N, S, S], which come centred."""
    n, side = images.shape[0], images.shape[-1]
    images = _mirrored(images, torch.rand(n, generator=generator) < 0.5)
    reach = side // 14
    down, across = (torch.randint(2 * reach + 1, (n,), generator=generator) for _ in range(2))
    return _shifted(images, reach, down, across)


def augment(
    images: Tensor,
    generator: torch.Generator,
    *,
    flip: bool = False,
    shift: int = 0,
    erase: float = 0.0,
) -> Tensor:
    """Flip, shift and erase each image of uint8 [B, S, S] or [B, C, S, S] independently.

    shift: most pixels; erase: chance that a rectangle is blanked. Random numbers come from the
    CPU generator, so that every device sees the same images.
    """
    n, side = len(images), images.shape[-1]

    def randint(high: int) -> Tensor:
        return torch.randint(high, (n,), generator=generator)

    drawn: list[Tensor] = []
    if flip:
        drawn += [randint(2)]
    if shift:
        drawn += [randint(2 * shift + 1), randint(2 * shift + 1)]
    if erase:
        drawn += [randint(side), randint(side), randint(10) + 5, randint(10) + 5]
        drawn += [(torch.rand(n, generator=generator) < erase).long()]
    numbers = iter(_on_device(drawn, images.device))
    if flip:
        images = _mirrored(images, next(numbers).bool())
    if shift:
        images = _shifted(images, shift, next(numbers), next(numbers))
    if erase:
        span = torch.arange(side, device=images.device)
        top, left, height, width = (next(numbers)[:, None] for _ in range(4))
        in_rows = (span >= top - height // 2) & (span < top + (height + 1) // 2)
        in_columns = (span >= left - width // 2) & (span < left + (width + 1) // 2)
        images = _blanked(images, in_rows, in_columns, next(numbers).bool())
    return images


def _on_device(drawn: list[Tensor], device: torch.device) -> Sequence[Tensor]:
    """The rows, int64 [N] each, in one copy: eight small copies would each wait for a GPU."""
    if device.type == "cpu" or not drawn:
        return drawn
    rows = torch.stack(drawn)
    if device.type == "cuda":
        rows = rows.pin_memory()
    return rows.to(device, non_blocking=True).unbind()


def _mirrored(images: Tensor, which: Tensor) -> Tensor:
    """Images [N, …, S, S], of which those chosen by `which`, bool [N], are mirrored left-right."""
    return torch.where(which.view(-1, *(1,) * (images.ndim - 1)), images.flip(-1), images)


def _shifted(images: Tensor, reach: int, down: Tensor, across: Tensor) -> Tensor:
    """Each of [N, …, S, S] shifted by its own numbers, int [N] from 0 to twice the reach."""
    if images.ndim == 4:  # channels move together
        channels = images.shape[1]
        down, across = (numbers.repeat_interleave(channels) for numbers in (down, across))
        return _shifted(images.flatten(0, 1), reach, down, across).view(images.shape)
    n, side = images.shape[0], images.shape[-1]
    padded = F.pad(images, (reach,) * 4)
    span = torch.arange(side, device=images.device)
    rows = (down[:, None] + span)[:, :, None]
    columns = (across[:, None] + span)[:, None, :]
    return padded[torch.arange(n, device=images.device)[:, None, None], rows, columns]


def _blanked(images: Tensor, rows: Tensor, columns: Tensor, which: Tensor) -> Tensor:
    """Images of which those chosen by `which` are blank where rows and columns, bool [N, S], meet.

    images: [N, S, S] or [N, C, S, S].
    """
    hole = rows[:, :, None] & columns[:, None, :] & which[:, None, None]
    return images.masked_fill(hole if images.ndim == 3 else hole[:, None], 0)


def mixup(
    inputs: Tensor, labels: Tensor, alpha: float, generator: torch.Generator, classes: int = 10
) -> tuple[Tensor, Tensor]:
    """Blend each input with the next one in the batch, by one weight from Beta(alpha, alpha).

    Returns inputs and soft targets float [B, classes] (Zhang et al., arXiv 1710.09412).
    """
    seed = int(torch.randint(2**31, (1,), generator=generator))
    weight = float(np.random.default_rng(seed).beta(alpha, alpha))
    targets = F.one_hot(labels, classes).to(inputs.dtype)
    mixed_inputs = inputs * weight + inputs.roll(1, 0) * (1 - weight)
    return mixed_inputs, targets * weight + targets.roll(1, 0) * (1 - weight)


def cutmix(
    images: Tensor, labels: Tensor, generator: torch.Generator, classes: int = 10
) -> tuple[Tensor, Tensor]:
    """Paste a rectangle of each image's neighbour in the batch into it, at the same place.

    images: uint8 [B, …, S, S]. Returns images and soft targets float [B, classes], each weighted
    by its share of the area (Yun et al., arXiv 1905.04899). The rectangle's own share is uniform
    in 0…1; any part beyond the edge is cut off.
    """
    side = images.shape[-1]
    share, *centre = torch.rand(3, generator=generator).tolist()
    half = side * math.sqrt(share) / 2
    (top, bottom), (left, right) = (
        (round(max(0.0, side * c - half)), round(min(side, side * c + half))) for c in centre
    )
    mixed = images.clone()
    mixed[..., top:bottom, left:right] = images.roll(1, 0)[..., top:bottom, left:right]
    weight = (bottom - top) * (right - left) / side**2
    targets = F.one_hot(labels, classes).float()
    return mixed, targets * (1 - weight) + targets.roll(1, 0) * weight
