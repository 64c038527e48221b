from __future__ import annotations

import math

import numpy as np
import pytest

from catfast.simulate.cloud import CLOUD_THICKNESS, draw_layer, draw_sky, reflected, shadow, thickness
from catfast.simulate.cloudkinds import HIGH, LOW
from catfast.simulate.draws import Draws
from catfast.simulate.surface import Sun

ONE = np.ones((1, 1, 1), np.float32)


def sun(azimuth_deg: float, elevation_deg: float) -> Sun:
    return Sun(azimuth=ONE * math.radians(azimuth_deg), elevation=ONE * math.radians(elevation_deg))


def test_no_cloud_reflects_nothing_and_a_thick_one_nearly_everything():
    tau = np.array([[[0.0, 0.35, 5, 20, 1000]]], np.float32)
    direct, albedo = reflected(np, tau, sun(0, 40), np.ones_like(tau))
    for value in (direct[0, 0], albedo[0, 0]):
        assert value[0] == 0
        assert (np.diff(value) > 0).all()
        assert 0.97 < value[-1] < 1.01


def test_thin_cloud_is_brighter_under_a_low_sun():
    tau = np.full((1, 1, 1), 0.5, np.float32)
    low, high = (reflected(np, tau, sun(0, e), np.ones_like(tau))[0].item() for e in (10, 60))
    assert low > 1.5 * high


@pytest.mark.parametrize(("azimuth", "dy", "dx"), [(90, 0, -1), (180, -1, 0), (270, 0, 1), (0, 1, 0)])
def test_a_shadow_lies_away_from_the_sun_as_far_as_its_height_says(azimuth, dy, dx):
    tau = np.zeros((1, 128, 128), np.float32)
    tau[0, 60:68, 60:68] = 50
    light = shadow(Draws(0), tau, ONE * 600.0, sun(azimuth, 45.0), ONE * 30.0)
    dark = 1 - light[0]
    row, column = np.arange(128) - 63.5, np.arange(128) - 63.5
    assert (dark.sum(1) * row).sum() / dark.sum() == pytest.approx(20 * dy, abs=0.3)
    assert (dark.sum(0) * column).sum() / dark.sum() == pytest.approx(20 * dx, abs=0.3)
    assert light.min() < 0.05
    assert light.max() > 0.99


def test_the_cover_of_a_layer_is_what_its_kind_says():
    kinds = [k for k in LOW if k.name == "cumulus"]
    layer = draw_layer(Draws(1), (64, 64), kinds, np.ones((200, 1, 1), np.float32))
    tau = thickness(np, layer)
    assert np.isfinite(tau).all()
    assert (tau >= 0).all()
    cover = (tau > 0).mean()
    assert sum(kinds[0].cover) / 2 - 0.07 < cover < sum(kinds[0].cover) / 2 + 0.07
    assert ((layer.height_m >= kinds[0].height_m[0]) & (layer.height_m <= kinds[0].height_m[1])).all()


def test_a_layer_that_is_absent_has_no_thickness():
    present = np.array([0, 1], np.float32)[:, None, None]
    tau = thickness(np, draw_layer(Draws(2), (64, 64), LOW, present))
    assert tau[0].max() == 0
    assert tau[1].max() > 0


def test_about_a_quarter_of_the_skies_is_clear():
    count = 300
    sky = draw_sky(Draws(3), count, (16, 16), Sun(azimuth=ONE, elevation=ONE * 0.6))
    clear = (sky.thickness.max((1, 2)) == 0).mean()
    assert 0.2 < clear < 0.4
    assert (sky.reflectance >= 0).all()
    assert (sky.albedo < 1).all()
    assert ((sky.sunlight >= 0) & (sky.sunlight <= 1)).all()


@pytest.mark.parametrize("kind", [*LOW, *HIGH], ids=lambda k: k.name)
def test_kinds_are_in_order(kind):
    for low, high in (kind.exponent, kind.corner, kind.stretch, kind.cover, kind.thickness, kind.height_m):
        assert 0 < low <= high
    assert kind.exponent[0] >= 3, "rough clouds teach models nothing"
    assert kind.cover[1] < 1
    assert kind.thickness[1] > CLOUD_THICKNESS
