"""Footprints that a plain reading of longitude and latitude gets wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import shapely

from catfast.catalog.footprint import Footprints
from catfast.catalog.record import Record
from tests.scenes import TO_PLANE, square, to_degrees


def projected(geometry: object, **fields: object) -> shapely.Geometry | None:
    record = Record(
        scene_id="x", acquired=datetime(2023, 7, 1, tzinfo=UTC), platform="p", geometry=geometry, **fields
    )
    shapes, wrong = Footprints().project([record])
    assert (shapes[0] is None) == (wrong[0] is not None)
    return shapes[0]


def same(found: shapely.Geometry, expected: shapely.Geometry, tolerance_m: float = 1.0) -> bool:
    return (
        found.is_valid and found.hausdorff_distance(expected) < tolerance_m and found.geom_type == "Polygon"
    )


@pytest.mark.parametrize("lat", [60.0, 70.0, 75.0, 85.0])
def test_over_the_antimeridian(lat):
    true = square(180, lat, 20_000)
    west_and_east = to_degrees(true)
    assert west_and_east.bounds[2] - west_and_east.bounds[0] > 350
    assert same(projected(west_and_east.wkt), true)


@pytest.mark.parametrize("lat", [70.0, 75.0])
def test_split_at_180_degrees_is_one_again(lat):
    true = shapely.Polygon(
        [
            TO_PLANE.transform(*p)
            for p in [(179, lat), (180, lat), (181, lat), (181, lat + 1), (180, lat + 1), (179, lat + 1)]
        ]
    )
    east, west = shapely.box(179, lat, 180, lat + 1), shapely.box(-180, lat, -179, lat + 1)
    assert same(projected(shapely.MultiPolygon([east, west]).wkt), true)


def test_around_the_pole():
    true = square(30, 89.95, 60_000)
    assert true.contains(shapely.Point(0, 0))
    assert same(projected(to_degrees(true).wkt), true)


def test_around_the_pole_as_providers_cut_it():
    """Along 180 degrees up to 90 N and back: the seam must vanish."""
    ring = [(-180, 88), (-90, 88.5), (0, 88), (90, 88.5), (180, 88), (180, 90), (-180, 90), (-180, 88)]
    found = projected(shapely.Polygon(ring).wkt)
    true = shapely.Polygon([TO_PLANE.transform(*place) for place in ring[:4]])
    assert found.area == pytest.approx(true.area, rel=1e-9)
    assert found.contains(shapely.Point(0, 0))


def test_area_is_true_on_the_ground():
    from pyproj import Geod

    shape = square(100, 61, 15_000)
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(to_degrees(shapely.segmentize(shape, 500)))
    assert shape.area == pytest.approx(abs(area), rel=1e-4)


@pytest.mark.parametrize("centre", [(10, 45.2), (-180, -17), (147, -42)])
def test_far_south_it_is_the_straight_edges_of_longitude_and_latitude(centre):
    lon, lat = centre
    box = shapely.box(lon - 0.2, lat - 0.1, lon + 0.2, lat + 0.1)
    found = projected(box.wkt)
    inside = shapely.Point(TO_PLANE.transform(lon + 0.199, lat + 0.099))
    outside = shapely.Point(TO_PLANE.transform(lon + 0.201, lat))
    assert found.contains(inside)
    assert not found.contains(outside)


def test_a_bow_tie_becomes_its_two_halves():
    ring = shapely.Polygon([(0, 80), (1, 81), (1, 80), (0, 81)])
    found = projected(ring.wkt)
    assert found.is_valid
    assert len(shapely.get_parts(found)) == 2


def test_z_is_dropped_and_holes_stay():
    shape = shapely.Polygon(shapely.box(0, 70, 3, 73).exterior, [shapely.box(1, 71, 2, 72).exterior])
    found = projected(shapely.force_3d(shape).wkt)
    assert not found.has_z
    assert len(found.interiors) == 1


def test_a_nominal_footprint_is_cut_by_the_corners_of_its_product():
    corners = {
        "type": "Polygon",
        "coordinates": [[[-50.9, 67.2], [-50.5, 67.2], [-50.5, 67.06], [-50.9, 67.06], [-50.9, 67.2]]],
    }
    found = projected(None, wrs_path=7, wrs_row=13, within=corners)
    assert 200e6 < found.area < 300e6
    assert projected(None, wrs_path=7, wrs_row=13).area > 30e9


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("wkt", "reason"),
    [
        ("POLYGON ((0 95, 1 95, 1 96, 0 95))", "swapped"),
        ("POLYGON ((500 75, 501 75, 501 76, 500 75))", "bad_geometry"),
        ("LINESTRING (0 70, 1 71)", "bad_geometry"),
        ("POLYGON EMPTY", "no_geometry"),
        ("MULTIPOLYGON EMPTY", "no_geometry"),
        ("nonsense", "bad_geometry"),
        ("POLYGON ((1e999 70, 1 70, 1 71, 1e999 70))", "bad_geometry"),
        ("POLYGON ((NaN 70, 1 70, 1 71, NaN 70))", "bad_geometry"),
        ("POLYGON ((0 70, 1 71, 2 72, 0 70))", None),
    ],
)
def test_reasons(wkt, reason):
    record = Record(scene_id="x", acquired=datetime(2023, 7, 1, tzinfo=UTC), platform="p", geometry=wkt)
    _, wrong = Footprints().project([record])
    assert wrong[0] is None if reason is None else wrong[0][0] == reason
