"""Scene metadata made up for the tests of catalogues and pairs, and what brute force makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

T0_MS = 1_688_000_000_000
"""A time in June 2023."""

TO_PLANE = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:6931", always_xy=True)
TO_DEGREES = pyproj.Transformer.from_crs("EPSG:6931", "OGC:CRS84", always_xy=True)


def square(lon: float, lat: float, half_m: float = 10_000.0, turn: float = 0.3) -> shapely.Polygon:
    """A turned square round a place, in the plane."""
    x, y = TO_PLANE.transform(lon, lat)
    angles = turn + np.radians([45, 135, 225, 315])
    return shapely.Polygon(
        np.array([x, y]) + half_m * np.sqrt(2) * np.column_stack([np.cos(angles), np.sin(angles)])
    )


def to_degrees(shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(shape, lambda xy: np.column_stack(TO_DEGREES.transform(xy[:, 0], xy[:, 1])))


def planet_item(scene_id: str, acquired: str, geometry: object, **properties: object) -> dict:
    """An item of Planet's Data API."""
    if isinstance(geometry, shapely.Geometry):
        geometry = json.loads(shapely.to_geojson(geometry))
    known = {"item_type": "PSScene", "provider": "planetscope", "instrument": "PSB.SD", "cloud_cover": 0.25}
    return {
        "type": "Feature",
        "id": scene_id,
        "geometry": geometry,
        "properties": {"acquired": acquired, **known, **properties},
    }


def write_catalogue(
    path: Path,
    shapes: Sequence[object],
    times_ms: Sequence[int],
    *,
    ids: Sequence[str] | None = None,
    platform: str = "planetscope",
    crs: object = "EPSG:6931",
    **columns: object,
) -> Path:
    """A GeoParquet by pyarrow alone, as another program would write it."""
    ids = ids or [f"scene_{index:05d}" for index in range(len(shapes))]
    table = pa.table(
        {
            "scene_id": pa.array(ids, pa.string()),
            "platform": pa.array([platform] * len(shapes), pa.string()),
            "acquired": pa.array(list(times_ms), pa.int64()).cast(pa.timestamp("ms", "UTC")),
            "geometry": pa.array(list(shapely.to_wkb(np.array(shapes, object))), pa.binary()),
            **columns,
        }
    )
    column = {"encoding": "WKB", "geometry_types": []}
    if crs is not None:
        column["crs"] = pyproj.CRS.from_user_input(crs).to_json_dict()
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path


def brute_force(
    planet: tuple[Sequence[object], Sequence[int]],
    landsat: tuple[Sequence[object], Sequence[int]],
    *,
    max_dt_ms: int = 30_000,
    min_overlap: float = 0.05,
) -> dict[tuple[int, int], float]:
    """Overlap of every pair that counts, by looking at all of them with shapely."""
    found = {}
    for p, (shape, time) in enumerate(zip(*planet, strict=True)):
        for q, (scene, centre) in enumerate(zip(*landsat, strict=True)):
            common = shape.intersection(scene).area
            if abs(time - centre) <= max_dt_ms and common > 0 and common / shape.area >= min_overlap:
                found[p, q] = common / shape.area
    return found


def rows(path: Path) -> list[dict]:
    return pq.read_table(path).to_pylist()
