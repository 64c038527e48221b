from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from catfast.simulate.draws import Draws
from catfast.simulate.fields import Texture, direction, filtered, hillshade, power_law, quantile, sigmoid


def slope(field: np.ndarray) -> float:
    """Exponent of the radial power spectrum between 4 and 40 cycles, by least squares."""
    size = field.shape[-1]
    power = np.abs(np.fft.fft2(field)) ** 2
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size))) * size
    rings = np.arange(4, 41)
    mean = [power[..., (k >= r - 0.5) & (k < r + 0.5)].mean() for r in rings]
    return float(-np.polyfit(np.log(rings), np.log(mean), 1)[0])


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.5])
def test_a_field_has_the_spectrum_that_was_asked_for(exponent):
    field = power_law(Draws(1), 16, (256, 256), Texture(exponent=exponent, corner=1.0))
    assert slope(field) == pytest.approx(exponent, abs=0.15)
    assert field.dtype == np.float32
    np.testing.assert_allclose(field.mean((1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(field.std((1, 2)), 1, atol=5e-3)


def test_parameters_may_differ_from_scene_to_scene():
    exponents = np.array([2.0, 4.5], np.float32)[:, None, None]
    rough, smooth = power_law(Draws(2), 2, (128, 128), Texture(exponent=exponents, corner=1.0))
    assert np.abs(np.diff(rough)).mean() > 3 * np.abs(np.diff(smooth)).mean()


def test_a_stretched_field_varies_less_along_its_angle():
    field = power_law(Draws(3), 4, (128, 128), Texture(exponent=3.0, stretch=6.0, angle=0.0))
    assert np.abs(np.diff(field, axis=2)).mean() < 0.6 * np.abs(np.diff(field, axis=1)).mean()


def test_whole_pixels_are_moved_as_by_roll():
    field = Draws(4).normal((3, 48, 64))
    np.testing.assert_allclose(
        filtered(Draws(0), field, dy=5, dx=-7), np.roll(field, (5, -7), (1, 2)), atol=2e-4
    )


def test_moving_by_halves_twice_is_moving_by_one():
    field = power_law(Draws(5), 2, (64, 64), Texture(exponent=3.0, corner=2.0))
    once = filtered(Draws(0), filtered(Draws(0), field, dx=0.5), dx=0.5)
    np.testing.assert_allclose(once, np.roll(field, 1, 2), atol=0.05)  # the finest wave has no half


def test_blur_keeps_the_mean_and_spreads_a_point_as_a_gaussian():
    point = np.zeros((1, 64, 64), np.float32)
    point[0, 32, 32] = 1
    blurred = filtered(Draws(0), point, sigma=2.0)[0]
    row = np.arange(64) - 32
    assert blurred.sum() == pytest.approx(1, abs=1e-4)
    assert (blurred.sum(0) * row**2).sum() == pytest.approx(4.0, abs=0.02)


def test_flat_ground_gets_the_light_of_flat_ground():
    az, el = np.full((1, 1, 1), 1.0, np.float32), np.full((1, 1, 1), 0.5, np.float32)
    np.testing.assert_allclose(hillshade(np, np.zeros((1, 8, 8), np.float32), az, el), 1)


def test_the_side_that_faces_the_sun_is_brighter():
    ridge = np.zeros((1, 32, 32), np.float32) + 3 * np.cos(np.arange(32) * 2 * math.pi / 32)
    east = np.full((1, 1, 1), math.pi / 2, np.float32)
    light = hillshade(np, ridge.astype(np.float32), east, np.full((1, 1, 1), 0.7, np.float32))[0, 0]
    assert light[8] > 1 > light[24]  # the ridge falls to the east of column 0


@pytest.mark.parametrize(
    ("azimuth", "step"), [(0, (-1, 0)), (math.pi / 2, (0, 1)), (math.pi, (1, 0)), (-math.pi / 2, (0, -1))]
)
def test_azimuths_run_clockwise_from_up(azimuth, step):
    np.testing.assert_allclose(direction(np, np.array(azimuth)), step, atol=1e-9)


def test_quantile_and_sigmoid_are_near_the_true_ones():
    share = np.linspace(0.003, 0.997, 500)
    exact = [NormalDist().inv_cdf(p) for p in share]
    np.testing.assert_allclose(quantile(share), exact, atol=0.012)
    np.testing.assert_allclose(sigmoid(np, np.array([-2.0, 0, 3])), 1 / (1 + np.exp([2.0, 0, -3])), rtol=1e-6)


def test_draws_pick_follows_the_weights():
    picked = Draws(6).pick([1, 0, 3], (20_000,))
    np.testing.assert_allclose(np.bincount(picked, minlength=3) / 20_000, [0.25, 0, 0.75], atol=0.02)


def test_numpy_has_no_other_device():
    with pytest.raises(ValueError, match="cuda"):
        Draws(0, np, "cuda")
