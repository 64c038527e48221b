"""Simulated clouds and their shadows over a real crop, so that few real grounds are seen under many skies."""

from __future__ import annotations

import numpy as np
import torch

from catfast.simulate.cloud import CLOUD_THICKNESS, HIDDEN_THICKNESS, draw_sky
from catfast.simulate.draws import Draws
from catfast.simulate.scene import SHADOW_LIGHT
from catfast.simulate.surface import draw_sun
from recipes.settings import CLOUD, IGNORE, SHADOW

__all__ = ["add_clouds"]

_DIRECT = (0.70, 0.78, 0.84, 0.90)
"""Share of direct sunlight in the light on the ground, by band: what a shadow can take away."""


def add_clouds(
    image: torch.Tensor, label: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Put a simulated sky over reflectance (4, n, n) with training label (n, n).

    The light that the cloud lets through twice is added to what the cloud reflects, bounces between ground
    and cloud included (adding method). What was cloud stays cloud, what had no label keeps none.
    """
    draws = Draws(int(rng.integers(2**31)), torch, None)
    sun = draw_sun(draws, 1)
    sky = draw_sky(draws, 1, (image.shape[1], image.shape[2]), sun, clear=0.0)
    direct = torch.tensor(_DIRECT).view(4, 1, 1)
    lit = image * (1 - direct * (1 - sky.sunlight))
    mirror = image.clamp(0, 0.98) * sky.albedo
    seen = sky.reflectance + lit * (1 - sky.albedo) ** 2 / (1 - mirror)
    codes = torch.where((sky.sunlight[0] < SHADOW_LIGHT) & (label != CLOUD), SHADOW, label.int())
    visible = CLOUD_THICKNESS + HIDDEN_THICKNESS * image[1].clamp(0, 1)
    codes = torch.where(sky.thickness[0] > visible, CLOUD, codes)
    return seen, torch.where(label == IGNORE, IGNORE, codes).to(torch.uint8)
