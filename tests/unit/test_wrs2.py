"""The ground track of Landsat, against what USGS publishes and against the simulator's own."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Geod

from catfast.simulate.world.orbit import row_centre
from catfast.wrs2 import footprints, path_row, row_centres, seconds_after_centre

ROW_S = 16 * 86_400 / 233 / 248


@pytest.mark.parametrize(
    ("scene_id", "expected"),
    [
        ("LC08_L1TP_007013_20230714_20230725_02_T1", (7, 13)),
        ("LC09_L2SP_010065_20220129_02_T1", (10, 65)),
        ("LC08_199012_20230325", (199, 12)),
        ("LC80280302020014LGN00", (28, 30)),
        ("LT05_L1TP_168055_20110110_20161010_01_T1", (168, 55)),
        ("LE07_L1TP_063014_20030301_20200915_02_T1", (63, 14)),
        ("LM02_L1TP_063014_19780301_20200915_02_T2", None),
        ("LM10630141973120AAA01", None),
        ("20230714_144824_59_2414", None),
        ("LC08_L1TP_999999_20230714_20230725_02_T1", None),
    ],
)
def test_path_and_row_of_an_id(scene_id, expected):
    assert path_row(scene_id) == expected


def test_centres_agree_with_the_simulator():
    rows = np.arange(1, 61)
    lon, lat = row_centres(np.full(60, 57), rows)
    expected = np.array([row_centre(57, row) for row in rows])
    np.testing.assert_allclose(np.column_stack([lon, lat]), expected, atol=1e-9)


def test_centre_of_a_real_scene():
    """LC08_L2SP_028030_20200114: the centre of its footprint as USGS gives it."""
    lon, lat = row_centres(28, 30)
    assert Geod(ellps="WGS84").inv(lon, lat, -95.5648, 43.1836)[2] < 5_000


def test_corners_of_a_real_scene_are_scan_lines():
    """Both upper corners of a scene are seen at once, and both lower ones (LC09_L2SP_089090_20240417)."""
    corners = np.array(
        [
            [147.89427252263684, -42.126468761320254],
            [150.1342302634088, -42.53503309081188],
            [147.28087175465538, -43.82428323182334],
            [149.5841183176208, -44.24268124861021],
        ]
    )
    seconds = seconds_after_centre([89] * 4, [90] * 4, corners[:, 0], corners[:, 1])
    assert abs(seconds[0] - seconds[1]) < 0.15
    assert abs(seconds[2] - seconds[3]) < 0.15
    assert seconds[0] < -12 < 12 < seconds[2]


@pytest.mark.parametrize("row", [1, 12, 60, 120, 123, 200, 242, 247])
def test_the_next_centre_is_a_row_later(row):
    lon, lat = row_centres([57], [row + 1])
    np.testing.assert_allclose(seconds_after_centre([57], [row], lon, lat), ROW_S, atol=1e-6)


@pytest.mark.parametrize("row", [1, 12, 60, 122, 200, 242])
def test_footprints_are_as_large_as_a_scene(row):
    lon, lat = footprints([57], [row])
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(shapely.Polygon(np.column_stack([lon[0], lat[0]])))
    assert abs(area) == pytest.approx(185e3 * 180e3, rel=0.02)


@pytest.mark.parametrize("row", [8, 30, 60, 200])
def test_a_line_of_a_sensor_that_does_not_steer_is_square_to_the_orbit(row):
    """The two differ at the edge of the swath by what the Earth turns meanwhile, on the track by nothing."""
    lon, lat = footprints([57], [row])
    edges = lon[0, [4, 13]], lat[0, [4, 13]]  # halfway along each side
    steered, plain = (seconds_after_centre([57] * 2, [row] * 2, *edges, known) for known in (True, False))
    np.testing.assert_allclose(steered, 0, atol=0.1)
    turn = 465.1 * np.cos(np.radians(lat[0, 4])) * np.cos(np.radians(8.2)) / 6_750
    expected = 92_500 * turn / 6_750
    np.testing.assert_allclose(np.abs(plain), expected, rtol=0.2)
    assert plain[0] * plain[1] < 0
    centre = row_centres([57], [row])
    np.testing.assert_allclose(seconds_after_centre([57], [row], *centre, False), 0, atol=1e-9)
