"""Simulated pairs at 30 m for `bench_align.py`: one ground and one sky seen twice, with what differs between.

Each pair is a PS2 footprint (25 x 11.5 km) on Landsat's grid, made of the fields, clouds, air and cameras of
``catfast.simulate``. A :class:`Nuisance` scales all that an estimate of the displacement could trip over.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catfast.simulate.atmosphere import draw_air
from catfast.simulate.cloud import Layer, Sky, draw_layer, overlay, relief_light, shadow, thickness
from catfast.simulate.cloudkinds import HIGH, LOW, CloudKind
from catfast.simulate.draws import Draws
from catfast.simulate.fields import Texture, filtered, hillshade, power_law
from catfast.simulate.scene import CLOUD, SHADOW_LIGHT, classes, compose
from catfast.simulate.sensor import Sensor, sense
from catfast.simulate.spectra import SURFACES
from catfast.simulate.surface import Ground, Mix, Sun, Terrain, draw_mix, draw_terrain, lay
from catfast.simulate.world.cfmask import dilate
from catfast.simulate.world.frame import View

__all__ = ["CLOUDS", "GROUNDS", "PX_M", "SimulatedPair", "make_pair"]

Floats = npt.NDArray[np.float32]
Metres = tuple[float, float]

PX_M = 30.0
SHAPE = (512, 864)
FOOTPRINT_M = (25_000.0, 11_500.0)
"""Length and width of a PS2 scene, the smallest of PlanetScope's."""

GROUNDS = {
    "snow": ("fresh snow", "wind-packed snow", "coarse snow", "wet snow"),
    "ice": ("bare white ice", "bare blue ice", "grey sea ice", "firn", "dirty ice", "melt pond"),
    "tundra": ("tundra", "brown tundra", "dry tundra", "lake", "dense shrubs", "grey rock"),
    "water": ("open water", "lake", "turbid water", "sun glint"),
}
"""What a ground is mixed of, four at a time."""

CLOUDS = ("cumulus", "stratocumulus", "stratus", "veil", "altocumulus", "cirrus")
"""Kinds of the main layer."""

SECOND_LAYER = 0.25
COVER = (0.12, 0.85)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPair:
    """One pair on Landsat's grid."""

    landsat: Floats
    """(4, h, w): Landsat's reflectance."""
    qa: npt.NDArray[np.uint16]
    """(h, w): its QA_PIXEL, with CFMask's errors."""
    planet: Floats
    """(4, h, w): PlanetScope's reflectance, NaN outside the footprint."""
    truth: npt.NDArray[np.uint8]
    """(h, w): true classes as PlanetScope sees them."""
    moved_m: Metres
    """Metres east and north from where Landsat sees the main layer to where PlanetScope's pixels have it."""
    ground: str
    """Key of GROUNDS."""
    cloud: str
    """One of CLOUDS."""
    layers: int
    """1 or 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What both sensors share."""

    sun: Sun
    mix: Mix
    terrain: Terrain
    light: Floats
    layers: tuple[Layer, Layer]
    air_seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """How one sensor sees it: metres that each layer and its shadow are moved."""

    seen: tuple[Metres, Metres]
    blown: tuple[Metres, Metres]


