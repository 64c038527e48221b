"""Pairs whose answer is known by construction, and the window's edges."""

from __future__ import annotations

import itertools

import pyarrow as pa
import pyproj
import pytest
import shapely

from catfast.errors import OutputError, UsageError
from catfast.pairs import PairsConfig, mine
from catfast.wrs2 import footprints
from tests.scenes import T0_MS, TO_PLANE, brute_force, rows, square, to_degrees, write_catalogue

BIG = 92_000.0


def paired(tmp_path, planet, landsat, times=None, **options):
    """Pairs of footprints (any number a side) that were taken at the same time, or at `times`."""
    ps_times, l8_times = times or ([T0_MS] * len(planet), [T0_MS] * len(landsat))
    crs = options.pop("crs", "EPSG:6931")
    columns = options.pop("columns", {})
    ps = write_catalogue(tmp_path / "ps.parquet", planet, ps_times, crs=crs)
    l8 = write_catalogue(tmp_path / "l8.parquet", landsat, l8_times, crs=crs, platform="landsat-8", **columns)
    mine(ps, l8, tmp_path / "pairs.parquet", PairsConfig(**options))
    return rows(tmp_path / "pairs.parquet")


CASES = {
    "interior": (square(20, 70), square(20.5, 70, BIG), 1.0),
    "across the antimeridian at 70N": (square(179.9, 70), square(-179.5, 70, BIG), 1.0),
    "across the antimeridian at 75N": (square(-179.9, 75), square(179.0, 75, BIG), 1.0),
    "opposite meridian": (square(0, 89), square(180, 89, BIG), 0.0),
    "pole inside the Landsat footprint": (square(77, 89.9), square(0, 89.9, BIG), 1.0),
    "82N neighbours": (square(0, 82, 10_000, turn=0), square(0, 82, 10_000, turn=0), 1.0),
}


@pytest.mark.parametrize("crs", ["EPSG:6931", "OGC:CRS84"])
@pytest.mark.parametrize("name", CASES)
def test_constructed(tmp_path, name, crs):
    planet, landsat, overlap = CASES[name]
    if crs != "EPSG:6931":
        planet, landsat = to_degrees(planet), to_degrees(landsat)
    found = paired(tmp_path, [planet], [landsat], crs=crs)
    assert [row["overlap"] for row in found] == pytest.approx([overlap] if overlap else [], abs=1e-6)


def test_neighbours_that_share_an_edge_at_82n_are_no_pair(tmp_path):
    x, y = TO_PLANE.transform(10, 82)
    left, right = shapely.box(x, y, x + 1e4, y + 1e4), shapely.box(x + 1e4, y, x + 3e4, y + 1e4)
    assert not paired(tmp_path, [left], [right], min_overlap=0)
    assert paired(tmp_path, [left], [shapely.affinity.translate(right, -1000)])[0][
        "overlap"
    ] == pytest.approx(0.1)


def test_where_footprints_merely_touch_is_no_part_of_their_overlap(tmp_path):
    """A footprint that lies over one end of another, and along a line of its other end."""
    x, y = (round(side, -3) for side in TO_PLANE.transform(10, 70))
    arms = shapely.box(0, 0, 1e4, 1e4) - shapely.box(2e3, 2e3, 8e3, 1e4)
    beside = shapely.box(-2e4, 5e3, 0, 4e4) | shapely.box(-2e4, -2e4, 2e4, 1e3)
    arms, beside = (shapely.affinity.translate(shape, x, y) for shape in (arms, beside))
    assert arms.intersection(beside).geom_type == "GeometryCollection"
    (found,) = paired(tmp_path, [arms], [beside])
    assert shapely.from_wkb(found["geometry"]).equals(shapely.box(x, y, x + 1e4, y + 1e3))
    assert found["overlap_km2"] == pytest.approx(10)


def test_bow_tie_empty_and_cut_at_180(tmp_path):
    bow_tie = to_degrees(shapely.Polygon([(0, -1e6), (1e4, -1.01e6), (1e4, -1e6), (0, -1.01e6)]))
    cut = shapely.MultiPolygon([shapely.box(179, 75, 180, 75.5), shapely.box(-180, 75, -179, 75.5)])
    planet = [bow_tie, shapely.Polygon(), cut]
    over_both = to_degrees(shapely.union_all([bow_tie_hull(), square(180, 75.25, BIG)]))
    found = paired(tmp_path, planet, [over_both], crs="OGC:CRS84")
    assert {row["ps_id"]: row["overlap"] for row in found} == pytest.approx(
        {"scene_00000": 1, "scene_00002": 1}
    )
    assert found[0]["overlap_km2"] == pytest.approx(50, rel=1e-3)


def bow_tie_hull() -> shapely.Polygon:
    return shapely.box(-5e3, -1.02e6, 2e4, -0.99e6)


