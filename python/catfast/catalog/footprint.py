"""Footprints as providers give them to valid polygons in EPSG:6931, a batch at a time.

In that plane there is no antimeridian and the pole is a place like any other: corners are carried over one
by one, and pieces that a provider cut at 180 degrees meet again. Edges are straight in the plane north of
45 N, where it is nearly true to shape; further south they are straight in longitude and latitude.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.catalog.frames import Frames
from catfast.catalog.record import Record
from catfast.catalog.schema import CRS
from catfast.wrs2 import footprints, row_centres

__all__ = ["Footprints"]

STRAIGHT_NORTH_OF = 45.0
"""Degrees; see above."""
STEP_DEG = 0.1
"""Longest edge further south, degrees."""
SNAP_M = 0.01
"""Pieces that meet at 180 degrees are joined on this grid."""
DECIMALS = 7
"""Of metres: 180 E and 180 W are one place, which rounding errors of the projection must not part."""
FAR_M = 1_000_000.0
"""A Landsat footprint further than this from its path and row is not where it says."""
EARTH_RADIUS_M = 6_371_007.0

_NUMBERS = (float, int)

Array = npt.NDArray[Any]


class Footprints:
    """Carries footprints from one CRS to EPSG:6931; without a CRS from longitude and latitude.

    A Landsat scene without a footprint gets that of its path and row: of `frames`, else of the orbit model.
    """

    def __init__(self, crs: Any = None, frames: Frames | None = None) -> None:
        from pyproj import Transformer

        self._wgs84, self._geographic = crs is None, crs is None or crs.is_geographic
        self._frames = frames
        self._transform = Transformer.from_crs(crs or "OGC:CRS84", CRS, always_xy=True)

    def project(self, records: Sequence[Record]) -> tuple[Array, list[tuple[str, str] | None]]:
        """Polygons (n,) in EPSG:6931, and for each that is none the reason, short and as a sentence."""
        import shapely

        if not self._wgs84 and any(_is_bare(record) for record in records):
            return self._apart(records)
        shapes, wrong = _parse([self._framed(record) for record in records])
        bare = [
            place
            for place, record in enumerate(records)
            if _is_bare(record) and shapes[place] is None and wrong[place] is None
        ]
        shapes[bare] = _nominal([records[place] for place in bare])
        for index in np.flatnonzero(shapely.is_missing(shapes) | shapely.is_empty(shapes)):
            wrong[index] = wrong[index] or ("no_geometry", "has no footprint")
        if self._geographic:
            _check_degrees(shapes, wrong, records)
            shapes = _densify(shapes)
        with np.errstate(invalid="ignore"):
            shapes = shapely.transform(shapes, self._carry)
        shapes = _clean(shapes)
        _clip_to_corners(shapes, records)
        _check_areas(shapes, wrong)
        return shapes, wrong

    def _apart(self, records: Sequence[Record]) -> tuple[Array, list[tuple[str, str] | None]]:
        """Frames are in degrees of WGS 84: they go another way than footprints that are not."""
        shapes: Array = np.full(len(records), None, object)
        wrong: list[tuple[str, str] | None] = [None] * len(records)
        bare = np.array([_is_bare(record) for record in records], bool)
        for way, which in ((Footprints(None, self._frames), bare), (self, ~bare)):
            places = np.flatnonzero(which).tolist()
            shapes[places], troubles = way.project([records[place] for place in places])
            for place, trouble in zip(places, troubles, strict=True):
                wrong[place] = trouble
        return shapes, wrong

    def _framed(self, record: Record) -> Record:
        """A bare record with its frame, where the file has one."""
        if self._frames is None or not _is_bare(record):
            return record
        return replace(record, geometry=self._frames.footprint(*_path_row(record)))

    def _carry(self, places: Array) -> Array:
        x, y = self._transform.transform(places[:, 0], places[:, 1])
        places = np.column_stack([x, y])
        return np.round(places, DECIMALS) if self._geographic else places


def _is_bare(record: Record) -> bool:
    return record.geometry is None and record.wrs_path is not None


def _path_row(record: Record) -> tuple[int, int]:
    return int(record.wrs_path or 0), int(record.wrs_row or 0)


def _parse(records: Sequence[Record]) -> tuple[Array, list[tuple[str, str] | None]]:
    """Shapes of whatever encoding, None where there is none."""
    import shapely

    shapes = np.full(len(records), None, object)
    wrong: list[tuple[str, str] | None] = [None] * len(records)
    given = [record.geometry for record in records]
    kinds = [type(geometry) for geometry in given]
    for kind in set(kinds) & _READERS.keys():
        places = [index for index, other in enumerate(kinds) if other is kind]
        with np.errstate(over="ignore", invalid="ignore"):
            shapes[places] = _READERS[kind]([given[index] for index in places])
        for index in np.array(places)[shapely.is_missing(shapes[places])].tolist():
            wrong[index] = ("bad_geometry", f"its footprint cannot be read: {str(given[index])[:80]}")
    flat = shapely.get_type_id(shapes)
    for other in np.flatnonzero((flat >= 0) & (flat != 3) & (flat != 6) & ~shapely.is_empty(shapes)):
        wrong[other] = ("bad_geometry", f"expected a polygon, found a {shapes[other].geom_type}")
        shapes[other] = None
    return shapely.force_2d(shapes), wrong


def _from_wkb(given: Sequence[bytes]) -> Array:
    import shapely

    return np.asarray(shapely.from_wkb(given, on_invalid="ignore"), object)


def _from_wkt(given: Sequence[str]) -> Array:
    import shapely

    return np.asarray(shapely.from_wkt(given, on_invalid="ignore"), object)


def _from_geojson(given: Sequence[Mapping[str, Any]]) -> Array:
    """As GEOS reads it; polygons of one plain ring, which most are, by way of numbers and not of text."""
    import shapely

    shapes = np.full(len(given), None, object)
    rings = {place: ring for place, geometry in enumerate(given) if (ring := _plain_ring(geometry))}
    try:
        places = np.array(list(chain.from_iterable(rings.values())), np.float64)
    except OverflowError:  # an integer beyond all floats
        rings = {}
    if rings:
        whose = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings.values()])
        shapes[list(rings)] = shapely.polygons(shapely.linearrings(places, indices=whose))
    others = [place for place in range(len(given)) if place not in rings]
    texts = [json.dumps(_filled(given[place])) for place in others]
    shapes[others] = shapely.from_geojson(texts, on_invalid="ignore")
    return shapes


def _filled(geometry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Earth Engine's LinearRing, which GeoJSON does not know, as the polygon inside."""
    if geometry.get("type") != "LinearRing":
        return geometry
    return {"type": "Polygon", "coordinates": [geometry.get("coordinates")]}


