"""What a user needs to order the pairs: the ids of both sides, and the overlaps as GeoJSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catfast.catalog import CRS, whole_file
from catfast.errors import OutputError
from catfast.pairs.sql import FAR_M

if TYPE_CHECKING:
    import pyarrow as pa

PROPERTIES = ("pair_id", "ps_id", "l8_id", "dt_s", "dt_local_s", "overlap", "overlap_km2")


def write_lists(pairs: pa.Table, folder: Path) -> None:
    """Write ``planet_ids.txt`` and ``landsat_ids.txt``, an id a line, and ``overlaps.geojson`` (RFC 7946).

    Raises:
        OutputError: the disk does not take them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
    for name, column in (("planet_ids.txt", "ps_id"), ("landsat_ids.txt", "l8_id")):
        ids = dict.fromkeys(pairs[column].to_pylist())
        with whole_file(folder / name) as part:
            part.write_text("".join(f"{scene_id}\n" for scene_id in ids), encoding="utf-8")
    with whole_file(folder / "overlaps.geojson") as part:
        part.write_text(json.dumps(_collection(pairs)), encoding="utf-8")


def _collection(pairs: pa.Table) -> dict[str, Any]:
    import shapely

    shapes = shapely.from_wkb(pairs["geometry"].to_pylist())
    rows = pairs.select(list(PROPERTIES)).to_pylist()
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": row["pair_id"], "geometry": _geojson(shape), "properties": row}
            for row, shape in zip(rows, shapes, strict=True)
        ],
    }


def _geojson(shape: Any) -> dict[str, Any]:
    """In longitude and latitude; cut along the antimeridian, as RFC 7946 asks, where it crosses it."""
    import shapely

    seam = shapely.LineString([(0, 0), (0, FAR_M)])  # 180 degrees is the upward axis of EPSG:6931
    pieces = [(shape, 0.0)]
    if shape.intersects(seam):
        quarters = [(x, y) for x in (FAR_M, -FAR_M) for y in (FAR_M, -FAR_M)]
        cut = [(shape.intersection(shapely.box(*_sorted(x, y))), np.sign(x)) for x, y in quarters]
        pieces = [(piece, side) for piece, side in cut if piece.area > 0]
    polygons = [
        shapely.Polygon(_ring(part.exterior, side), [_ring(hole, side) for hole in part.interiors])
        for piece, side in pieces
        for part in shapely.get_parts(piece)
        if part.geom_type == "Polygon"
    ]
    whole = polygons[0] if len(polygons) == 1 else shapely.union_all(polygons)
    return dict(json.loads(shapely.to_geojson(whole)))


def _sorted(x: float, y: float) -> tuple[float, float, float, float]:
    return min(x, 0), min(y, 0), max(x, 0), max(y, 0)


def _ring(ring: Any, side: float) -> list[list[float]]:
    """Degrees; `side` is the sign of 180, and the pole becomes the edge that it is in degrees."""
    from pyproj import Transformer

    places: npt.NDArray[np.float64] = np.array(ring.coords)[:-1]
    lon, lat = Transformer.from_crs(CRS, "OGC:CRS84", always_xy=True).transform(places[:, 0], places[:, 1])
    seam = (np.abs(np.abs(lon) - 180) < 1e-9) & (side != 0)
    lon = np.where(seam, 180 * side, lon)
    degrees: list[list[float]] = []
    for index in range(len(lon)):
        if np.hypot(*places[index]) > 1e-3:
            degrees.append([round(float(lon[index]), 9), round(float(lat[index]), 9)])
        else:
            following = (index + 1) % len(lon)
            degrees += [[float(lon[index - 1]), 90.0], [float(lon[following]), 90.0]]
    return [*degrees, degrees[0]]
