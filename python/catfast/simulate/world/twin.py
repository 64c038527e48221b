"""The two scenes of a pair, as reflectance and true classes: one ground and one sky seen twice."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catfast.classes import NODATA
from catfast.simulate.atmosphere import Air, draw_air
from catfast.simulate.cloud import Layer, Sky, draw_layer, overlay, relief_light, shadow, thickness
from catfast.simulate.cloudkinds import HIGH, LOW, CloudKind
from catfast.simulate.draws import Draws
from catfast.simulate.fields import Texture, filtered, hillshade, power_law
from catfast.simulate.scene import classes, compose
from catfast.simulate.sensor import Sensor, sense
from catfast.simulate.spectra import SURFACES
from catfast.simulate.surface import Ground, Mix, Sun, Terrain, draw_mix, draw_terrain, lay
from catfast.simulate.world.plan import L8_PX_M, PS_PX_M, PairPlan
from catfast.simulate.world.regrid import Window

__all__ = ["LandsatScene", "PlanetScene", "Twin", "make_twin"]

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Metres = tuple[float, float]

LOW_COVER, HIGH_COVER = (0.2, 0.5), (0.1, 0.35)
"""Share of the sky that the clouds of a pair cover: some of each class is wanted in every scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanetScene:
    """What PlanetScope sees."""

    reflectance: Floats
    """(4, h, w): blue, green, red, near infrared; meaningless outside `valid`."""
    truth: Codes
    """(h, w): 0 clear, 1 cloud, 2 shadow, 3 snow and ice, 4 water, 255 not seen."""
    valid: Flags
    """(h, w)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandsatScene:
    """What Landsat sees, and what its cloud mask is made from."""

    reflectance: Floats
    """(4, h, w): top of atmosphere."""
    ground: Ground
    """The ground, (1, ...)."""
    sky: Sky
    """The sky, (1, ...)."""
    high: Floats
    """(h, w): optical thickness of the upper clouds alone."""
    truth: Codes
    """(h, w), as for PlanetScope."""
    valid: Flags
    """(h, w)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A pair of scenes."""

    planet: PlanetScene
    """The PlanetScope scene, 3 m."""
    landsat: LandsatScene
    """The Landsat scene, 30 m."""
    heights_m: tuple[float, float]
    """Heights of the lower and the upper clouds."""
    moved_m: tuple[Metres, Metres]
    """Metres (east, north) from where Landsat sees each layer to where PlanetScope sees it."""
    shadows_moved_m: tuple[Metres, Metres]
    """The same for the layers' shadows: wind alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """All that both scenes share, on Landsat's 30 m grid."""

    sun: Sun
    mix: Mix
    terrain: Terrain
    light: Floats
    layers: tuple[Layer, Layer]
    lights: tuple[Floats, Floats]
    shadows: tuple[Floats, Floats]


def make_twin(plan: PairPlan) -> Twin:
    """Simulate the pair of `plan`."""
    draws = Draws(plan.seed)
    place = _draw_place(draws, plan)
    heights = (float(place.layers[0].height_m[0, 0, 0]), float(place.layers[1].height_m[0, 0, 0]))
    blown = [(wind[0] * plan.dt_local_s, wind[1] * plan.dt_local_s) for wind in plan.winds]
    l8_seen = [plan.l8_view.parallax(h) for h in heights]
    ps_seen = [_add(plan.ps_view.parallax(h), b) for h, b in zip(heights, blown, strict=True)]
    air_seed = plan.seed + 1
    landsat = _see_landsat(
        draws, plan, place, l8_seen, draw_air(Draws(air_seed), 1, place.sun, corrected=0.0)
    )
    corrected = 1.0 if plan.product == "SR" else 0.0
    planet = _see_planet(
        draws, plan, place, (ps_seen, blown), draw_air(Draws(air_seed), 1, place.sun, corrected=corrected)
    )
    moved = [(p[0] - q[0], p[1] - q[1]) for p, q in zip(ps_seen, l8_seen, strict=True)]
    return Twin(
        planet=planet,
        landsat=landsat,
        heights_m=heights,
        moved_m=(moved[0], moved[1]),
        shadows_moved_m=(blown[0], blown[1]),
    )


def _draw_place(draws: Draws, plan: PairPlan) -> _Place:
    """Draw ground and clouds where they truly are when Landsat passes."""
    shape = (plan.l8.size, plan.l8.size)
    sun = Sun(
        azimuth=draws.array([[[math.radians(plan.sun[0])]]]),
        elevation=draws.array([[[math.radians(plan.sun[1])]]]),
    )
    names = [s.name for s in SURFACES]
    mix = draw_mix(draws, np.array([[names.index(n) for n in plan.site.surfaces]]), single=0.0)
    mix = dataclasses.replace(mix, level=0.5 * mix.level, sharpness=np.clip(mix.sharpness, 3.0, 30.0))
    terrain = draw_terrain(draws, 1, shape, sun)
    light = hillshade(draws.xp, terrain.relief * (plan.site.relief_m / L8_PX_M), sun.azimuth, sun.elevation)
    one, pixel = draws.array([[[1.0]]]), draws.array([[[L8_PX_M]]])
    low, high = (
        draw_layer(draws, shape, [_kind(LOW, plan.site.low)], one),
        draw_layer(draws, shape, [_kind(HIGH, plan.site.high or "cirrus")], one * bool(plan.site.high)),
    )
    low = dataclasses.replace(low, form=dataclasses.replace(low.form, cover=draws.uniform(1, *LOW_COVER)))
    high = dataclasses.replace(high, form=dataclasses.replace(high.form, cover=draws.uniform(1, *HIGH_COVER)))
    taus = [thickness(draws.xp, layer) for layer in (low, high)]
    lights = [relief_light(draws, tau, sun, draws.uniform(1, 0.3, 0.9)) for tau in taus]
    shades = [
        shadow(draws, tau, layer.height_m, sun, pixel) for tau, layer in zip(taus, (low, high), strict=True)
    ]
    return _Place(
        sun=sun,
        mix=mix,
        terrain=terrain,
        light=light,
        layers=(low, high),
        lights=(lights[0], lights[1]),
        shadows=(shades[0], shades[1]),
    )


def _see_landsat(draws: Draws, plan: PairPlan, place: _Place, seen: list[Metres], air: Air) -> LandsatScene:
    """Render Landsat's scene; its clouds stand where its own parallax puts them."""

    def move(field: Floats, east_north: Metres) -> Floats:
        moved = filtered(draws, field, dy=-east_north[1] / L8_PX_M, dx=east_north[0] / L8_PX_M)
        return np.asarray(moved, dtype=np.float32)

    layers = [
        dataclasses.replace(layer, body=move(layer.body, offset), bumps=move(layer.bumps, offset))
        for layer, offset in zip(place.layers, seen, strict=True)
    ]
    lights = [move(light, offset) for light, offset in zip(place.lights, seen, strict=True)]
    taus = [thickness(np, layer) for layer in layers]
    ground = lay(np, place.mix, place.terrain, place.light)
    sky = overlay(np, place.sun, taus, lights, place.shadows[0] * place.shadows[1])
    sensor = _camera(draws, blur=0.5, shift=0.08, noise=0.001)
    image = sense(draws, compose(np, ground, sky, air), sensor)
    valid = plan.l8.valid()
    truth = np.where(valid, classes(np, ground, sky)[0], np.uint8(NODATA))
    return LandsatScene(
        reflectance=image[0], ground=ground, sky=sky, high=taus[1][0], truth=truth, valid=valid
    )