@pytest.mark.parametrize(("dt_ms", "count"), [(30_000, 1), (-30_000, 1), (30_001, 0), (-30_001, 0), (0, 1)])
def test_the_window_holds_its_edges(tmp_path, dt_ms, count):
    found = paired(tmp_path, [square(0, 75)], [square(0, 75, BIG)], ([T0_MS + dt_ms], [T0_MS]))
    assert [row["dt_s"] for row in found] == [dt_ms / 1000] * count


@pytest.mark.parametrize("offset", [0, 1, 14_999, 15_000, 29_999])
def test_buckets_do_not_show(tmp_path, offset):
    """Whatever part of a bucket the scenes fall into."""
    steps = range(-61_000, 61_001, 500)
    times = [T0_MS + offset + step for step in steps]
    found = paired(tmp_path, [square(0, 75)] * len(times), [square(0, 75, BIG)], (times, [T0_MS + offset]))
    assert [row["dt_s"] for row in found] == [step / 1000 for step in steps if abs(step) <= 30_000]


def test_overlap_is_a_share_of_the_planet_footprint(tmp_path):
    x, y = TO_PLANE.transform(0, 80)
    planet = [shapely.box(x - 1e4 + shift, y, x + shift, y + 1e4) for shift in (400, 500, 5000, 10_000)]
    landsat = [shapely.box(x, y - 5e4, x + 1e5, y + 5e4)]
    assert [row["overlap"] for row in paired(tmp_path, planet, landsat)] == pytest.approx([0.05, 0.5, 1.0])
    assert len(paired(tmp_path, planet, landsat, within=True)) == 1
    assert len(paired(tmp_path, planet, landsat, min_overlap=0.5)) == 2
    assert len(paired(tmp_path, planet, landsat, min_overlap=0.0)) == 4


def test_order_ids_and_columns(tmp_path):
    planet, landsat = [square(0, 75)] * 3, [square(0, 75, BIG)] * 2
    times = ([T0_MS + 5000, T0_MS, T0_MS + 5000], [T0_MS, T0_MS])
    found = paired(tmp_path, planet, landsat, times)
    keys = [(row["ps_acquired"], row["ps_id"], row["l8_id"]) for row in found]
    assert keys == sorted(keys)
    assert len({row["pair_id"] for row in found}) == len(found) == 6
    assert list(found[0])[:9] == [
        "pair_id",
        "ps_id",
        "l8_id",
        "ps_acquired",
        "l8_acquired",
        "dt_s",
        "dt_local_s",
        "overlap",
        "overlap_km2",
    ]
    assert list(found[0])[-1] == "geometry"
    assert found[0]["dt_local_s"] is None
    assert shapely.from_wkb(found[0]["geometry"]).area == pytest.approx(found[0]["overlap_km2"] * 1e6)


def test_local_time_counts_when_asked(tmp_path):
    """Near the ends of a scene, 25 and 35 s by the centre change places by the overlap's time."""
    path, row = 57, 8
    lon, lat = footprints([path], [row])
    scene = shapely.Polygon(list(zip(*TO_PLANE.transform(lon[0], lat[0]), strict=True)))
    start = shapely.LineString([scene.exterior.coords[0], scene.exterior.coords[17]])
    end = shapely.LineString([scene.exterior.coords[8], scene.exterior.coords[9]])
    ends = [line.interpolate(0.5, normalized=True) for line in (start, end)]
    middle = scene.centroid
    first, last = (
        shapely.Point(p.x * 0.9 + middle.x * 0.1, p.y * 0.9 + middle.y * 0.1).buffer(5000) for p in ends
    )
    columns = {"wrs_path": pa.array([path], pa.int32()), "wrs_row": pa.array([row], pa.int32())}
    planet, times = [first, first, last, last], [T0_MS + dt for dt in (-25_000, -35_000, -25_000, -35_000)]
    by = {
        reference: paired(
            tmp_path, planet, [scene], (times, [T0_MS]), columns=columns, time_reference=reference
        )
        for reference in ("centre", "local")
    }
    local = {(row["ps_id"], round(row["dt_s"])): row["dt_local_s"] for row in by["centre"] + by["local"]}
    offsets = {ids: value - ids[1] for ids, value in local.items()}
    assert all(9 < abs(offset) < 13 for offset in offsets.values())
    assert all(abs(row["dt_local_s"]) <= 30 for row in by["local"])
    assert {row["dt_s"] for row in by["centre"]} == {-25.0}
    assert {row["dt_s"] for row in by["local"]} == {-25.0, -35.0}
    assert len(by["local"]) == 2


