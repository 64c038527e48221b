"""The ground: random mixtures of known spectra with texture and relief."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from catfast.simulate.draws import Array, Draws
from catfast.simulate.fields import Texture, hillshade, power_law
from catfast.simulate.spectra import MOUNTAINS, ROCK, SURFACES, THEMES

__all__ = ["Ground", "Mix", "Sun", "Terrain", "draw_ground", "draw_mix", "draw_sun", "draw_terrain", "lay"]

MIXED = 4
"""Surfaces that may share a scene."""

EVEN_SNOW = 0.7
"""Snow is this much less patchy than other grounds: what varies over it is mostly the slope."""

SUN_ELEVATION = (0.13, 1.05)
"""Lowest and highest sun of training scenes, radians: 7 to 60 degrees."""

_SINGLE_SHARE = 0.33
_CALM_SHARE = 0.5
_HILLY_SHARE = 0.38
_MOUNTAINS_HILLY = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """Where the sun is, per scene; arrays (count, 1, 1)."""

    azimuth: Array
    """Radians, clockwise from up (north)."""
    elevation: Array
    """Radians above the horizon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What the grounds of `count` scenes are made of."""

    kinds: Array
    """(count, MIXED, 2): 1 where a surface is snow (first) or water (second)."""
    spectra: Array
    """(count, MIXED, 4): reflectance of each surface."""
    level: Array
    """(count, MIXED, 1, 1): how much of the scene each surface tends to take."""
    height: Array
    """(count, 1, 1): how much the first surface follows the relief, negative for one that lies low."""
    sharpness: Array
    """(count, 1, 1, 1): how sharp the borders between surfaces are."""
    tint: Array
    """(count, 4, 1, 1): how strongly each band shows the patches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """The random fields under the grounds of `count` scenes."""

    relief: Array
    """(count, h, w): heights, zero mean and unit variance."""
    votes: Array
    """(count, MIXED - 1, h, w): fields that the surfaces other than the first compete by."""
    patches: Array
    """(count, h, w): relative changes of brightness that differ a little from band to band."""
    grain: Array
    """(count, h, w): relative changes of brightness that are the same in all bands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The grounds of `count` scenes."""

    reflectance: Array
    """(count, 4, h, w): bidirectional reflectance factor on the slope itself."""
    light: Array
    """(count, h, w): direct sunlight relative to flat ground (1), from the relief."""
    snow: Array
    """(count, h, w): share of snow and ice."""
    water: Array
    """(count, h, w): share of water."""


def draw_sun(draws: Draws, count: int) -> Sun:
    """Draw suns as high as :data:`SUN_ELEVATION` says."""
    azimuth = draws.uniform(count, 0.0, 6.2832)
    return Sun(azimuth=azimuth, elevation=draws.uniform(count, *SUN_ELEVATION))


def draw_ground(draws: Draws, count: int, shape: tuple[int, int], sun: Sun) -> Ground:
    """Draw `count` grounds of `shape` (h, w) under `sun`; nearly half have relief: mountains nine in ten."""
    xp = draws.xp
    theme = draws.pick([share for share, _ in THEMES.values()], (count, 1))
    surfaces = xp.zeros_like(theme)
    for k, (_, weights) in enumerate(THEMES.values()):
        surfaces = xp.where(theme == k, draws.pick(weights, (count, MIXED)), surfaces)
    mountains = theme == MOUNTAINS
    heights = xp.where(mountains, draws.pick(ROCK, (count, 1)), surfaces[:, :1])
    mix = draw_mix(draws, xp.concat([heights, surfaces[:, 1:]], axis=1))
    mix = replace(mix, height=xp.where(mountains[..., None], 0.3 + 0.7 * xp.abs(mix.height), mix.height))
    terrain = draw_terrain(draws, count, shape, sun)
    hilly = xp.where(mountains[..., None], _MOUNTAINS_HILLY, _HILLY_SHARE)
    steep = draws.log_uniform(count, 0.3, 14.0) * (draws.unit((count, 1, 1)) < hilly)
    return lay(xp, mix, terrain, hillshade(xp, terrain.relief * steep, sun.azimuth, sun.elevation))