def _see_planet(
    draws: Draws, plan: PairPlan, place: _Place, moved: tuple[list[Metres], list[Metres]], air: Air
) -> PlanetScene:
    """Render PlanetScope's scene: the coarse fields at 3 m with details that Landsat cannot see."""
    size = plan.ps.size

    def window(east_north: Metres = (0.0, 0.0)) -> Window:
        left = (plan.ps.west + PS_PX_M / 2 - east_north[0] - plan.l8.west) / L8_PX_M - 0.5
        top = (plan.l8.north - plan.ps.north + PS_PX_M / 2 + east_north[1]) / L8_PX_M - 0.5
        return Window(top=top, left=left, step=PS_PX_M / L8_PX_M, size=size, period=plan.l8.size)

    # Details carry the spectra on below 60 m, the finest that 30 m pixels hold: 13 cycles in 256 pixels.
    fine = Texture(exponent=draws.array([3.2, 3.2, 2.4])[:, None, None], corner=13.0)
    cloud_detail, border, grain = power_law(draws, 3, (size, size), fine)
    seen, blown = moved
    layers, lights = [], []
    for layer, light, offset in zip(place.layers, place.lights, seen, strict=True):
        at = window(offset)
        bumps = at(layer.bumps) + 0.22 * cloud_detail
        layers.append(dataclasses.replace(layer, body=at(layer.body), bumps=bumps))
        lights.append(at(light))
    shades = [np.clip(window(b)(s), 0.0, 1.0) for s, b in zip(place.shadows, blown, strict=True)]
    here, rough = window(), np.std(place.terrain.grain)
    terrain = Terrain(
        relief=here(place.terrain.relief) + 0.03 * border,
        votes=here(place.terrain.votes) - 0.05 * border,
        patches=here(place.terrain.patches) + 0.2 * np.std(place.terrain.patches) * border,
        grain=here(place.terrain.grain) + rough * grain,
    )
    ground = lay(np, place.mix, terrain, np.clip(here(place.light), 0.0, 3.0))
    sky = overlay(np, place.sun, [thickness(np, x) for x in layers], lights, shades[0] * shades[1])
    sensor = _camera(draws, blur=0.8, shift=0.35, noise=0.003)
    image = sense(draws, compose(np, ground, sky, air), sensor)[0]
    valid = plan.ps.valid()
    truth = np.where(valid, classes(np, ground, sky)[0], np.uint8(NODATA))
    return PlanetScene(reflectance=image, truth=truth, valid=valid)


def _camera(draws: Draws, *, blur: float, shift: float, noise: float) -> Sensor:
    """Return a camera with typical faults: `blur` and `shift` in pixels, `noise` in reflectance."""
    one = draws.array([[[[1.0]]]])
    return Sensor(
        blur=blur * one,
        dy=shift * draws.normal((1, 4, 1, 1)),
        dx=shift * draws.normal((1, 4, 1, 1)),
        gain=1.0 + 0.01 * draws.normal((1, 4, 1, 1)),
        seam=0.0 * one,
        seam_at=one,
        noise=noise * one,
    )


def _kind(kinds: tuple[CloudKind, ...], name: str) -> CloudKind:
    """Return the kind of that name."""
    return next(k for k in kinds if k.name == name)


def _add(a: Metres, b: Metres) -> Metres:
    """Add two displacements."""
    return a[0] + b[0], a[1] + b[1]
