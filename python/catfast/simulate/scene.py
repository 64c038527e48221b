"""Ground, clouds and air put together: reflectance at the sensor and the true class of every pixel."""

from __future__ import annotations

from typing import Any

from catfast.classes import CLASS_CODES
from catfast.simulate.atmosphere import Air, draw_air
from catfast.simulate.cloud import CLOUD_THICKNESS, HIDDEN_THICKNESS, Sky, draw_sky
from catfast.simulate.draws import Array, Draws
from catfast.simulate.sensor import draw_sensor, sense
from catfast.simulate.surface import Ground, draw_ground, draw_sun

__all__ = ["CLEAR", "CLOUD", "SHADOW", "SNOW", "WATER", "batch", "classes", "compose"]

CLEAR, CLOUD, SHADOW, SNOW, WATER = (
    CLASS_CODES[name] for name in ("clear", "cloud", "shadow", "snow", "water")
)

SHADOW_LIGHT = 0.72
"""Share of the direct sunlight under which a pixel is labelled shadow."""

_AT_ONCE = 16
"""Scenes made at once: few enough to stay in the memory of a laptop."""


def compose(xp: Any, ground: Ground, sky: Sky, air: Air) -> Array:
    """Return the reflectance (count, 4, h, w) above the air: clouds over a lit ground, and the air.

    Light bounces between ground and cloud and between all below and the air (the adding method, as in 6S:
    Vermote et al., IEEE Trans. Geosci. Remote Sens. 35, 1997); cloud shadow and relief take away direct
    sunlight alone, so that shadows are blue. Clouds stand above the lowest quarter of the air.
    """
    direct = (ground.light * sky.sunlight)[:, None, ...]
    lit = ground.reflectance * (air.diffuse + (1.0 - air.diffuse) * direct)
    albedo = sky.albedo[:, None, ...]
    mirror = xp.clip(ground.reflectance, 0.0, 0.98) * albedo
    veiled = lit * (1.0 - albedo) ** 2 / xp.clip(1.0 - mirror, 0.05, 1.0)
    below = sky.reflectance[:, None, ...] + veiled
    lifted = air.through * below / (1.0 - air.bounce * xp.clip(below, 0.0, 1.0))
    return (air.path * (1.0 - 0.25 * albedo) + lifted) * air.ozone


def classes(xp: Any, ground: Ground, sky: Sky) -> Array:
    """Return the uint8 class of every pixel: cloud over everything, then shadow, snow, water and clear."""
    label = xp.where(ground.water > 0.5, WATER, CLEAR)
    label = xp.where(ground.snow > 0.5, SNOW, label)
    label = xp.where(sky.sunlight < SHADOW_LIGHT, SHADOW, label)
    # Over bright ground a thin cloud is not seen.
    brightness = xp.clip(ground.reflectance[:, 1, ...], 0.0, 1.0)
    label = xp.where(sky.thickness > CLOUD_THICKNESS + HIDDEN_THICKNESS * brightness, CLOUD, label)
    return xp.astype(label, xp.uint8)


def batch(
    count: int, size: int, *, seed: int, xp: Any = None, device: Any = None, at_once: int = _AT_ONCE
) -> tuple[Array, Array]:
    """Make `count` scenes of `size` x `size` pixels of 10-30 m, as 4-band satellites deliver them.

    Top-of-atmosphere and surface reflectance are mixed, as are sun heights, grounds and skies.

    Args:
        count: number of scenes.
        size: pixels a side; sizes with small prime factors are fastest.
        seed: non-negative; the same seed gives the same scenes within one namespace and device.
        xp: the ``numpy`` (default) or ``torch`` module.
        device: a torch device; None for numpy.
        at_once: scenes computed at once; more keep a GPU busy, and draw other numbers.

    Returns:
        Reflectance (count, 4, size, size) float32, in the order blue, green, red, near infrared, where 1.0
        is 100 %; and label (count, size, size) uint8: 0 clear, 1 cloud, 2 shadow, 3 snow and ice, 4 water.

    Raises:
        ValueError: count < 1, size < 8, a negative seed, at_once < 1, or a device with numpy.
    """
    if count < 1 or size < 8 or seed < 0 or at_once < 1:
        found = f"{count}, {size}, {seed} and {at_once}"
        raise ValueError(f"count >= 1, size >= 8, seed >= 0 and at_once >= 1 are needed, got {found}")
    draws = Draws(seed, xp, device)
    parts = [_chunk(draws, min(at_once, count - first), size) for first in range(0, count, at_once)]
    if len(parts) == 1:
        return parts[0]
    return draws.xp.concat([p[0] for p in parts], axis=0), draws.xp.concat([p[1] for p in parts], axis=0)


def _chunk(draws: Draws, count: int, size: int) -> tuple[Array, Array]:
    """Make `count` scenes at once."""
    shape = (size, size)
    sun = draw_sun(draws, count)
    ground = draw_ground(draws, count, shape, sun)
    sky = draw_sky(draws, count, shape, sun)
    air = draw_air(draws, count, sun)
    image = compose(draws.xp, ground, sky, air)
    return sense(draws, image, draw_sensor(draws, count)), classes(draws.xp, ground, sky)