def make_pair(seed: int, *, nuisance: float = 1.0, unrelated: bool = False) -> SimulatedPair:
    """Simulate pair `seed`; `nuisance` scales all errors, `unrelated` gives PlanetScope another sky."""
    rng = np.random.default_rng([seed, 30])
    ground, cloud = list(GROUNDS)[seed % len(GROUNDS)], CLOUDS[(seed // len(GROUNDS)) % len(CLOUDS)]
    layers = 1 + int(rng.random() < min(SECOND_LAYER * nuisance, 0.5))
    draws = Draws(seed)
    place = _draw_place(draws, rng, ground, cloud, layers)
    main = int(cloud not in {kind.name for kind in LOW})
    landsat_look, planet_look = _looks(rng, place)
    ground_seen, sky, image = _see(draws, place, landsat_look, corrected=0.0, faults=(0.5, 0.08, 0.001))
    qa = _qa(rng, ground_seen, sky, image, nuisance)
    place = dataclasses.replace(place, layers=_evolved(draws, place.layers, nuisance))
    if unrelated:
        other = _draw_place(Draws(seed + 1_000_003), rng, ground, cloud, layers)
        place = dataclasses.replace(place, layers=other.layers)
    corrected = float(rng.random() < 0.5)
    faults = (0.3 * nuisance, 0.1 * nuisance, 0.003 * nuisance)
    ground_seen, sky, other_image = _see(draws, place, planet_look, corrected=corrected, faults=faults)
    planet, off = _differently(draws, rng, other_image, ground_seen, nuisance)
    truth = classes(np, *_displaced(draws, ground_seen, sky, off))[0]
    planet[:, ~_footprint(rng)] = np.nan
    a, b = _add(planet_look.seen[main], off), landsat_look.seen[main]
    return SimulatedPair(
        landsat=image,
        qa=qa,
        planet=planet,
        truth=truth,
        moved_m=(a[0] - b[0], a[1] - b[1]),
        ground=ground,
        cloud=cloud,
        layers=layers,
    )


def _draw_place(draws: Draws, rng: np.random.Generator, ground: str, cloud: str, layers: int) -> _Place:
    sun = Sun(
        azimuth=draws.array([[[rng.uniform(0, 2 * math.pi)]]]),
        elevation=draws.array([[[math.radians(rng.uniform(14, 45))]]]),
    )
    names = [surface.name for surface in SURFACES]
    chosen = rng.choice(GROUNDS[ground], 4, replace=False)
    mix = draw_mix(draws, np.array([[names.index(name) for name in chosen]]), single=0.0)
    mix = dataclasses.replace(mix, level=0.5 * mix.level)
    terrain = draw_terrain(draws, 1, SHAPE, sun)
    relief = 0.0 if ground == "water" else float(np.exp(rng.uniform(math.log(1), math.log(150)))) / PX_M
    light = hillshade(np, terrain.relief * relief, sun.azimuth, sun.elevation)
    low_kinds, one = {kind.name: kind for kind in LOW}, draws.array([[[1.0]]])
    main_low = cloud in low_kinds
    low = low_kinds[cloud] if main_low else low_kinds[str(rng.choice(["cumulus", "stratus"]))]
    high = next(kind for kind in HIGH if kind.name == ("cirrus" if main_low else cloud))
    present = (main_low or layers == 2, not main_low or layers == 2)
    drawn = [
        _covering(draws, draw_layer(draws, SHAPE, [kind], one * there), kind, main=is_main)
        for kind, there, is_main in zip((low, high), present, (main_low, not main_low), strict=True)
    ]
    return _Place(
        sun=sun,
        mix=mix,
        terrain=terrain,
        light=light,
        layers=(drawn[0], drawn[1]),
        air_seed=int(rng.integers(2**31)),
    )


def _covering(draws: Draws, layer: Layer, kind: CloudKind, *, main: bool) -> Layer:
    low, high = (max(kind.cover[0], COVER[0]), min(kind.cover[1], COVER[1])) if main else (0.08, 0.25)
    cover = draws.uniform(1, low, high)
    return dataclasses.replace(layer, form=dataclasses.replace(layer.form, cover=cover))


def _looks(rng: np.random.Generator, place: _Place) -> tuple[_Look, _Look]:
    """How Landsat and PlanetScope see the layers: as `catfast simulate` plans winds, times and views."""
    dt = rng.choice((-1, 1)) * rng.uniform(3.0, 30.0)
    landsat = View(off_nadir=math.atan(rng.uniform(0, 90e3) / 705e3), azimuth=rng.uniform(0, 2 * math.pi))
    planet = View(off_nadir=math.radians(rng.uniform(0.3, 4.8)), azimuth=rng.uniform(0, 2 * math.pi))
    heights = [float(layer.height_m[0, 0, 0]) for layer in place.layers]
    blown = []
    for low, high in ((3.0, 16.0), (8.0, 28.0)):
        speed, towards = rng.uniform(low, high) * dt, rng.uniform(0, 2 * math.pi)
        blown.append((float(speed * math.sin(towards)), float(speed * math.cos(towards))))
    ps_seen = [_add(planet.parallax(h), b) for h, b in zip(heights, blown, strict=True)]
    still = ((0.0, 0.0), (0.0, 0.0))
    first = _Look(seen=(landsat.parallax(heights[0]), landsat.parallax(heights[1])), blown=still)
    return first, _Look(seen=(ps_seen[0], ps_seen[1]), blown=(blown[0], blown[1]))


def _see(
    draws: Draws, place: _Place, look: _Look, *, corrected: float, faults: tuple[float, float, float]
) -> tuple[Ground, Sky, Floats]:
    """Ground, sky and image (4, h, w) of one sensor; `faults` are blur and shift (px) and noise."""
    one = draws.array([[[1.0]]])
    taus = [thickness(np, layer) for layer in place.layers]
    lights = [relief_light(draws, tau, place.sun, 0.6 * one) for tau in taus]
    shades = [
        np.clip(_moved(draws, shadow(draws, tau, layer.height_m, place.sun, PX_M * one), blown), 0.0, 1.0)
        for tau, layer, blown in zip(taus, place.layers, look.blown, strict=True)
    ]
    taus = [
        thickness(
            np,
            dataclasses.replace(
                layer, body=_moved(draws, layer.body, at), bumps=_moved(draws, layer.bumps, at)
            ),
        )
        for layer, at in zip(place.layers, look.seen, strict=True)
    ]
    lights = [_moved(draws, light, at) for light, at in zip(lights, look.seen, strict=True)]
    ground = lay(np, place.mix, place.terrain, place.light)
    sky = overlay(np, place.sun, taus, lights, shades[0] * shades[1])
    air = draw_air(Draws(place.air_seed), 1, place.sun, corrected=corrected)
    blur, shift, noise = faults
    sensor = Sensor(
        blur=blur * one[..., None],
        dy=shift * draws.normal((1, 4, 1, 1)),
        dx=shift * draws.normal((1, 4, 1, 1)),
        gain=1.0 + 0.01 * draws.normal((1, 4, 1, 1)),
        seam=0.0 * one[..., None],
        seam_at=one[..., None],
        noise=noise * one[..., None],
    )
    return ground, sky, np.asarray(sense(draws, compose(np, ground, sky, air), sensor)[0], np.float32)


def _evolved(draws: Draws, layers: tuple[Layer, Layer], nuisance: float) -> tuple[Layer, Layer]:
    """The layers some seconds later: their bumps turn over, their outlines a little."""
    fine = Texture(exponent=3.0, corner=16.0)
    changed = []
    for layer in layers:
        bumps, body = power_law(draws, 2, SHAPE, fine)
        turned = 0.25 * nuisance
        changed.append(
            dataclasses.replace(
                layer,
                bumps=layer.bumps * math.sqrt(1 - turned**2) + turned * bumps,
                body=layer.body + 0.05 * nuisance * body,
            )
        )
    return changed[0], changed[1]


def _differently(
    draws: Draws, rng: np.random.Generator, image: Floats, ground: Ground, nuisance: float
) -> tuple[Floats, Metres]:
    """What PlanetScope adds: calibration, a gradient, sun glint seen from elsewhere, misregistration.

    The image, and by how many metres east and north everything in it, ground and cloud, is off.
    """
    gain = 1 + 0.03 * nuisance * rng.standard_normal((4, 1, 1)) + 0.05 * nuisance * rng.standard_normal()
    smooth = power_law(draws, 2, SHAPE, Texture(exponent=4.0, corner=1.0))
    glint = 0.015 * nuisance * abs(rng.standard_normal()) * np.exp(0.5 * smooth[0]) * ground.water[0]
    offset = 0.005 * nuisance * rng.standard_normal((4, 1, 1))
    changed = image * gain * (1 + 0.015 * nuisance * smooth[1]) + glint + offset
    dy, dx = 0.25 * nuisance * PX_M * rng.standard_normal(2)
    off = (float(dx), float(-dy))
    return _moved(draws, changed.astype(np.float32), off), off


def _displaced(draws: Draws, ground: Ground, sky: Sky, off: Metres) -> tuple[Ground, Sky]:
    """Ground and sky as an image has them that is off by so much: its truth."""

    def moved(thing: Ground | Sky, *names: str) -> dict[str, Floats]:
        return {name: _moved(draws, getattr(thing, name), off) for name in names}

    return (
        dataclasses.replace(ground, **moved(ground, "reflectance", "snow", "water")),
        dataclasses.replace(sky, **moved(sky, "thickness", "sunlight")),
    )


def _qa(
    rng: np.random.Generator, ground: Ground, sky: Sky, image: Floats, nuisance: float
) -> npt.NDArray[np.uint16]:
    """QA_PIXEL with the errors of ``catfast.simulate.world.cfmask``, scaled."""
    patch = Texture(exponent=3.0, corner=np.array([[[4.0]], [[8.0]]], np.float32))
    bright, faint = power_law(Draws(int(rng.integers(2**31))), 2, SHAPE, patch)
    tau, snow, seen = sky.thickness[0], ground.snow[0] > 0.5, classes(np, ground, sky)[0] == CLOUD
    needed = np.where(snow, 0.45 + 0.65 * nuisance, 0.45) * np.exp(0.4 * nuisance * faint)
    level = image[0] * (1.0 + 0.15 * bright)
    rare = 1.25 / math.sqrt(nuisance)
    mistaken = snow & ~seen & (bright > rare) & (level > 0.55)
    mistaken |= ~snow & ~seen & (bright > 2.2 / math.sqrt(nuisance))
    cloud = (tau > needed) | mistaken
    doubtful = ~cloud & (seen | (snow & (bright > rare - 0.2) & (level > 0.55)))
    grown = dilate(cloud, 3) & ~cloud
    shade = (sky.sunlight[0] < SHADOW_LIGHT) & ~cloud & (faint < 1.6 / nuisance)
    snowy, water = snow & ~cloud & ~shade, (ground.water[0] > 0.5) & ~cloud
    flags = {1: grown, 3: cloud, 4: shade, 5: snowy, 6: ~cloud & ~grown, 7: water}
    qa = np.zeros(SHAPE, np.uint16)
    for bit, flag in flags.items():
        qa |= flag.astype(np.uint16) << np.uint16(bit)
    qa |= np.where(cloud, 3, np.where(doubtful, 2, 1)).astype(np.uint16) << np.uint16(8)
    for flag, at in ((shade, 10), (snowy, 12), (np.zeros(SHAPE, bool), 14)):
        qa |= np.where(flag, 3, 1).astype(np.uint16) << np.uint16(at)
    return qa


def _footprint(rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(h, w): inside PlanetScope's tilted footprint."""
    tilt = rng.choice((-1, 1)) * math.radians(rng.uniform(3, 7))
    y, x = ((np.arange(n) - n / 2 + 0.5) * PX_M for n in SHAPE)
    along = np.abs(x * math.cos(tilt) + y[:, None] * math.sin(tilt))
    across = np.abs(y[:, None] * math.cos(tilt) - x * math.sin(tilt))
    return (along <= FOOTPRINT_M[0] / 2) & (across <= FOOTPRINT_M[1] / 2)


def _moved(draws: Draws, field: Floats, east_north: Metres) -> Floats:
    if east_north == (0.0, 0.0):
        return field
    return np.asarray(filtered(draws, field, dy=-east_north[1] / PX_M, dx=east_north[0] / PX_M), np.float32)


def _add(a: Metres, b: Metres) -> Metres:
    return a[0] + b[0], a[1] + b[1]
