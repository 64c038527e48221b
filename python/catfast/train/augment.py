"""Random changes of a patch: how it lies, how large it is seen, by which sensor, through which air.

What happens to a patch is drawn by :func:`draw` from (seed, pass, patch) alone, in the reading process, so
that neither workers nor devices change it; :func:`apply` does it to a whole batch, on the device that trains.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

__all__ = ["WIDTH", "apply", "draw", "identity"]

_FIELDS = {
    "turn": 1,
    "scale": 1,
    "place": 2,
    "gain": 4,
    "offset": 4,
    "haze": 4,
    "veil": 1,
    "noise": 1,
    "shift": 8,
    "edge": 3,
}
WIDTH = sum(_FIELDS.values())
"""Numbers that describe the changes of one patch."""

_HAZE = np.array([1.0, 0.8, 0.65, 0.45])
"""Brightness of haze by band: air scatters blue more than near infrared."""
_WHOLE = 0.999
"""Weight of seen pixels from which an interpolated pixel counts as seen."""


def identity() -> npt.NDArray[np.float32]:
    """The description of no change, (:data:`WIDTH`,)."""
    return _packed(scale=1, gain=np.ones(4), edge=(1, 0, 9))


def draw(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw the changes of one patch, (:data:`WIDTH`,).

    All eight turns alike; 0.6 to 1.3 times as much ground; gain of all bands by 10 % and of each by 3 %,
    offset 0.008 (one standard deviation); in three of ten haze, in three of ten bands shifted by up to a
    pixel, in one of six an edge beyond which nothing was seen; in half noise of 0.0005 to 0.01 reflectance.
    """
    often = rng.random(4)
    haze = rng.uniform(0, 0.1) * _HAZE ** rng.uniform(0.3, 1.5) * (often[0] < 0.3)
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.0)
    return _packed(
        turn=rng.integers(8),
        scale=np.exp(rng.uniform(np.log(0.6), np.log(1.3))),
        place=rng.uniform(-1, 1, 2),
        gain=np.exp(rng.normal(0, 0.1)) * np.exp(rng.normal(0, 0.03, 4)),
        offset=rng.normal(0, 0.008, 4),
        haze=haze,
        veil=rng.uniform(0.4, 0.8),
        noise=np.exp(rng.uniform(np.log(5e-4), np.log(1e-2))) * (often[1] < 0.5),
        shift=rng.uniform(-1, 1, 8) * (often[2] < 0.3),
        edge=(np.cos(angle), np.sin(angle), reach if often[3] < 1 / 6 else 9),
    )


def _packed(**values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    filled = {name: np.zeros(size) for name, size in _FIELDS.items()} | values
    return np.concatenate([np.atleast_1d(filled[name]) for name in _FIELDS]).astype(np.float32)


def apply(image: Tensor, label: Tensor, changes: Tensor, ignore: int) -> tuple[Tensor, Tensor]:
    """Change a batch.

    Args:
        image: reflectance (N, 4, n, n) float32, 0 in all bands where nothing was seen.
        label: codes (N, n, n) uint8.
        changes: what :func:`draw` gave, (N, WIDTH).
        ignore: code of the label where nothing is seen afterwards.

    Returns:
        Image and label of the same shapes. Noise comes from torch's generator of the device.
    """
    parts = dict(zip(_FIELDS, torch.split(changes, list(_FIELDS.values()), dim=1), strict=True))
    image, seen, label = _move(image, label, parts)
    gain, offset, haze, veil, noise = (
        parts[name][:, :, None, None] for name in ("gain", "offset", "haze", "veil", "noise")
    )
    image = (image * gain + offset) * (1 - haze) + haze * veil + noise * torch.randn_like(image)
    seen = seen & _inside(parts["edge"], image.shape[-1])
    return image.clamp_min(1e-4) * seen[:, None], label.masked_fill(~seen, ignore)


def _move(image: Tensor, label: Tensor, parts: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Turn, zoom and shift by one interpolation a band; labels keep their codes."""
    count, bands, size, _ = image.shape
    matrix = _dihedral(parts["turn"]) * parts["scale"][:, :, None]
    # A window smaller than the patch lies anywhere in it; a larger one is centred, mirrored beyond its sides.
    place = parts["place"] * (1 - parts["scale"]).clamp_min(0)
    theta = torch.cat([matrix, place[:, :, None]], dim=2)
    shifts = parts["shift"].view(count, bands, 2) * (2 / size)
    thetas = theta[:, None].repeat(1, bands, 1, 1)
    thetas[:, :, :, 2] += shifts
    planes = (count * bands, 1, size, size)
    grid = F.affine_grid(thetas.view(-1, 2, 3), list(planes), align_corners=False)
    moved = _sampled(image.reshape(planes), grid, "bilinear").view_as(image)
    common = F.affine_grid(theta, [count, 1, size, size], align_corners=False)
    seen = (image > 0).all(1, keepdim=True).float()
    whole = _sampled(seen, common, "bilinear")[:, 0] > _WHOLE
    codes = _sampled(label[:, None].float(), common, "nearest")[:, 0]
    return moved, whole, codes.round().to(torch.uint8)


def _dihedral(turn: Tensor) -> Tensor:
    """Matrices (N, 2, 2) from output to input of turns and flips 0-7 (N, 1), made where they are needed."""
    angle = (turn % 4) * (torch.pi / 2)
    cos, sin = angle.cos().round(), angle.sin().round()
    flip = 1 - 2 * (turn >= 4).float()
    return torch.stack([cos * flip, -sin, sin * flip, cos], dim=1).view(-1, 2, 2)


def _sampled(planes: Tensor, grid: Tensor, mode: str) -> Tensor:
    return F.grid_sample(planes, grid, mode=mode, padding_mode="reflection", align_corners=False)


def _inside(edge: Tensor, size: int) -> Tensor:
    """Which pixels (N, size, size) lie on the near side of each patch's edge."""
    axis = torch.linspace(-1, 1, size, device=edge.device)
    across, down, reach = (part[:, :, None] for part in torch.split(edge, 1, dim=1))
    near: Tensor = across * axis[None, None, :] + down * axis[None, :, None] < reach
    return near