def test_landsat_7_and_9_have_local_times_of_their_own(tmp_path):
    """Landsat 9 steers as Landsat 8 does; Landsat 7 does not: it sees the swath's edge at another time."""
    path, row = 57, 30
    lon, lat = footprints([path], [row])
    x, y = TO_PLANE.transform(lon[0], lat[0])
    scene = shapely.Polygon(list(zip(x, y, strict=True)))
    edge = shapely.affinity.translate(
        square(0, 90, 5_000), 0.95 * x[4] + 0.05 * x[13], 0.95 * y[4] + 0.05 * y[13]
    )
    columns = {"wrs_path": pa.array([path], pa.int32()), "wrs_row": pa.array([row], pa.int32())}
    ps = write_catalogue(tmp_path / "ps.parquet", [edge], [T0_MS])
    local = {}
    for platform in ("landsat-7", "landsat-8", "landsat-9"):
        l8 = write_catalogue(tmp_path / "l8.parquet", [scene], [T0_MS], platform=platform, **columns)
        mine(ps, l8, tmp_path / "pairs.parquet")
        local[platform] = rows(tmp_path / "pairs.parquet")[0]["dt_local_s"]
    assert local["landsat-9"] == local["landsat-8"] == pytest.approx(0, abs=0.1)
    assert 0.4 < abs(local["landsat-7"]) < 1


def test_filters_and_limit(tmp_path):
    count = 6
    ps = write_catalogue(
        tmp_path / "ps.parquet",
        [square(0, 75)] * count,
        [T0_MS + 1000 * index for index in range(count)],
        cloud_cover=pa.array([0, 20, 40, 60, None, 5], pa.float64()),
        sun_elevation=pa.array([30, 30, 30, 30, 30, 2], pa.float64()),
    )
    l8 = write_catalogue(tmp_path / "l8.parquet", [square(0, 75, BIG)], [T0_MS + 2500], platform="landsat-8")

    def ids(**options):
        mine(ps, l8, tmp_path / "p.parquet", PairsConfig(**options))
        return [int(row["ps_id"][-1]) for row in rows(tmp_path / "p.parquet")]

    assert ids() == [0, 1, 2, 3, 4, 5]
    assert ids(max_cloud=40) == [0, 1, 2, 4, 5]
    assert ids(min_sun=10) == [0, 1, 2, 3, 4]
    assert ids(limit_per_scene=2) == [2, 3]


@pytest.mark.parametrize(("low", "high"), [(70, 90), (66.5, 79.9), (-90, 72), (89, 90)])
def test_latitudes(tmp_path, low, high):
    """Of the middle of each PlanetScope footprint, as PROJ has it."""
    places = list(itertools.product(range(-180, 180, 60), (60.0, 66.4, 66.6, 72.1, 79.8, 80.1, 89.5)))
    landsat = [square(*place, BIG) for place in places]
    found = paired(tmp_path, [square(*place, turn=0) for place in places], landsat, latitude=(low, high))
    expected = [index for index, (_, lat) in enumerate(places) if low <= lat <= high]
    assert sorted({int(row["ps_id"][-5:]) for row in found}) == expected


def test_only_a_pairs_file_is_replaced(tmp_path):
    for _ in range(2):
        assert len(paired(tmp_path, [square(0, 75)], [square(0, 75, BIG)])) == 1
    ps, l8, out = (tmp_path / f"{name}.parquet" for name in ("ps", "l8", "other"))
    out.write_text("mine")
    for options in ({}, {"plot": out}):
        with pytest.raises(OutputError, match="--overwrite"):
            mine(ps, l8, tmp_path / "pairs.parquet" if options else out, PairsConfig(**options))
    for output, plot in ((ps, None), (out, ps), (out, out)):
        with pytest.raises(OutputError, match="is an input"):
            mine(ps, l8, output, PairsConfig(overwrite=True, plot=plot))
    assert out.read_text() == "mine"
    mine(ps, l8, out, PairsConfig(overwrite=True))
    assert len(rows(out)) == 1


def test_a_grid_of_scenes_agrees_with_brute_force(tmp_path):
    places = list(itertools.product(range(-180, 180, 45), (72, 79, 88.9, 89.95)))
    planet, landsat = [square(*p, 15_000) for p in places], [square(*p, 60_000, turn=1) for p in places]
    times = [T0_MS + 4_000 * index for index in range(len(places))]
    expected = brute_force((planet, times), (landsat, times))
    found = paired(tmp_path, planet, landsat, (times, times))
    got = {(int(row["ps_id"][-5:]), int(row["l8_id"][-5:])): row["overlap"] for row in found}
    assert got == pytest.approx(expected, abs=1e-9)
    assert len(got) > len(places)


@pytest.mark.parametrize(
    "options",
    [
        {"max_dt_s": 0},
        {"max_dt_s": float("nan")},
        {"min_overlap": 1.1},
        {"engine": "duckdb"},
        {"limit_per_scene": 0},
        {"latitude": (80.0, 70.0)},
        {"latitude": (60.0, 91.0)},
    ],
)
def test_options_out_of_range(options):
    with pytest.raises(UsageError):
        PairsConfig(**options)


def test_the_plane_is_equal_area():
    assert pyproj.CRS("EPSG:6931").coordinate_operation.method_name == "Lambert Azimuthal Equal Area"