_READERS: Mapping[type, Callable[[Any], Array]] = {dict: _from_geojson, bytes: _from_wkb, str: _from_wkt}


def _plain_ring(geometry: Mapping[str, Any]) -> list[list[float]] | None:
    """The closed ring of pairs of numbers that is all there is of a polygon, else None."""
    rings = geometry.get("coordinates")
    if geometry.get("type") != "Polygon" or not isinstance(rings, list) or len(rings) != 1:
        return None
    ring = rings[0]
    if not isinstance(ring, list) or len(ring) < 4 or ring[0] != ring[-1]:
        return None
    for place in ring:
        if type(place) is not list or len(place) != 2:
            return None
        if type(place[0]) not in _NUMBERS or type(place[1]) not in _NUMBERS:
            return None
    return ring


def _nominal(records: Sequence[Record]) -> Array:
    import shapely

    if not records:
        return np.empty(0, object)
    lon, lat = footprints(*_paths_and_rows(records))
    return np.asarray(shapely.polygons(np.stack([lon, lat], axis=-1)), object)


def _paths_and_rows(records: Sequence[Record]) -> tuple[Array, Array]:
    return (
        np.array([record.wrs_path for record in records], np.float64),
        np.array([record.wrs_row for record in records], np.float64),
    )


def _check_degrees(shapes: Array, wrong: list[tuple[str, str] | None], records: Sequence[Record]) -> None:
    """Refuse what cannot be longitudes and latitudes; a refused shape becomes None."""
    import shapely

    shapes[[trouble is not None for trouble in wrong]] = None
    bounds = shapely.bounds(shapes)
    west, south, east, north = bounds.T
    there = ~shapely.is_missing(shapes)
    for index in np.flatnonzero(_not_finite(shapes)):
        wrong[index] = ("bad_geometry", "its footprint has coordinates that are not finite")
    for index in np.flatnonzero(there & (np.maximum(-south, north) > 90)):
        wrong[index] = wrong[index] or (
            "swapped",
            f"its footprint has a latitude of {max(-south[index], north[index], key=abs):g}: "
            "longitude and latitude are swapped",
        )
    for index in np.flatnonzero(there & (np.maximum(-west, east) > 360)):
        wrong[index] = wrong[index] or ("bad_geometry", "its footprint has longitudes beyond 360 degrees")
    shapes[[trouble is not None for trouble in wrong]] = None
    _check_places(shapes, wrong, records)


