"""Between grids and shapes in longitude and latitude (GeoJSON, RFC 7946)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.features import geometry_mask
from rasterio.warp import transform_geom

from catfast.errors import InputError
from catfast.raster.cut import EVERYWHERE, box_round, cut_rings
from catfast.raster.grid import Grid
from catfast.textfiles import parse_json, read_small

if TYPE_CHECKING:  # a tenth of the imports of a mask, of which few ask for an area
    from pyproj import CRS, Transformer

EDGE_DEGREES = 0.01
"""Longest piece of an edge before it is projected: straight lines in longitude and latitude bend on a map."""

EDGE_METRES = 1000.0
"""The same, in the units of a projected CRS."""

FARTHEST_METRES = 1e8
"""No coordinate on a map is larger."""

_POLYGONS: Mapping[str, Callable[[Any], list[Any]]] = {
    "Polygon": lambda found: [found],
    "MultiPolygon": lambda found: found,
}


class Area:
    """The polygons of a GeoJSON file, on a grid.

    They are in longitude and latitude (RFC 7946), or in the named ``crs`` that GeoJSON had before it (2008),
    as QGIS and GDAL write it.
    """

    def __init__(self, path: Path, grid: Grid) -> None:
        from pyproj import Transformer
        from pyproj.exceptions import ProjError

        self._grid = grid
        polygons, crs = _polygons(path)
        if grid.crs is None:
            raise InputError(f"{path}: the area cannot be placed: the scene has no CRS")
        transformer = Transformer.from_crs(crs, grid.crs, always_xy=True)
        step, most = (EDGE_DEGREES, 360.0) if crs.is_geographic else (EDGE_METRES, FARTHEST_METRES)
        box, turns = box_round(grid, transformer) if crs.is_geographic else (EVERYWHERE, (0,))
        try:
            corners = [[_corners(ring, most) for ring in rings] for rings in polygons]
            near = [cut_rings(rings, turn, box) for rings in corners for turn in turns]
            self._shapes = [_placed(rings, transformer, step) for rings in near if rings]
        except (ProjError, ValueError, TypeError, IndexError) as error:
            raise InputError(f"{path}: expected rings of longitude and latitude, found {error}") from error

    def rows(self, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """Whether the middle of each pixel of rows from ``start`` to ``stop`` lies inside, (n, width)."""
        transform = self._grid.transform @ Affine.translation(0, start)
        shape = (stop - start, self._grid.width)
        if not self._shapes:
            return np.zeros(shape, bool)
        return np.asarray(geometry_mask(self._shapes, shape, transform, invert=True))


def _polygons(path: Path) -> tuple[list[Any], CRS]:
    try:
        content = parse_json(read_small(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: expected GeoJSON, found no JSON: {error}") from error
    found = [polygon for geometry in _geometries(content) for polygon in _rings(path, geometry)]
    if not found:
        raise InputError(f"{path}: expected GeoJSON with a polygon, found none")
    return found, _crs(path, content)


def _crs(path: Path, content: Any) -> CRS:
    """The CRS that the file names, else longitude and latitude."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    named = content.get("crs") if isinstance(content, dict) else None
    if named is None:
        return CRS.from_user_input("OGC:CRS84")
    try:
        return CRS.from_user_input(named["properties"]["name"])
    except (CRSError, KeyError, TypeError) as error:
        raise InputError(f"{path}: expected a CRS that PROJ knows, found {named}") from error


def _geometries(content: Any) -> list[Any]:
    """Geometries of a FeatureCollection, a Feature, a GeometryCollection or a geometry."""
    if not isinstance(content, dict):
        return []
    for key in ("features", "geometries"):
        if isinstance(content.get(key), list):
            return [geometry for part in content[key] for geometry in _geometries(part)]
    return _geometries(content.get("geometry")) if content.get("type") == "Feature" else [content]


def _rings(path: Path, geometry: Any) -> list[Any]:
    """The rings of each polygon; those without any are no polygons."""
    kind, found = geometry.get("type"), geometry.get("coordinates") or []
    if not isinstance(kind, str) or kind not in _POLYGONS:
        raise InputError(f"{path}: expected polygons, found {kind or 'an object without a type'}")
    if not isinstance(found, list):
        raise InputError(f"{path}: expected rings of longitude and latitude, found {found!r}")
    return [rings for rings in _POLYGONS[kind](found) if rings]


def _corners(ring: Any, most: float) -> npt.NDArray[np.float64]:
    """Corners (n, 2) of a ring, the first once more as the last."""
    corners = np.array([corner[:2] for corner in ring], float)
    if corners.ndim != 2 or len(corners) < 4 or not np.abs(corners).max() <= most:
        raise ValueError(f"a ring of {len(ring)} corners")
    return corners if (corners[0] == corners[-1]).all() else np.concatenate([corners, corners[:1]])


def _placed(rings: list[npt.NDArray[np.float64]], transformer: Transformer, step: float) -> dict[str, Any]:
    placed = []
    for corners in rings:
        along, up = _densified(corners, step).T
        x, y = transformer.transform(along, up, errcheck=True)
        placed.append(list(zip(x.tolist(), y.tolist(), strict=True)))
    return {"type": "Polygon", "coordinates": placed}


def _densified(corners: npt.NDArray[np.float64], step: float) -> npt.NDArray[np.float64]:
    pieces = [
        np.linspace(a, b, max(1, int(np.ceil(np.abs(b - a).max() / step))), endpoint=False)
        for a, b in pairwise(corners)
    ]
    return np.concatenate([*pieces, corners[-1:]])


def footprint_lonlat(grid: Grid) -> tuple[dict[str, Any], list[float]]:
    """Outline of a grid as a GeoJSON geometry, cut at the antimeridian, and its west, south, east, north.

    It goes counterclockwise (RFC 7946, 3.1.6): rows count downwards, but where the transform turns them over.

    West is the larger of the two where the outline crosses the antimeridian (RFC 7946, 5.2).
    """
    size = np.array([grid.width, grid.height])
    sides = [(0, 0), (0, 1), (1, 1), (1, 0), (0, 0)]
    if grid.transform.determinant > 0:
        sides.reverse()
    steps = np.linspace(0, 1, 21)[:-1, None]
    pixels = np.concatenate([a + (np.subtract(b, a)) * steps for a, b in pairwise(sides)])
    corners = [grid.transform @ tuple(pixel) for pixel in np.vstack([pixels, [(0, 0)]]) * size]
    shape = {"type": "Polygon", "coordinates": [corners]}
    found: dict[str, Any] = transform_geom(grid.crs, "EPSG:4326", shape, antimeridian_cutting=True)
    parts = found["coordinates"] if found["type"] == "MultiPolygon" else [found["coordinates"]]
    spans = [(min(lon), max(lon)) for lon in ([point[0] for point in part[0]] for part in parts)]
    lat = [point[1] for part in parts for point in part[0]]
    crosses = len(parts) > 1
    west = max(low for low, _ in spans) if crosses else spans[0][0]
    east = min(high for _, high in spans) if crosses else spans[0][1]
    return found, [west, min(lat), east, max(lat)]
