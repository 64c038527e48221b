"""Areas on grids, against shapely in longitude and latitude."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Transformer

from catfast.raster import Area, Grid, parse_crs

GRIDS = {
    "alaska": ("EPSG:32604", Affine(300, 0, 450_000, 0, -300, 7_900_000)),
    "equator": ("EPSG:32631", Affine(300, 0, 450_000, 0, -300, 9_000)),
    "antimeridian": ("EPSG:32660", Affine(3000, 0, 600_000, 0, -3000, 7_900_000)),
    "pole": ("EPSG:6931", Affine(3000, 0, -90_000, 0, -3000, 90_000)),
    "beside the pole": ("EPSG:3413", Affine(300, 0, 3_000, 0, -300, 30_000)),
    "south pole": ("EPSG:3031", Affine(3000, 0, -90_000, 0, -3000, 90_000)),
    "degrees": ("EPSG:4326", Affine(0.1, 0, 176, 0, -0.1, 72)),
}
GLOBE = shapely.box(-180, -90, 180, 90)
AREAS = {
    "globe": GLOBE,
    "globe from 0 to 360": shapely.box(0, -90, 360, 90),
    "north": shapely.box(-180, 0, 180, 90),
    "north of 71": shapely.box(-180, 71, 180, 90),
    "west": shapely.box(-180, -90, 0, 90),
    "all but a hole": GLOBE.difference(shapely.box(-162, 70.5, -158, 71.1)),
    "a band beyond 180": shapely.box(170, -89, 181.5, 89),
    "tropics": shapely.box(-179.9, -23.4, 179.9, 0.05),
    "a comb": shapely.Polygon(
        [(-180, -80), (180, -80), (180, 89), (2.7, 71), (2.9, 0), (-159, 71), (-180, 89)]
    ),
}


def looked_up(area: shapely.Polygon, grid: Grid) -> np.ndarray:
    """Of the middle of each pixel whether the area holds it, and whether it lies far from its edge."""
    column, row = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    to_degrees = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True)
    lon, lat = to_degrees.transform(*(grid.transform @ (column.ravel(), row.ravel())))
    turned = [shapely.points(lon + turn, lat) for turn in (-360, 0, 360)]
    inside = np.any([shapely.contains(area, points) for points in turned], axis=0)
    near = np.min([shapely.distance(area.boundary, points) for points in turned], axis=0) < 1e-4
    return inside.reshape(column.shape), near.reshape(column.shape)


@pytest.mark.parametrize("where", GRIDS)
@pytest.mark.parametrize("name", AREAS)
def test_an_area_of_any_size_holds_the_pixels_that_it_holds_on_the_globe(where, name, tmp_path):
    crs, transform = GRIDS[where]
    grid = Grid(width=30, height=30, transform=transform @ Affine.scale(2), crs=parse_crs(crs))
    path = tmp_path / "area.geojson"
    path.write_text(shapely.to_geojson(AREAS[name]))
    wanted, near = looked_up(AREAS[name], grid)
    found = Area(path, grid).rows(0, 30)
    assert np.array_equal(found[~near], wanted[~near])
    assert np.array_equal(Area(path, grid).rows(17, 25), found[17:25])


def test_empty_polygons_beside_others_hold_nothing(tmp_path):
    crs, transform = GRIDS["alaska"]
    grid = Grid(width=30, height=30, transform=transform @ Affine.scale(2), crs=parse_crs(crs))
    path = tmp_path / "area.geojson"
    empty = {"type": "Polygon", "coordinates": []}
    whole = json.loads(shapely.to_geojson(GLOBE))
    path.write_text(json.dumps({"type": "GeometryCollection", "geometries": [empty, whole]}))
    assert Area(path, grid).rows(0, 30).all()
