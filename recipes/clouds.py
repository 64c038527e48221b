"""Simulated clouds and their shadows over real crops, so that few real grounds are seen under many skies."""

from __future__ import annotations

import torch

from catfast.simulate.cloud import CLOUD_THICKNESS, HIDDEN_THICKNESS, draw_sky
from catfast.simulate.draws import Draws
from catfast.simulate.scene import SHADOW_LIGHT
from catfast.simulate.surface import draw_sun
from recipes.settings import CLOUD, IGNORE, SHADOW

__all__ = ["add_clouds"]

_DIRECT = (0.70, 0.78, 0.84, 0.90)
"""Share of direct sunlight in the light on the ground, by band: what a shadow can take away."""


def add_clouds(draws: Draws, image: torch.Tensor, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Put a simulated sky over each reflectance (n, 4, s, s) with training label (n, s, s).

    The light that the cloud lets through twice is added to what the cloud reflects, bounces between ground
    and cloud included (adding method). What was cloud stays cloud, what had no label keeps none.
    """
    count = len(label)
    sun = draw_sun(draws, count)
    sky = draw_sky(draws, count, (image.shape[-2], image.shape[-1]), sun, clear=0.0)
    direct = draws.array(_DIRECT).view(1, 4, 1, 1)
    albedo, reflectance, sunlight = (part[:, None] for part in (sky.albedo, sky.reflectance, sky.sunlight))
    lit = image * (1 - direct * (1 - sunlight))
    mirror = image.clamp(0, 0.98) * albedo
    seen = reflectance + lit * (1 - albedo) ** 2 / (1 - mirror)
    codes = torch.where((sky.sunlight < SHADOW_LIGHT) & (label != CLOUD), SHADOW, label.int())
    visible = CLOUD_THICKNESS + HIDDEN_THICKNESS * image[:, 1].clamp(0, 1)
    codes = torch.where(sky.thickness > visible, CLOUD, codes)
    return seen, torch.where(label == IGNORE, IGNORE, codes).to(torch.uint8)
