"""Random changes of a real crop: where and how large it is seen, by which sensor, through which air."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

__all__ = ["dihedral", "low_sun", "sensor", "zoomed_crop"]

Pair = tuple[torch.Tensor, torch.Tensor]

_HAZE = (1.0, 0.8, 0.65, 0.45)
"""Brightness of haze by band: air scatters blue more than near infrared."""
_RAYLEIGH = (1.0, 0.55, 0.29, 0.10)
"""Path radiance of clear air by band, as its optical thickness (see catfast.simulate.atmosphere)."""
_OZONE = (0.012, 0.062, 0.038, 0.002)
"""Two-way optical thickness of 300 Dobson units of ozone under a high sun, by band."""


def dihedral(image: torch.Tensor, label: torch.Tensor, rng: np.random.Generator) -> Pair:
    """One of the eight turns and flips of a square, the same for image (4, n, n) and label (n, n)."""
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    image, label = torch.rot90(image, turns, (1, 2)), torch.rot90(label, turns, (0, 1))
    return (image.flip(2), label.flip(1)) if flip else (image, label)


def zoomed_crop(image: torch.Tensor, label: torch.Tensor, size: int, rng: np.random.Generator) -> Pair:
    """A square of 0.4 to 2 times ``size`` (never more than the chip), brought to ``size``."""
    height, width = label.shape
    most = min(height, width, 2 * size)
    side = round(float(np.exp(rng.uniform(np.log(0.4 * size), np.log(most)))))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    window = (slice(top, top + side), slice(left, left + side))
    part, codes = image[:, *window], label[window]
    if side == size:
        return part, codes
    mode = {"mode": "bilinear", "align_corners": False, "antialias": side > size}
    part = F.interpolate(part[None], size=(size, size), **mode)[0]  # type: ignore[arg-type]
    codes = F.interpolate(codes[None, None].float(), size=(size, size), mode="nearest-exact")[0, 0]
    return part, codes.to(torch.uint8)


def sensor(image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Other calibration, haze, noise and band shift for one image (4, n, n), reflectance."""
    gain = np.exp(rng.normal(0, 0.1)) * np.exp(rng.normal(0, 0.03, 4))
    image = image * _bands(gain) + _bands(rng.normal(0, 0.008, 4))
    if rng.random() < 0.3:
        haze = rng.uniform(0, 0.1) * np.asarray(_HAZE) ** rng.uniform(0.3, 1.5)
        image = image * (1 - _bands(haze)) + _bands(haze * rng.uniform(0.4, 0.8))
    if rng.random() < 0.3:
        shifts = rng.integers(-1, 2, (4, 2))
        image = torch.stack(
            [torch.roll(b, tuple(s), (0, 1)) for b, s in zip(image, shifts.tolist(), strict=True)]
        )
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(
            np.exp(rng.uniform(-7.5, -4.5))
        )
        image = image + torch.from_numpy(noise)
    return image


def low_sun(image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Seen through the longer way of a lower sun: more blue light of the air, more ozone."""
    path = _bands(np.exp(rng.uniform(np.log(0.01), np.log(0.2))) * np.asarray(_RAYLEIGH))
    ozone = _bands(np.exp(-np.asarray(_OZONE) * rng.uniform(0, 1.5)))
    return (image + path * (1 - 0.6 * image.clamp(0, 1))) * ozone


def _bands(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(4, 1, 1)
