"""Scenes that can meet, against all of both with numpy; and that leaving out the others never shows."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

from catfast import _core
from catfast.catalog import build
from catfast.errors import InputError
from catfast.pairs import PairsConfig, mine, sedonadb
from catfast.pairs.finish import finish
from catfast.pairs.narrow import meeting_times
from tests.scenes import T0_MS, square, write_catalogue

RNG = np.random.default_rng(4)


def catalogue(folder, kind, count, half_m, row_group):
    """A catalogue of random scenes with several row groups, its times and its bounds."""
    places = zip(RNG.uniform(-180, 180, count), RNG.uniform(70, 89.9, count), strict=True)
    shapes = [square(lon, lat, half_m) for lon, lat in places]
    times = T0_MS + RNG.integers(0, 3_600_000, count)
    platform = {"planet": "planetscope", "landsat": "landsat-8"}[kind]
    foreign = write_catalogue(folder / "foreign.parquet", shapes, times.tolist(), platform=platform)
    made, path = folder / f"made_{kind}.parquet", folder / f"{kind}.parquet"
    build(kind, [foreign], made)
    pq.write_table(pq.read_table(made), path, row_group_size=row_group)
    return path, times, shapely.bounds(shapes)


def brute_force(planet, landsat, window_ms):
    """Times of each side that can meet."""
    (_, ps_t, ps), (_, l8_t, l8) = planet, landsat
    near = np.abs(ps_t[:, None] - l8_t) <= window_ms
    for low, high in ((0, 2), (1, 3)):
        near &= (ps[:, None, low] <= l8[:, high]) & (l8[:, low] <= ps[:, None, high])
    return np.unique(ps_t[near.any(axis=1)]), np.unique(l8_t[near.any(axis=0)])


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    folder = tmp_path_factory.mktemp("narrow")
    return catalogue(folder, "planet", 900, 40_000, 70), catalogue(folder, "landsat", 300, 150_000, 110)


@pytest.mark.parametrize("window_ms", [1, 30_000, 400_000])
def test_what_can_meet(sides, window_ms):
    planet, landsat = sides
    expected = brute_force(planet, landsat, window_ms)
    for times, true in zip(meeting_times(planet[0], landsat[0], window_ms), expected, strict=True):
        np.testing.assert_array_equal(times, true)
    swapped = meeting_times(landsat[0], planet[0], window_ms)
    np.testing.assert_array_equal(swapped[0], expected[1])
    np.testing.assert_array_equal(swapped[1], expected[0])


def test_too_many_are_not_narrowed(sides):
    (planet, *_), (landsat, *_) = sides
    count = len(meeting_times(planet, landsat, 30_000)[0])
    assert meeting_times(planet, landsat, 30_000, most=count) is not None
    assert meeting_times(planet, landsat, 30_000, most=count // 2) is None


@pytest.mark.parametrize("options", [{}, {"within": True}, {"min_overlap": 0.7}, {"latitude": (75, 85)}])
def test_the_query_gives_the_same_rows_from_all_scenes(sides, options):
    (planet, *_), (landsat, *_) = sides
    config = PairsConfig(max_dt_s=300, **options)
    few, whole = (finish(sedonadb.run(planet, landsat, config, most=most), config) for most in (10_000, 0))
    assert few.num_rows > 5
    assert few.equals(whole)


def test_no_scene_can_meet(tmp_path):
    ps = write_catalogue(tmp_path / "ps.parquet", [square(0, 75)], [T0_MS])
    l8 = write_catalogue(tmp_path / "l8.parquet", [square(90, 75)], [T0_MS], platform="landsat-8")
    for kind, path in (("planet", ps), ("landsat", l8)):
        build(kind, [path], tmp_path / f"{kind}.parquet")
    made = tmp_path / "planet.parquet", tmp_path / "landsat.parquet"
    assert [len(times) for times in meeting_times(*made, 30_000)] == [0, 0]
    assert sedonadb.run(*made, PairsConfig()).num_rows == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": -1}, "window: expected at least 0 ms, found -1"),
        ({"few_times": np.array([2, 1])}, "few: expected times in order"),
        ({"met": np.zeros(4, bool)}, r"met: expected shape \[3\], found \[4\]"),
        ({"times": np.zeros(3, np.int32)}, "times: expected a C-contiguous array of int64"),
        ({"sides": [np.zeros(2)] * 4}, r"many: expected shape \[3\], found \[2\]"),
    ],
)
def test_the_kernel_refuses(change, message):
    given = {
        "times": np.arange(3),
        "sides": [np.zeros(3)] * 4,
        "few_times": np.arange(2),
        "few_sides": [np.zeros(2)] * 4,
        "window": 5,
        "met": np.zeros(3, bool),
        "met_few": np.zeros(2, bool),
    }
    with pytest.raises(ValueError, match=message):
        _core.mark_meeting(**(given | change))


@pytest.mark.parametrize("trouble", ["no bbox", "no times", "zeros"])
def test_a_catalogue_of_ours_that_was_spoilt(sides, tmp_path, trouble):
    (planet, *_), (landsat, *_) = sides
    spoilt, out = tmp_path / "spoilt.parquet", tmp_path / "out.parquet"
    if trouble == "zeros":
        whole = planet.read_bytes()
        spoilt.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    else:
        lost = {"no bbox": "bbox", "no times": "acquired"}[trouble]
        pq.write_table(pq.read_table(planet).drop([lost]), spoilt)
    with pytest.raises(InputError) as caught:
        mine(spoilt, landsat, out)
    assert str(spoilt) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [spoilt]
