"""Random changes of crops, a whole batch at once: where and how large, by which sensor, through which air."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812

from catfast.simulate.draws import Draws
from recipes.chips import Chip
from recipes.settings import IGNORE

__all__ = ["Deck", "cut", "low_sun", "sensor", "turned"]

Pair = tuple[torch.Tensor, torch.Tensor]

_HAZE = (1.0, 0.8, 0.65, 0.45)
"""Brightness of haze by band: air scatters blue more than near infrared."""
_RAYLEIGH = (1.0, 0.55, 0.29, 0.10)
"""Path radiance of clear air by band, as its optical thickness (see catfast.simulate.atmosphere)."""
_OZONE = (0.012, 0.062, 0.038, 0.002)
"""Two-way optical thickness of 300 Dobson units of ozone under a high sun, by band."""
_BANDS = (1, 1, 1)


@dataclass(frozen=True, slots=True)
class Deck:
    """Chips in one stack on one device, padded to the size of the largest."""

    images: torch.Tensor
    """Reflectance (n, 4, h, w), the last row and column of a smaller chip repeated."""
    labels: torch.Tensor
    """Training labels (n, h, w)."""
    sizes: torch.Tensor
    """Height and width of each chip (n, 2), float32."""
    odds: tuple[float, ...]
    """How often each chip is drawn, relative to the others: the root of its pixels."""

    @classmethod
    def of(cls, chips: Sequence[Chip], device: torch.device | str = "cpu") -> Deck:
        """Stack ``chips``, one at least."""
        tall, wide = (max(chip.label.shape[axis] for chip in chips) for axis in (0, 1))
        images, labels = [], []
        for chip in chips:
            pad = (0, wide - chip.label.shape[1], 0, tall - chip.label.shape[0])
            images.append(F.pad(torch.from_numpy(chip.image)[None], pad, mode="replicate")[0])
            labels.append(F.pad(torch.from_numpy(chip.label), pad, value=IGNORE))
        sizes = torch.tensor([chip.label.shape for chip in chips], dtype=torch.float32)
        odds = tuple(math.sqrt(chip.label.size) for chip in chips)
        return cls(torch.stack(images).to(device), torch.stack(labels).to(device), sizes.to(device), odds)


def cut(draws: Draws, deck: Deck, count: int, size: int) -> Pair:
    """Cut squares of 0.4 to 2 times ``size`` (never more than the chip), turned, flipped, made ``size`` wide.

    Three in ten have bands that do not quite overlie, by up to a pixel. Returns (count, 4, size, size) and
    labels (count, size, size).
    """
    which = draws.pick(deck.odds, (count,))
    extent = deck.sizes[which]
    most = extent.amin(1).clamp(max=2.0 * size).view(-1, 1, 1)
    least = math.log(0.4 * size)
    side = torch.exp(least + draws.unit((count, 1, 1)) * (most.log() - least))
    corner = draws.unit((count, 2, 1, 1)) * (extent[..., None, None] - side[:, None])
    turn = draws.unit((count, 3, 1, 1)) < 0.5
    shift = draws.chance(count, 0.3, _BANDS) * draws.uniform(count, -1.0, 1.0, (4, 2, 1)) / size
    # Twice as fine and then averaged: no aliasing where a large square is brought to a small size.
    down, across = _places(turn, 2 * size, deck.images.device)
    rows = corner[:, None, 0] + side[:, None] * (down[:, None] + shift[..., :1, :])
    columns = corner[:, None, 1] + side[:, None] * (across[:, None] + shift[..., 1:, :])
    tall, wide = deck.labels.shape[1:]
    grid = torch.stack([2 * columns / wide - 1, 2 * rows / tall - 1], dim=-1).flatten(0, 1)
    seen = F.grid_sample(deck.images[which].flatten(0, 1)[:, None], grid, "bilinear", "border", False)
    image = F.avg_pool2d(seen[:, 0].unflatten(0, (count, 4)), 2)
    down, across = _places(turn, size, deck.images.device)
    y = (corner[:, 0] + side * down).long().clamp(max=tall - 1)
    x = (corner[:, 1] + side * across).long().clamp(max=wide - 1)
    return image, deck.labels[which[:, None, None], y, x]


def _places(turn: torch.Tensor, size: int, device: torch.device) -> Pair:
    """Row and column (count, size, size) of pixel centres in a square of side 1, turned as ``turn`` says."""
    line = (torch.arange(size, device=device) + 0.5) / size
    down, across = line[None, :, None], line[None, None, :]
    swap, up, left = turn[:, 0], turn[:, 1], turn[:, 2]
    rows, columns = torch.where(swap, across, down), torch.where(swap, down, across)
    return torch.where(up, 1 - rows, rows), torch.where(left, 1 - columns, columns)


def turned(draws: Draws, image: torch.Tensor, label: torch.Tensor) -> Pair:
    """Give each square its own one of the eight turns and flips: (n, 4, s, s) and (n, s, s)."""
    turn = draws.unit((len(label), 3, 1, 1)) < 0.5
    for axis, how in enumerate((-1, -2)):
        chosen = turn[:, axis]
        image = torch.where(chosen[:, None], image.flip(how), image)
        label = torch.where(chosen, label.flip(how), label)
    swap = turn[:, 2]
    image = torch.where(swap[:, None], image.transpose(-1, -2), image)
    return image, torch.where(swap, label.transpose(-1, -2), label)


def sensor(draws: Draws, image: torch.Tensor, band_gain: float) -> torch.Tensor:
    """Other calibration, haze and noise for each image (n, 4, s, s), reflectance."""
    count = len(image)
    gain = torch.exp(0.1 * draws.normal((count, 1, 1, 1)) + band_gain * draws.normal((count, 4, 1, 1)))
    image = image * gain + 0.008 * draws.normal((count, 4, 1, 1))
    much = draws.chance(count, 0.3, _BANDS) * draws.uniform(count, 0.0, 0.1, _BANDS)
    haze = much * draws.array(_HAZE).view(1, 4, 1, 1) ** draws.uniform(count, 0.3, 1.5, _BANDS)
    image = image * (1 - haze) + haze * draws.uniform(count, 0.4, 0.8, _BANDS)
    spread = draws.chance(count, 0.5, _BANDS) * torch.exp(draws.uniform(count, -7.5, -4.5, _BANDS))
    return image + spread * draws.normal(image.shape)


def low_sun(draws: Draws, image: torch.Tensor, share: float) -> torch.Tensor:
    """See a share of the images through the longer way of a lower sun: more light of the air, more ozone."""
    count = len(image)
    path = draws.log_uniform(count, 0.01, 0.2, _BANDS) * draws.array(_RAYLEIGH).view(1, 4, 1, 1)
    ozone = torch.exp(-draws.array(_OZONE).view(1, 4, 1, 1) * draws.uniform(count, 0.0, 1.5, _BANDS))
    chosen = draws.chance(count, share, _BANDS) > 0
    return torch.where(chosen, (image + path * (1 - 0.6 * image.clamp(0, 1))) * ozone, image)
