"""Lists to order scenes by."""

from __future__ import annotations

import json

import pytest
import shapely

from catfast.pairs import PairsConfig, mine
from tests.scenes import T0_MS, rows, square, to_degrees, write_catalogue

PLACES = {
    "plain": (20, 70),
    "across the antimeridian": (180, 75),
    "near the pole": (180, 89.5),
    "pole": (40, 89.95),
}


@pytest.mark.parametrize("name", PLACES)
def test_ids_and_overlaps(tmp_path, name):
    lon, lat = PLACES[name]
    scene = square(lon, lat, 12_000)
    ps = write_catalogue(tmp_path / "ps.parquet", [scene] * 2, [T0_MS, T0_MS + 1])
    l8 = write_catalogue(tmp_path / "l8.parquet", [square(lon, lat, 90_000)], [T0_MS], platform="landsat-8")
    mine(ps, l8, tmp_path / "p.parquet", PairsConfig(id_lists=tmp_path / "lists"))
    assert (tmp_path / "lists/planet_ids.txt").read_text() == "scene_00000\nscene_00001\n"
    assert (tmp_path / "lists/landsat_ids.txt").read_text() == "scene_00000\n"
    features = json.loads((tmp_path / "lists/overlaps.geojson").read_text())["features"]
    assert [feature["id"] for feature in features] == [row["pair_id"] for row in rows(tmp_path / "p.parquet")]
    shape = shapely.from_geojson(json.dumps(features[0]["geometry"]))
    assert shape.is_valid
    widest = 360 if name == "pole" else 90
    assert all(east - west <= widest for west, _, east, _ in map(shapely.bounds, shapely.get_parts(shape)))
    inside = [square(lon, lat, 11_900).exterior.interpolate(part / 50, normalized=True) for part in range(50)]
    outside = [
        square(lon, lat, 12_100).exterior.interpolate(part / 50, normalized=True) for part in range(50)
    ]
    dense = shapely.MultiPolygon(shapely.get_parts(shape))
    if lat < 85:  # nearer the pole an edge that is straight in degrees is another line on the ground
        assert all(dense.buffer(1e-9).contains(to_degrees(point)) for point in inside)
        assert not any(dense.contains(to_degrees(point)) for point in outside)
    if name == "pole":
        assert shape.bounds[3] == 90
