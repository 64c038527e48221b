"""Clouds: kinds of cloud, their optical thickness, what they reflect and the shadow they throw."""

from __future__ import annotations

from dataclasses import dataclass

from .draws import Array, Draws
from .fields import Texture, direction, filtered, power_law, quantile, sigmoid
from .surface import Sun

__all__ = ["HIGH", "LOW", "CloudKind", "Layer", "Sky", "draw_layer", "draw_sky", "reflected", "shadow"]

ASYMMETRY = 0.85
"""Asymmetry of scattering by cloud droplets in the visible (Slingo, J. Atmos. Sci. 46, 1989)."""

CLOUD_THICKNESS = 0.35
"""Optical thickness from which a pixel is labelled cloud: about what a careful eye marks as thin cloud."""

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudKind:
    """Ranges that the clouds of one kind are drawn from."""

    name: str
    """Plain name."""
    weight: float
    """How often it is drawn, relative to the others."""
    exponent: Range
    """Spectral exponent of the cloud field: smooth, 3-5 (rough clouds taught models nothing)."""
    corner: Range
    """Cycles per 256 px of the largest features."""
    stretch: Range
    """Length over width of its features."""
    cover: Range
    """Share of the sky it covers."""
    thickness: Range
    """Optical thickness one standard deviation inside the edge."""
    edge: Range
    """How sharp the edge is: 0 fades out, 1 is a wall."""
    lumps: Range
    """Size of the bumps (cauliflower) on it."""
    height_m: Range
    """Height of its base above the ground, metres."""


LOW = (
    CloudKind(
        name="cumulus",
        weight=1.6,
        exponent=(3.0, 4.3),
        corner=(1.2, 8.0),
        stretch=(1.0, 1.4),
        cover=(0.04, 0.55),
        thickness=(6.0, 50.0),
        edge=(0.3, 1.0),
        lumps=(0.25, 0.8),
        height_m=(400.0, 2500.0),
    ),
    CloudKind(
        name="stratocumulus",
        weight=1.0,
        exponent=(3.0, 4.4),
        corner=(1.5, 12.0),
        stretch=(1.0, 2.0),
        cover=(0.45, 0.97),
        thickness=(4.0, 30.0),
        edge=(0.0, 0.6),
        lumps=(0.1, 0.6),
        height_m=(400.0, 2000.0),
    ),
    CloudKind(
        name="stratus",
        weight=0.8,
        exponent=(3.6, 5.0),
        corner=(1.0, 4.0),
        stretch=(1.0, 2.0),
        cover=(0.3, 0.98),
        thickness=(2.0, 20.0),
        edge=(0.0, 0.3),
        lumps=(0.0, 0.25),
        height_m=(150.0, 1200.0),
    ),
    CloudKind(
        name="overcast",
        weight=0.7,
        exponent=(3.2, 5.0),
        corner=(1.0, 10.0),
        stretch=(1.0, 3.0),
        cover=(0.9985, 0.9995),
        thickness=(1.2, 25.0),
        edge=(0.0, 0.1),
        lumps=(0.0, 0.4),
        height_m=(300.0, 3000.0),
    ),
    CloudKind(
        name="veil",
        weight=0.5,
        exponent=(3.6, 5.0),
        corner=(1.0, 4.0),
        stretch=(1.0, 3.0),
        cover=(0.15, 0.9),
        thickness=(0.4, 4.0),
        edge=(0.0, 0.0),
        lumps=(0.0, 0.2),
        height_m=(300.0, 3000.0),
    ),
    CloudKind(
        name="scraps",
        weight=0.6,
        exponent=(3.0, 4.2),
        corner=(2.0, 14.0),
        stretch=(1.0, 1.6),
        cover=(0.005, 0.2),
        thickness=(0.8, 10.0),
        edge=(0.0, 0.4),
        lumps=(0.1, 0.7),
        height_m=(300.0, 1500.0),
    ),
)
"""Kinds of the lower layer."""

HIGH = (
    CloudKind(
        name="cirrus",
        weight=1.0,
        exponent=(3.0, 4.2),
        corner=(1.0, 5.0),
        stretch=(1.5, 7.0),
        cover=(0.1, 0.8),
        thickness=(0.15, 2.0),
        edge=(0.0, 0.1),
        lumps=(0.0, 0.3),
        height_m=(5000.0, 9000.0),
    ),
    CloudKind(
        name="cirrostratus",
        weight=0.4,
        exponent=(3.8, 5.0),
        corner=(1.0, 3.0),
        stretch=(1.0, 4.0),
        cover=(0.4, 0.99),
        thickness=(0.15, 2.5),
        edge=(0.0, 0.0),
        lumps=(0.0, 0.1),
        height_m=(5000.0, 9000.0),
    ),
    CloudKind(
        name="altocumulus",
        weight=0.5,
        exponent=(3.3, 4.6),
        corner=(3.0, 20.0),
        stretch=(1.0, 2.5),
        cover=(0.1, 0.8),
        thickness=(1.0, 10.0),
        edge=(0.0, 0.6),
        lumps=(0.1, 0.5),
        height_m=(2500.0, 5000.0),
    ),
)
"""Kinds of the upper layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One cloud layer of `count` scenes."""

    thickness: Array
    """(count, h, w): optical thickness, 0 where there is none."""
    height_m: Array
    """(count, 1, 1): height above the ground in metres."""


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


