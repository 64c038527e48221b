"""Clouds: their optical thickness, what they reflect and the shadow they throw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from catfast.simulate.cloudkinds import HIGH, LOW, CloudKind
from catfast.simulate.draws import Array, Draws
from catfast.simulate.fields import Texture, direction, filtered, power_law, quantile, sigmoid
from catfast.simulate.surface import Sun

__all__ = [
    "Form",
    "Layer",
    "Sky",
    "draw_form",
    "draw_layer",
    "draw_sky",
    "overlay",
    "reflected",
    "relief_light",
    "shadow",
    "thickness",
]

ASYMMETRY = 0.85
"""Asymmetry of scattering by cloud droplets in the visible (Slingo, J. Atmos. Sci. 46, 1989)."""

CLOUD_THICKNESS, HIDDEN_THICKNESS = 0.18, 0.5
"""Optical thickness from which a pixel is labelled cloud: over black ground, and what white ground adds.

Over dark ground that is 0.02-0.03 of reflectance: what the thinnest cloud of hand-made masks has.
"""

SUN_WIDTH = 0.00925
"""Apparent diameter of the sun, radians."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a layer's random fields become clouds, per scene; arrays (count, 1, 1)."""

    cover: Array
    """Share of the sky that is cloudy."""
    power: Array
    """How fast a cloud thickens inwards: 1 is linear in the field."""
    edge: Array
    """How sharp the edge is: 0 fades out, 1 is a wall."""
    lumps: Array
    """Size of the bumps."""
    thickness: Array
    """Optical thickness one standard deviation inside the edge; 0 for no clouds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One cloud layer of `count` scenes: its form, height and the fields it is made from."""

    form: Form
    """What makes clouds of the fields."""
    height_m: Array
    """(count, 1, 1): height above the ground in metres."""
    body: Array
    """(count, h, w): field of the clouds' outlines."""
    bumps: Array
    """(count, h, w): field of the bumps on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """The clouds of `count` scenes as the sensor and the ground see them."""

    thickness: Array
    """(count, h, w): optical thickness of all layers along the line of sight."""
    reflectance: Array
    """(count, h, w): what the clouds reflect, self-shading included."""
    albedo: Array
    """(count, h, w): what they reflect of diffuse light: the same without self-shading."""
    sunlight: Array
    """(count, h, w): share of the direct sunlight that reaches the ground through them."""


def draw_form(
    draws: Draws, kinds: Sequence[CloudKind], present: Array
) -> tuple[Form, Array, tuple[Texture, Texture]]:
    """Draw a kind for each scene, and its form, height and textures (body, bumps).

    `present` (count, 1, 1) is 1 where the scene has the layer and 0 where not.
    """
    xp = draws.xp
    count = present.shape[0]
    row = draws.pick([k.weight for k in kinds], (count,))

    def ranged(name: str) -> tuple[Array, Array]:
        table = xp.take(draws.array([getattr(k, name) for k in kinds]), row, axis=0)[..., None, None]
        return table[:, 0, ...], table[:, 1, ...]

    def linear(name: str) -> Array:
        low, high = ranged(name)
        return low + (high - low) * draws.unit((count, 1, 1))

    def logarithmic(name: str) -> Array:
        low, high = ranged(name)
        return low * (high / low) ** draws.unit((count, 1, 1))

    angle, corner = draws.uniform(count, 0.0, 3.1416), logarithmic("corner")
    body = Texture(exponent=linear("exponent"), corner=corner, stretch=logarithmic("stretch"), angle=angle)
    finer = corner * draws.uniform(count, 2.0, 4.0)
    bumps = Texture(exponent=draws.uniform(count, 2.4, 3.6), corner=finer, angle=angle)
    form = Form(
        cover=linear("cover"),
        power=draws.uniform(count, 1.0, 2.3),
        edge=linear("edge"),
        lumps=linear("lumps"),
        thickness=logarithmic("thickness") * present,
    )
    return form, logarithmic("height_m"), (body, bumps)


def draw_layer(draws: Draws, shape: tuple[int, int], kinds: Sequence[CloudKind], present: Array) -> Layer:
    """Draw one layer of fields (h, w) where `present` (count, 1, 1) is 1, of a kind drawn for each scene."""
    form, height, (body, bumps) = draw_form(draws, kinds, present)
    count = present.shape[0]
    return Layer(
        form=form,
        height_m=height,
        body=power_law(draws, count, shape, body),
        bumps=power_law(draws, count, shape, bumps),
    )


def thickness(xp: Any, layer: Layer) -> Array:
    """Return the optical thickness (count, h, w) of a layer, 0 where it has no cloud."""
    form = layer.form
    spread = xp.sqrt(1.0 + 0.2 * form.lumps * form.lumps)
    inside = layer.body + 0.45 * form.lumps * layer.bumps + quantile(form.cover) * spread
    inside = xp.clip(inside, 0.0, 4.0)
    profile = inside**form.power * xp.exp(0.4 * form.lumps * layer.bumps)
    profile = profile * (1.0 - form.edge + form.edge * 2.0 * sigmoid(xp, inside * 14.0 - 2.0))
    return profile * form.thickness


def draw_sky(draws: Draws, count: int, shape: tuple[int, int], sun: Sun, clear: float = 0.27) -> Sky:
    """Draw two layers and combine them; a share `clear` of the scenes has no cloud at all."""
    xp = draws.xp
    cloudy = 1.0 - draws.chance(count, clear)
    only_high = draws.chance(count, 0.12)
    low = draw_layer(draws, shape, LOW, cloudy * (1.0 - only_high))
    high = draw_layer(draws, shape, HIGH, cloudy * xp.maximum(only_high, draws.chance(count, 0.3)))
    metres_per_px = draws.log_uniform(count, 8.0, 40.0)
    contrast = draws.uniform(count, 0.1, 1.0)
    taus = (thickness(xp, low), thickness(xp, high))
    lights = [relief_light(draws, tau, sun, contrast) for tau in taus]
    shades = [
        shadow(draws, tau, layer.height_m, sun, metres_per_px)
        for tau, layer in zip(taus, (low, high), strict=True)
    ]
    return overlay(xp, sun, taus, lights, shades[0] * shades[1])


def overlay(xp: Any, sun: Sun, taus: Sequence[Array], lights: Sequence[Array], sunlight: Array) -> Sky:
    """Return the sky of a lower and an upper layer of thickness `taus`, lit by `lights` (adding method)."""
    (low, low_albedo), (high, high_albedo) = (
        reflected(xp, tau, sun, light) for tau, light in zip(taus, lights, strict=True)
    )
    passed = (1.0 - high_albedo) ** 2 / (1.0 - low_albedo * high_albedo)
    return Sky(
        thickness=taus[0] + taus[1],
        reflectance=high + passed * low,
        albedo=high_albedo + passed * low_albedo,
        sunlight=sunlight,
    )


def reflected(xp: Any, tau: Array, sun: Sun, light: Array) -> tuple[Array, Array]:
    """Return the reflectance under `sun` and the albedo for diffuse light of clouds of thickness `tau`.

    Eddington's two-stream solution for droplets that absorb nothing (Meador & Weaver, J. Atmos. Sci. 37,
    1980, with gamma_1 = 3(1-g)/4 and gamma_3 = (2-3g mu)/4). `light` (count, h, w) is the sunlight on the
    slope of the cloud's top relative to a flat one.
    """
    gamma1 = 0.75 * (1.0 - ASYMMETRY)
    mu = xp.sin(sun.elevation)
    first = xp.clip((2.0 - 3.0 * ASYMMETRY * mu) / 4.0 - gamma1 * mu, 0.0, 1.0)
    scaled = gamma1 * tau
    direct = (scaled + first * (1.0 - xp.exp(-tau / mu))) / (1.0 + scaled)
    return direct * light, scaled / (1.0 + scaled)


def relief_light(draws: Draws, tau: Array, sun: Sun, contrast: Array) -> Array:
    """Return the sunlight on the slopes of cloud tops relative to flat ones, (count, h, w), 0.45-1.55.

    The top is taken to follow log(1 + thickness); the side that faces the sun is brighter, by `contrast`.
    """
    xp = draws.xp
    top = filtered(draws, xp.log1p(tau), sigma=1.5)
    sy, sx = direction(xp, sun.azimuth)
    slope = sy * (xp.roll(top, -1, axis=-2) - xp.roll(top, 1, axis=-2))
    slope = slope + sx * (xp.roll(top, -1, axis=-1) - xp.roll(top, 1, axis=-1))
    # A thin cloud has no sides; a low sun makes strong ones.
    scaled = 0.75 * (1.0 - ASYMMETRY) * tau
    tilt = -slope * contrast * scaled / (1.0 + scaled) / xp.tan(sun.elevation + 0.25)
    return 1.0 + 0.55 * xp.tanh(1.5 * tilt)


def shadow(draws: Draws, tau: Array, height_m: Array, sun: Sun, metres_per_px: Array) -> Array:
    """Return the share of direct sunlight that passes clouds on its way to the ground, (count, h, w).

    The shadow lies height / tan(elevation) away from the cloud, on the side away from the sun; its edge is
    as soft as the sun is wide. What is scattered forward (0.65 of the thickness) counts as light.
    """
    xp = draws.xp
    away = height_m / xp.tan(sun.elevation) / metres_per_px
    sy, sx = direction(xp, sun.azimuth)
    soft = 0.6 + 0.5 * SUN_WIDTH * height_m / xp.sin(sun.elevation) / metres_per_px
    passed = xp.exp(-0.35 * tau)
    return xp.clip(filtered(draws, passed, sigma=soft, dy=-sy * away, dx=-sx * away), 0.0, 1.0)
