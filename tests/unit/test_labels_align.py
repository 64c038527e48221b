"""Correlation over shifts against sums by hand, and labels of moved clouds against numpy pixel by pixel."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from catfast.errors import InputError, UsageError
from catfast.labels import Displacement, LabelConfig, Labeller
from catfast.labels.displacement import Coarse, band_files, estimate
from catfast.labels.displacement.correlate import (
    Shifts,
    multiple_correlation,
    partial_correlation,
    peak_of,
    quadrants,
)
from catfast.labels.displacement.found import REASONS
from catfast.landsat import open_qa
from catfast.planet import describe_scene
from catfast.raster import open_raster
from tests.align_files import CLOUD, GSD, PX, SCENE_AT, SHADOW, SNOW, write_pair
from tests.label_files import QA_NAME


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return write_pair(tmp_path_factory.mktemp("moved"), 210, -120)


def by_hand(target, signal, static, where, row, column):
    """Partial correlation at one shift: both regressed on the static images by least squares."""
    ys, xs = np.nonzero(where)
    ys, xs = ys - row, xs - column
    held = (ys >= 0) & (xs >= 0) & (ys < signal.shape[0]) & (xs < signal.shape[1])
    moved = np.where(held, signal[np.clip(ys, 0, None) % signal.shape[0], xs % signal.shape[1]], 0.0)
    basis = np.stack([np.ones(len(ys)), *(image[where] for image in static)], axis=1)
    left = [v - basis @ np.linalg.lstsq(basis, v, rcond=None)[0] for v in (target[where], moved)]
    return left[0] @ left[1] / np.sqrt((left[0] @ left[0]) * (left[1] @ left[1]))


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-5, 5)])
def test_partial_correlation_is_that_of_least_squares(shift):
    rng = np.random.default_rng(4)
    target, signal, ground = rng.standard_normal((3, 30, 41)).astype(np.float32)
    inside = np.ones(target.shape, bool)
    inside[:6] = inside[:, 35:] = False
    parts = quadrants(inside)
    found = partial_correlation(target, signal, [ground, ground**2], parts, Shifts(parts, 5))
    for left, surface in zip((None, 0, 1, 2, 3), found, strict=True):
        where = (parts >= 0) & (parts != left) if left is not None else parts >= 0
        expected = by_hand(target, signal, [ground, ground**2], where, *shift)
        assert surface[shift[0] + 5, shift[1] + 5] == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("around", [(0, 0), (-7, 4), (9, -12)])
def test_multiple_correlation_is_that_of_least_squares(around):
    rng = np.random.default_rng(5)
    targets, signal = rng.standard_normal((3, 30, 41)).astype(np.float32), rng.random((30, 41), np.float32)
    targets += np.roll(signal, around, (0, 1)) * np.array([1, -2, 0.5])[:, None, None]
    inside = np.ones(signal.shape, bool)
    inside[:6] = inside[:, 35:] = False
    parts = quadrants(inside)
    found = multiple_correlation(targets.astype(np.float32), signal, parts, Shifts(parts, 2, around))
    padded = np.pad(signal, 20)
    basis = np.stack([np.ones(inside.sum()), *targets[:, inside]], axis=1)
    for row, column in ((0, 0), (-2, 1), (2, 2)):
        top, left = 20 - around[0] - row, 20 - around[1] - column
        moved = padded[top : top + 30, left : left + 41][inside]
        rest = moved - basis @ np.linalg.lstsq(basis, moved, rcond=None)[0]
        expected = np.sqrt(1 - rest @ rest / ((moved - moved.mean()) ** 2).sum())
        assert found[row + 2, column + 2] == pytest.approx(expected, abs=2e-4)


def test_a_peak_is_found_between_pixels():
    steps = np.arange(-8, 9)
    surface = -((steps[:, None] - 2.3) ** 2) - (steps + 4.25) ** 2
    peak = peak_of(surface, np.ones(surface.shape, bool))
    assert (peak.row, peak.column) == pytest.approx((2.3, -4.25))


def test_quadrants_are_alike_and_cover_the_footprint():
    inside = np.zeros((50, 60), bool)
    inside[5:45, 10:58] = True
    parts = quadrants(inside)
    assert np.array_equal(parts >= 0, inside)
    assert np.bincount(parts[inside]).tolist() == [480] * 4


def seen_pair(cloud_reflectance, shift):
    """Both scenes at 30 m: smooth clouds over textured snow, shadows 4 pixels to their lower left."""
    rng = np.random.default_rng(8)
    waves = np.fft.rfft2(rng.standard_normal((320, 320)))
    slow = np.hypot(*np.meshgrid(np.fft.rfftfreq(320), np.fft.fftfreq(320)))
    field = np.fft.irfft2(waves * np.exp(-((slow * 30) ** 2)), s=(320, 320))
    cloud = field > np.quantile(field, 0.6)
    shadow = np.roll(cloud, (4, -4), (0, 1)) & ~cloud
    ground = 0.8 + 0.02 * rng.standard_normal((320, 320))

    def bands(cloud, shadow):
        seen = np.where(cloud, cloud_reflectance, np.where(shadow, 0.2, ground))
        noise = 0.01 * rng.standard_normal((4, 320, 320))
        return (seen + noise).astype(np.float32)

    qa = (cloud * 8 + shadow * 16).astype(np.uint16)
    moved = [np.roll(image, (-shift[1], shift[0]), (0, 1)) for image in (cloud, shadow)]
    return Coarse(
        landsat=bands(cloud, shadow),
        qa=qa,
        planet=bands(*moved),
        inside=np.ones(cloud.shape, bool),
        pixel_m=30,
    )


def test_clouds_brighter_than_snow_are_found():
    assert estimate(seen_pair(0.95, (5, 7))).accepted


@pytest.mark.parametrize("cloud", [0.95, 0.85, 0.8, 0.75, 0.7, 0.65, 0.5])
def test_what_is_accepted_is_right_however_bright_the_clouds(cloud):
    """The snow has 0.8, shadows 0.2: beside darker clouds they look like more of them."""
    found = estimate(seen_pair(cloud, (5, 7)))
    off = np.hypot(found.shift_x_m - 150, found.shift_y_m - 210)
    assert off < 15 if found.accepted else found.reason in {"shadow", "disagree"}


def moved_by(east_m, north_m):
    return Displacement(shift_x_m=east_m, shift_y_m=north_m, spread_m=5.0, accepted=True, reason="accepted")


def labels(pair, config, displacement, band=100):
    with open_qa(pair.qa) as qa, open_raster(pair.scene) as raster:
        labeller = Labeller(qa, raster, describe_scene(raster), config, displacement=displacement)
        height = raster.info.grid.height
        rows = [labeller.rows(start, min(start + band, height)) for start in range(0, height, band)]
        labeller.check_inside()
        return np.concatenate(rows), labeller.counts


def grown(mask):
    padded = np.pad(mask, 1)
    return np.any(
        [padded[r : r + len(mask), c : c + mask.shape[1]] for r in range(3) for c in range(3)], axis=0
    )


def expected(pair, east_m, north_m, *, scheme):
    """What the docstrings promise, one numpy step a sentence."""
    cloud, shadow = pair.codes == CLOUD, pair.codes == SHADOW
    unsure = (grown(cloud) & grown(~cloud)) | shadow
    steps = (np.arange(len(pair.truth)) + 0.5) * GSD + SCENE_AT
    here = np.ix_((steps // PX).astype(int), (steps // PX).astype(int))
    there = np.ix_(((steps + north_m) // PX).astype(int), ((steps - east_m) // PX).astype(int))
    surface = np.where(pair.codes == SNOW, 3 if scheme == "full" else 0, 0)
    surface[cloud] = 255 if scheme == "full" else 0
    surface[shadow] = 255
    label = np.where(cloud[there], 1, surface[here])
    label[unsure[there]] = 255
    label[pair.truth == 255] = 255
    return label


@pytest.mark.parametrize("scheme", ["full", "binary"])
@pytest.mark.parametrize("shift", [(210.0, -120.0), (-333.0, 71.0)])
def test_labels_of_moved_clouds(pair, scheme, shift):
    found, counts = labels(pair, LabelConfig(scheme=scheme), moved_by(*shift))
    assert np.array_equal(found, expected(pair, *shift, scheme=scheme))
    assert np.array_equal(counts, np.bincount(found.ravel(), minlength=256))
    other, _ = labels(pair, LabelConfig(scheme=scheme), moved_by(*shift), band=37)
    assert np.array_equal(found, other)


def test_soft_labels_of_moved_clouds(pair):
    found, _ = labels(pair, LabelConfig(method="fraction"), moved_by(210.0, -120.0))
    hard = expected(pair, 210.0, -120.0, scheme="binary")
    assert set(np.unique(found)) <= set(range(201)) | {255}
    core = (hard == 1) & (found != 255)
    assert core.mean() > 0.1
    assert (found[core] == 200).all()


def test_a_displacement_that_is_not_accepted_changes_nothing(pair):
    refused = dataclasses.replace(moved_by(210.0, -120.0), accepted=False, reason="spread")
    found, _ = labels(pair, LabelConfig(), refused)
    assert np.array_equal(found, labels(pair, LabelConfig(), None)[0])


def test_tags_hold_all_of_a_displacement():
    for reason in REASONS:
        known = Displacement(
            shift_x_m=-12.5, shift_y_m=310.0, spread_m=4.5, accepted=reason == "accepted", reason=reason
        )
        assert Displacement.of_tags(known.tags()) == known
    assert Displacement.of_tags({}) is None


def test_bands_are_found_by_product_id(pair, tmp_path):
    beside = band_files(pair.qa, None)
    assert [path.name[-6:] for path in beside] == ["B2.TIF", "B3.TIF", "B4.TIF", "B5.TIF"]
    home = tmp_path / QA_NAME.removesuffix("_QA_PIXEL.TIF")
    home.mkdir()
    for path in beside:
        (home / path.name.replace("_B", "_SR_B")).symlink_to(path)
    assert [path.parent for path in band_files(pair.qa, tmp_path)] == [home] * 4
    for path in beside:
        (tmp_path / path.name.lower()).symlink_to(path)
    assert [path.name for path in band_files(pair.qa, tmp_path)] == [path.name.lower() for path in beside]


def test_missing_bands_are_named(pair, tmp_path):
    with pytest.raises(InputError, match=r"needs Landsat's bands 2-5, found no LC08\S+_B2\.TIF in"):
        band_files(pair.qa, tmp_path)
    with pytest.raises(InputError, match="by product id, but the name has none"):
        band_files(tmp_path / "qa.tif", None)
    with pytest.raises(UsageError, match="--landsat-bands is of use with --align only"):
        LabelConfig(landsat_bands=tmp_path)
