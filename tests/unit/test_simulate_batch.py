from __future__ import annotations

import math

import numpy as np
import pytest

from catfast.simulate import batch
from catfast.simulate.atmosphere import Air, draw_air
from catfast.simulate.cloud import Sky
from catfast.simulate.draws import Draws
from catfast.simulate.scene import classes, compose
from catfast.simulate.spectra import SURFACES, THEMES
from catfast.simulate.surface import Ground, Sun, draw_ground, draw_sun


def flat(value: float, *shape: int) -> np.ndarray:
    return np.full(shape, value, np.float32)


def scene(
    *, tau: float = 0, light: float = 1, snow: float = 0, water: float = 0, ground: float = 0.3
) -> tuple[Ground, Sky]:
    earth = Ground(
        reflectance=flat(ground, 1, 4, 2, 2),
        light=flat(1, 1, 2, 2),
        snow=flat(snow, 1, 2, 2),
        water=flat(water, 1, 2, 2),
    )
    albedo = 0.1125 * tau / (1 + 0.1125 * tau)
    sky = Sky(
        thickness=flat(tau, 1, 2, 2),
        reflectance=flat(albedo, 1, 2, 2),
        albedo=flat(albedo, 1, 2, 2),
        sunlight=flat(light, 1, 2, 2),
    )
    return earth, sky


def vacuum() -> Air:
    nothing, all_ = flat(0, 1, 4, 1, 1), flat(1, 1, 4, 1, 1)
    return Air(path=nothing, through=all_, diffuse=flat(0.2, 1, 4, 1, 1), bounce=nothing, ozone=all_)


def test_a_batch_is_what_the_docstring_says():
    image, label = batch(3, 64, seed=1)
    assert image.shape == (3, 4, 64, 64)
    assert image.dtype == np.float32
    assert label.shape == (3, 64, 64)
    assert label.dtype == np.uint8
    assert set(np.unique(label)) <= {0, 1, 2, 3, 4}
    assert np.isfinite(image).all()
    assert image.min() >= -0.02
    assert image.max() <= 2.0


def test_the_seed_decides():
    first, again, other = (batch(17, 32, seed=s) for s in (5, 5, 6))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("wrong", [{"count": 0}, {"size": 4}, {"seed": -1}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="needed"):
        batch(**({"count": 1, "size": 64, "seed": 0} | wrong))


def test_every_class_has_its_share():
    _, label = batch(160, 64, seed=2)
    shares = np.bincount(label.ravel(), minlength=5) / label.size
    for code, least in enumerate([0.1, 0.25, 0.04, 0.1, 0.03]):
        assert least < shares[code] < 0.6, f"class {code}: {shares}"


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ({}, 0),
        ({"snow": 1}, 3),
        ({"water": 1}, 4),
        ({"light": 0.5, "snow": 1}, 2),
        ({"light": 0.5, "tau": 1, "water": 1}, 1),
        ({"tau": 0.2}, 0),
    ],
)
def test_cloud_covers_shadow_and_shadow_covers_the_ground(case, code):
    assert (classes(np, *scene(**case)) == code).all()


def test_without_air_and_cloud_the_ground_is_seen_as_it_is():
    ground, sky = scene(ground=0.3)
    np.testing.assert_allclose(compose(np, ground, sky, vacuum()), 0.3, rtol=1e-6)


def test_a_shadow_leaves_skylight_alone():
    ground, sky = scene(ground=0.5, light=0)
    np.testing.assert_allclose(compose(np, ground, sky, vacuum()), 0.1, rtol=1e-5)


def test_a_thick_cloud_hides_the_ground():
    dark, bright = (compose(np, *scene(ground=g, tau=200), vacuum()) for g in (0.02, 0.9))
    assert dark.min() > 0.9
    assert np.abs(bright - dark).max() < 0.05


def test_ozone_dips_in_green_and_only_above_the_air():
    sun = Sun(azimuth=flat(0, 50, 1, 1), elevation=flat(math.radians(30), 50, 1, 1))
    above, corrected = (draw_air(Draws(1), 50, sun, corrected=c).ozone[:, :, 0, 0] for c in (0.0, 1.0))
    np.testing.assert_allclose(corrected, 1)
    assert (above[:, 1] < above[:, 0]).all()
    assert (above[:, 1] < above[:, 3]).all()
    assert 0.85 < above[:, 1].mean() < 0.95  # FIELD: 5-14 % over bright targets


def test_rayleigh_makes_dark_ground_blue():
    draws = Draws(3)
    sun = draw_sun(draws, 60)
    path = draw_air(draws, 60, sun, corrected=0.0).path[:, :, 0, 0]
    assert (np.diff(path, axis=1) < 0).all()
    assert 0.05 < np.median(path[:, 0]) < 0.15


def test_grounds_are_mixed_of_known_surfaces():
    draws = Draws(4)
    sun = draw_sun(draws, 40)
    ground = draw_ground(draws, 40, (32, 32), sun)
    for share in (ground.snow, ground.water):
        assert share.min() >= 0
        assert share.max() <= 1 + 1e-5
    assert ground.reflectance.min() > 0
    assert (ground.snow + ground.water).max() <= 1 + 1e-5
    assert all(len(weights) == len(SURFACES) for _, weights in THEMES.values())
    assert len({s.name for s in SURFACES}) == len(SURFACES)


def test_snow_falls_off_in_near_infrared_as_real_snow_does():
    """In hand-labelled PlanetScope pixels near infrared over green is 0.83 (snow) and 0.6-0.7 (ice)."""
    named = {s.name: s.reflectance for s in SURFACES}
    assert 0.78 < named["coarse snow"][3] / named["coarse snow"][1] < 0.9
    assert 0.6 < named["bare white ice"][3] / named["bare white ice"][1] < 0.72
    assert all(s.reflectance[3] < s.reflectance[1] for s in SURFACES if s.kind == "snow")