def draw_layer(draws: Draws, shape: tuple[int, int], kinds: tuple[CloudKind, ...], present: Array) -> Layer:
    """Draw one layer where `present` (count, 1, 1) is 1, of a kind drawn for each scene."""
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

    angle = draws.uniform(count, 0.0, 3.1416)
    corner = logarithmic("corner")
    body = power_law(
        draws,
        count,
        shape,
        Texture(exponent=linear("exponent"), corner=corner, stretch=logarithmic("stretch"), angle=angle),
    )
    bumps = power_law(
        draws,
        count,
        shape,
        Texture(
            exponent=draws.uniform(count, 2.4, 3.6),
            corner=corner * draws.uniform(count, 2.0, 4.0),
            angle=angle,
        ),
    )
    lumps = linear("lumps")
    inside = body + 0.45 * lumps * bumps + quantile(linear("cover")) * xp.sqrt(1.0 + 0.2 * lumps * lumps)
    inside = xp.clip(inside, 0.0, 4.0)
    wall = linear("edge")
    profile = inside ** draws.uniform(count, 0.8, 1.7) * xp.exp(0.4 * lumps * bumps)
    profile = profile * (1.0 - wall + wall * 2.0 * sigmoid(xp, inside * 14.0 - 2.0))
    thickness = profile * (logarithmic("thickness") * present)
    return Layer(thickness=thickness, height_m=logarithmic("height_m"))


def draw_sky(draws: Draws, count: int, shape: tuple[int, int], sun: Sun, clear: float = 0.27) -> Sky:
    """Draw two layers and combine them; a share `clear` of the scenes has no cloud at all."""
    xp = draws.xp
    cloudy = 1.0 - draws.chance(count, clear)
    only_high = draws.chance(count, 0.12)
    low = draw_layer(draws, shape, LOW, cloudy * (1.0 - only_high))
    high = draw_layer(draws, shape, HIGH, cloudy * xp.maximum(only_high, draws.chance(count, 0.3)))
    metres_per_px = draws.log_uniform(count, 8.0, 40.0)
    light = shadow(draws, low, sun, metres_per_px) * shadow(draws, high, sun, metres_per_px)
    contrast = draws.uniform(count, 0.1, 1.0)
    bright, albedo = reflected(draws, low.thickness, sun, contrast)
    bright_high, albedo_high = reflected(draws, high.thickness, sun, contrast)
    return Sky(
        thickness=low.thickness + high.thickness,
        reflectance=bright_high + (1.0 - albedo_high) ** 2 * bright / (1.0 - albedo * albedo_high),
        albedo=albedo_high + (1.0 - albedo_high) ** 2 * albedo / (1.0 - albedo * albedo_high),
        sunlight=light,
    )


def reflected(draws: Draws, thickness: Array, sun: Sun, contrast: Array) -> tuple[Array, Array]:
    """Return reflectance under `sun` and the albedo for diffuse light of clouds of optical `thickness`.

    Eddington's two-stream solution for droplets that absorb nothing (Meador & Weaver, J. Atmos. Sci. 37,
    1980, with gamma_1 = 3(1-g)/4 and gamma_3 = (2-3g mu)/4). The side of a cloud that faces the
    sun is brighter: the slope of its top along the sun's azimuth changes the light it gets, by `contrast`.
    """
    xp = draws.xp
    gamma1 = 0.75 * (1.0 - ASYMMETRY)
    mu = xp.sin(sun.elevation)
    first = xp.clip((2.0 - 3.0 * ASYMMETRY * mu) / 4.0 - gamma1 * mu, 0.0, 1.0)
    scaled = gamma1 * thickness
    albedo = scaled / (1.0 + scaled)
    direct = (scaled + first * (1.0 - xp.exp(-thickness / mu))) / (1.0 + scaled)
    top = filtered(draws, xp.log1p(thickness), sigma=1.5)
    sy, sx = direction(xp, sun.azimuth)
    slope = sy * (xp.roll(top, -1, axis=-2) - xp.roll(top, 1, axis=-2))
    slope = slope + sx * (xp.roll(top, -1, axis=-1) - xp.roll(top, 1, axis=-1))
    # A thin cloud has no sides; a low sun makes strong ones.
    tilt = -slope * contrast * albedo / xp.tan(sun.elevation + 0.25)
    return direct * (1.0 + 0.55 * xp.tanh(1.5 * tilt)), albedo


def shadow(draws: Draws, layer: Layer, sun: Sun, metres_per_px: Array) -> Array:
    """Return the share of direct sunlight that passes `layer` on its way to the ground, (count, h, w).

    The shadow lies height / tan(elevation) away from the cloud, on the side away from the sun; its edge is
    as soft as the sun is wide (0.53 degrees). What is scattered forward
    (0.65 of the thickness) counts as light.
    """
    xp = draws.xp
    away = layer.height_m / xp.tan(sun.elevation) / metres_per_px
    sy, sx = direction(xp, sun.azimuth)
    soft = 0.6 + 0.5 * 0.00925 * layer.height_m / xp.sin(sun.elevation) / metres_per_px
    passed = xp.exp(-0.35 * layer.thickness)
    return xp.clip(filtered(draws, passed, sigma=soft, dy=-sy * away, dx=-sx * away), 0.0, 1.0)