def _not_finite(shapes: Array) -> Array:
    """Whether any coordinate of each shape is none: bounds pass over NaN."""
    import shapely

    places, whose = shapely.get_coordinates(shapes, return_index=True)
    found = np.zeros(len(shapes), bool)
    found[whose[~np.isfinite(places).all(axis=1)]] = True
    return found


def _check_places(shapes: Array, wrong: list[tuple[str, str] | None], records: Sequence[Record]) -> None:
    """Refuse Landsat footprints that do not touch the far neighbourhood of their path and row."""
    import shapely

    rows = [i for i, record in enumerate(records) if shapes[i] is not None and record.wrs_path is not None]
    if not rows:
        return
    lon, lat = row_centres(*_paths_and_rows([records[i] for i in rows]))
    first = shapely.get_coordinates(
        shapely.get_point(shapely.get_exterior_ring(shapely.get_geometry(shapes[rows], 0)), 0)
    )
    there = _metres(first[:, 0], first[:, 1], lon, lat)
    swapped = _metres(first[:, 1], first[:, 0], lon, lat)
    for place, index in enumerate(rows):
        if there[place] > FAR_M:
            word = "swapped" if swapped[place] <= FAR_M else "misplaced"
            hint = ": longitude and latitude are swapped" if word == "swapped" else ""
            wrong[index] = (
                word,
                f"its footprint lies {there[place] / 1000:.0f} km from its path and row{hint}",
            )
            shapes[index] = None


def _metres(lon: Array, lat: Array, lon0: Array, lat0: Array) -> Array:
    """Distance on the sphere (haversine)."""
    lon, lat, lon0, lat0 = (np.radians(value) for value in (lon, lat, lon0, lat0))
    half = np.sin((lat - lat0) / 2) ** 2 + np.cos(lat) * np.cos(lat0) * np.sin((lon - lon0) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(half)))


def _densify(shapes: Array) -> Array:
    """Short edges where the plane bends them: longitudes are first made to run on across 180 degrees."""
    import shapely

    bounds = shapely.bounds(shapes)
    for index in np.flatnonzero(bounds[:, 1] < STRAIGHT_NORTH_OF):
        parts = [
            shapely.Polygon(_run_on(part.exterior), [_run_on(hole) for hole in part.interiors])
            for part in shapely.get_parts(shapes[index])
        ]
        shapes[index] = shapely.segmentize(shapely.MultiPolygon(parts), STEP_DEG)
    return shapes


def _run_on(ring: Any) -> Array:
    places = np.array(ring.coords)
    turns = np.round(np.diff(places[:, 0]) / 360)
    places[1:, 0] -= 360 * np.cumsum(turns)
    return places


def _clean(shapes: Array) -> Array:
    """Valid polygons; pieces that meet are joined; what is no area is left out."""
    import shapely

    shapes = shapes.copy()
    shapes[_not_finite(shapes) | shapely.is_empty(shapes)] = None
    broken = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    shapes[broken] = shapely.make_valid(shapes[broken])
    mixed = np.flatnonzero(~np.isin(shapely.get_type_id(shapes), (-1, 3)))
    for index in mixed:
        parts = shapely.get_parts(shapes[index])
        areas = shapely.get_parts(parts[np.isin(shapely.get_type_id(parts), (3, 6))])
        shapes[index] = shapely.union_all(areas, grid_size=SNAP_M if len(areas) > 1 else None)
    return np.asarray(shapely.normalize(shapes), object)


def _clip_to_corners(shapes: Array, records: Sequence[Record]) -> None:
    """Keep of a nominal footprint what the corners of its product can hold."""
    import shapely

    for index, record in enumerate(records):
        if record.within is not None and record.geometry is None and shapes[index] is not None:
            corners, _ = Footprints().project([_corners_only(record)])
            common = shapely.intersection(shapes[index], corners[0]) if corners[0] is not None else None
            shapes[index] = corners[0] if common is None or common.is_empty else common


def _corners_only(record: Record) -> Record:
    return Record(
        scene_id=record.scene_id, acquired=record.acquired, platform=record.platform, geometry=record.within
    )


def _check_areas(shapes: Array, wrong: list[tuple[str, str] | None]) -> None:
    import shapely

    for index in np.flatnonzero(~(shapely.area(shapes) > 0)):
        wrong[index] = wrong[index] or ("bad_geometry", "its footprint has no area")
        shapes[index] = None
