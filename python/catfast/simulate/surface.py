"""The ground: random mixtures of known spectra with texture and relief."""

from __future__ import annotations

from dataclasses import dataclass

from .draws import Array, Draws
from .fields import Texture, hillshade, power_law
from .spectra import COLD, LAND, SURFACES

__all__ = ["Ground", "Sun", "draw_ground", "draw_sun"]

_MIXED = 4
_COLD_SHARE = 0.6
_SINGLE_SHARE = 0.25
_CALM_SHARE = 0.35
_HILLY_SHARE = 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """Where the sun is, per scene; arrays (count, 1, 1)."""

    azimuth: Array
    """Radians, clockwise from up (north)."""
    elevation: Array
    """Radians above the horizon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The ground of `count` scenes."""

    reflectance: Array
    """(count, 4, h, w): bidirectional reflectance factor on the slope itself."""
    light: Array
    """(count, h, w): direct sunlight relative to flat ground (1), from the relief."""
    snow: Array
    """(count, h, w): share of snow and ice."""
    water: Array
    """(count, h, w): share of water."""


def draw_sun(draws: Draws, count: int) -> Sun:
    """Draw suns between 7 and 60 degrees above the horizon."""
    azimuth = draws.uniform(count, 0.0, 6.2832)
    return Sun(azimuth=azimuth, elevation=draws.uniform(count, 0.13, 1.05))


def draw_ground(draws: Draws, count: int, shape: tuple[int, int], sun: Sun) -> Ground:
    """Draw `count` grounds of `shape` (h, w) under `sun`.

    Up to four spectra share a scene by smooth fields of random sharpness; a quarter of the scenes is one
    surface alone, a third has hardly any texture, and somewhat under half has relief.
    """
    xp = draws.xp
    relief = _relief(draws, count, shape)
    kinds, spectra = _palette(draws, count)
    shares = _shares(draws, count, shape, relief)
    reflectance = xp.matmul(xp.permute_dims(spectra, (0, 2, 1)), xp.reshape(shares, (count, _MIXED, -1)))
    reflectance = xp.reshape(reflectance, (count, 4, *shape)) * _texture(draws, count, shape, sun)
    steep = draws.log_uniform(count, 0.3, 14.0) * draws.chance(count, _HILLY_SHARE)
    light = hillshade(xp, relief * steep, sun.azimuth, sun.elevation)
    cover = xp.matmul(xp.permute_dims(kinds, (0, 2, 1)), xp.reshape(shares, (count, _MIXED, -1)))
    cover = xp.reshape(cover, (count, 2, *shape))
    flat = cover[:, 1, ...]
    light = light + (1.0 - light) * xp.clip(flat, 0.0, 1.0)  # water lies flat
    return Ground(reflectance=reflectance, light=light, snow=cover[:, 0, ...], water=cover[:, 1, ...])


def _relief(draws: Draws, count: int, shape: tuple[int, int]) -> Array:
    """Return heights of unit variance; real relief has spectral exponents of about 3.5-4.5."""
    texture = Texture(
        exponent=draws.uniform(count, 3.3, 4.6),
        corner=draws.log_uniform(count, 1.0, 6.0),
        stretch=draws.uniform(count, 1.0, 1.8),
        angle=draws.uniform(count, 0.0, 3.1416),
    )
    return power_law(draws, count, shape, texture)


def _palette(draws: Draws, count: int) -> tuple[Array, Array]:
    """Return (count, 4, 2) snow and water flags and (count, 4, 4) spectra of the surfaces of each scene."""
    xp = draws.xp
    cold = draws.pick(COLD, (count, _MIXED))
    land = draws.pick(LAND, (count, _MIXED))
    chosen = xp.where(draws.unit((count, 1)) < _COLD_SHARE, cold, land)
    flat = xp.reshape(chosen, (-1,))
    table = draws.array([s.reflectance for s in SURFACES])
    flags = draws.array([[s.kind == "snow", s.kind == "water"] for s in SURFACES])
    kinds = xp.reshape(xp.take(flags, flat, axis=0), (count, _MIXED, 2))
    spectra = xp.reshape(xp.take(table, flat, axis=0), (count, _MIXED, 4))
    # The same ground differs from place to place: mostly in brightness, a little in colour.
    bright = 0.10 * draws.normal((count, _MIXED, 1))
    colour = 0.03 * draws.normal((count, _MIXED, 4))
    return kinds, spectra * xp.exp(bright + colour)


def _shares(draws: Draws, count: int, shape: tuple[int, int], relief: Array) -> Array:
    """Return the share (count, 4, h, w) of each surface in each pixel; they sum to 1."""
    xp = draws.xp
    texture = Texture(
        exponent=draws.uniform(count * (_MIXED - 1), 2.8, 5.0),
        corner=draws.log_uniform(count * (_MIXED - 1), 1.0, 8.0),
        stretch=draws.log_uniform(count * (_MIXED - 1), 1.0, 4.0),
        angle=draws.uniform(count * (_MIXED - 1), 0.0, 3.1416),
    )
    fields = power_law(draws, count * (_MIXED - 1), shape, texture)
    fields = xp.reshape(fields, (count, _MIXED - 1, *shape))
    level = 1.1 * draws.normal((count, _MIXED, 1, 1))
    level[:, :1, ...] += 60.0 * draws.chance(count, _SINGLE_SHARE, (1, 1, 1))
    height = draws.uniform(count, -1.0, 1.0)  # snow lies high, lakes lie low: one surface follows the relief
    votes = xp.concat([(relief * height)[:, None, ...], fields], axis=1) + level
    votes = votes * draws.log_uniform(count, 0.8, 30.0, (1, 1, 1))
    votes = xp.exp(votes - xp.max(votes, axis=1, keepdims=True))
    return votes / xp.sum(votes, axis=1, keepdims=True)


def _texture(draws: Draws, count: int, shape: tuple[int, int], sun: Sun) -> Array:
    """Return a factor (count, 4, h, w) around 1: patches, sastrugi and grain, alike in all bands."""
    xp = draws.xp
    calm = 1.0 - 0.9 * draws.chance(count, _CALM_SHARE)
    broad = Texture(
        exponent=draws.uniform(count, 1.8, 4.2),
        corner=draws.log_uniform(count, 1.0, 30.0),
        stretch=draws.log_uniform(count, 1.0, 3.5),
        angle=draws.uniform(count, 0.0, 3.1416),
    )
    fine = Texture(exponent=draws.uniform(count, 0.8, 3.0), corner=draws.log_uniform(count, 4.0, 60.0))
    patches = power_law(draws, count, shape, broad) * (draws.log_uniform(count, 0.003, 0.22) * calm)
    grain = power_law(draws, count, shape, fine) * (draws.log_uniform(count, 0.001, 0.03) * calm)
    tint = 1.0 + 0.1 * draws.normal((count, 4, 1, 1))
    # Sastrugi and tussocks are small relief: they show more when the sun is low.
    grain = grain / xp.sqrt(xp.sin(sun.elevation))
    return xp.exp(patches[:, None, ...] * tint + grain[:, None, ...])