def draw_mix(draws: Draws, surfaces: Array, single: float = _SINGLE_SHARE) -> Mix:
    """Draw what grounds of `surfaces` (count, MIXED), indexes into SURFACES, look like.

    A share `single` of the scenes is the first surface alone.
    """
    xp = draws.xp
    count = surfaces.shape[0]
    flat = xp.reshape(surfaces, (-1,))
    table = draws.array([s.reflectance for s in SURFACES])
    flags = draws.array([[s.kind == "snow", s.kind == "water"] for s in SURFACES])
    # The same ground differs from place to place: mostly in brightness, a little in colour.
    bright = 0.10 * draws.normal((count, MIXED, 1))
    colour = 0.01 * draws.normal((count, MIXED, 4))
    level = 1.1 * draws.normal((count, MIXED, 1, 1))
    level[:, :1, ...] += 60.0 * draws.chance(count, single, (1, 1, 1))
    return Mix(
        kinds=xp.reshape(xp.take(flags, flat, axis=0), (count, MIXED, 2)),
        spectra=xp.reshape(xp.take(table, flat, axis=0), (count, MIXED, 4)) * xp.exp(bright + colour),
        level=level,
        height=draws.uniform(count, -1.0, 1.0),
        sharpness=draws.log_uniform(count, 2.0, 30.0, (1, 1, 1)),
        tint=1.0 + 0.1 * draws.normal((count, 4, 1, 1)),
    )


def draw_terrain(draws: Draws, count: int, shape: tuple[int, int], sun: Sun) -> Terrain:
    """Draw the fields of `count` grounds; half of them have hardly any texture.

    Real relief has spectral exponents of about 3.5-4.5; the texture is patchiness, sastrugi and grain.
    """
    xp = draws.xp
    calm = 1.0 - 0.9 * draws.chance(count, _CALM_SHARE)
    relief = _texture(draws, count, (3.3, 4.6), (1.0, 6.0), 1.8)
    votes = _texture(draws, count * (MIXED - 1), (2.8, 5.0), (1.0, 8.0), 4.0)
    broad = _texture(draws, count, (1.8, 4.2), (1.0, 30.0), 3.5)
    fine = _texture(draws, count, (0.8, 3.0), (4.0, 60.0), 1.0)
    # Sastrugi and tussocks are small relief: they show more when the sun is low.
    grain = draws.log_uniform(count, 0.001, 0.03) * calm / xp.sqrt(xp.sin(sun.elevation))
    patches = draws.log_uniform(count, 0.003, 0.16) * calm
    fields = power_law(draws, count * (MIXED - 1), shape, votes)
    return Terrain(
        relief=power_law(draws, count, shape, relief),
        votes=xp.reshape(fields, (count, MIXED - 1, *shape)),
        patches=power_law(draws, count, shape, broad) * patches,
        grain=power_law(draws, count, shape, fine) * grain,
    )


def lay(xp: Any, mix: Mix, terrain: Terrain, light: Array) -> Ground:
    """Return the ground that `mix` makes on `terrain` under `light` (count, h, w), the relief's sunlight."""
    count, height, width = terrain.relief.shape
    shares = xp.reshape(_shares(xp, mix, terrain), (count, MIXED, -1))
    spectra = xp.concat([mix.spectra, mix.kinds], axis=2)
    mixed = xp.reshape(xp.matmul(xp.permute_dims(spectra, (0, 2, 1)), shares), (count, 6, height, width))
    snow, water = mixed[:, 4, ...], mixed[:, 5, ...]
    patches = terrain.patches * (1.0 - EVEN_SNOW * snow)
    texture = xp.exp(patches[:, None, ...] * mix.tint + terrain.grain[:, None, ...])
    return Ground(
        reflectance=mixed[:, :4, ...] * texture,
        light=light + (1.0 - light) * xp.clip(water, 0.0, 1.0),  # water lies flat
        snow=snow,
        water=water,
    )


def _texture(
    draws: Draws, count: int, exponent: Sequence[float], corner: Sequence[float], stretch: float
) -> Texture:
    """Draw the parameters of `count` fields from ranges of exponent and corner, stretched up to `stretch`."""
    return Texture(
        exponent=draws.uniform(count, exponent[0], exponent[1]),
        corner=draws.log_uniform(count, corner[0], corner[1]),
        stretch=draws.log_uniform(count, 1.0, stretch),
        angle=draws.uniform(count, 0.0, 3.1416),
    )


def _shares(xp: Any, mix: Mix, terrain: Terrain) -> Array:
    """Return the share (count, MIXED, h, w) of each surface in each pixel; they sum to 1."""
    first = (terrain.relief * mix.height)[:, None, ...]  # snow lies high, lakes lie low
    votes = (xp.concat([first, terrain.votes], axis=1) + mix.level) * mix.sharpness
    votes = xp.exp(votes - xp.max(votes, axis=1, keepdims=True))
    return votes / xp.sum(votes, axis=1, keepdims=True)
