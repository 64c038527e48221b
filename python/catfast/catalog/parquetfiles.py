"""Parquet files with scenes: stac-geoparquet, and any GeoParquet with the four columns of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from catfast.catalog.features import from_feature
from catfast.catalog.ids import (
    kind_of,
    landsat_instrument,
    landsat_platform,
    number,
    path_and_row,
    percent,
)
from catfast.catalog.record import LeftAloneError, Record, RejectedError
from catfast.catalog.times import parse_time
from catfast.errors import InputError
from catfast.textfiles import parse_json

NEEDED = ("scene_id", "platform", "acquired", "geometry")
"""Columns that make a GeoParquet a catalogue."""


ENCODINGS = ("WKB", "polygon", "multipolygon")
"""Of GeoParquet 1.1, those that hold footprints."""


class ParquetSource:
    """A parquet file of scenes.

    Raises:
        InputError: not readable, without the columns, or in a CRS that is not known.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = path
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: expected a parquet file: {error}") from error
        names = self._file.schema_arrow.names
        self._stac = {"id", "datetime", "geometry"} <= set(names)
        missing = [name for name in NEEDED if name not in names]
        if missing and not self._stac:
            raise InputError(
                f"{path}: expected the columns {', '.join(NEEDED)}, found no {', '.join(missing)} "
                f"among {', '.join(names)}"
            )
        self.crs = self._crs()

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return int(self._file.metadata.num_rows)

    def batches(self, size: int, kind: str) -> Iterator[list[Any]]:
        """Calls that give a record each, as :func:`csv_records` does, a batch at a time."""
        import pyarrow as pa

        try:
            for batch in self._file.iter_batches(size):
                rows = _microseconds(batch).to_pylist()
                if self._encoding != "WKB":
                    rows = [row | {"geometry": _geojson(row["geometry"], self._encoding)} for row in rows]
                yield [_Row(row, kind, stac=self._stac) for row in rows]
        except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
            raise InputError(f"{self.path}: broken in the middle: {error}") from error

    def _crs(self) -> Any:
        """The CRS, None for longitude and latitude of WGS 84; sets the encoding of footprints on the way."""
        metadata = self._file.schema_arrow.metadata or {}
        self._encoding: Any = "WKB"
        if b"geo" not in metadata:
            if self._stac:
                return None
            raise InputError(f"{self.path}: expected GeoParquet, found a parquet file without geo metadata")
        try:
            geo = parse_json(metadata[b"geo"])
            column = dict(geo["columns"]["geometry"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.path}: its geo metadata does not describe the column geometry"
            ) from error
        self._encoding = column.get("encoding")
        if self._encoding not in ENCODINGS:
            names = ", ".join(ENCODINGS)
            raise InputError(f"{self.path}: expected geometry as one of {names}, found {self._encoding}")
        if "crs" not in column:
            return None
        return _checked(self.path, column["crs"])


def _microseconds(batch: Any) -> Any:
    """Times as Python can hold them: pandas writes nanoseconds."""
    import pyarrow as pa

    fields = [
        field.with_type(pa.timestamp("us", field.type.tz)) if pa.types.is_timestamp(field.type) else field
        for field in batch.schema
    ]
    return pa.Table.from_batches([batch]).cast(pa.schema(fields), safe=False)


def _checked(path: Path, crs: Any) -> Any:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if crs is None:
        raise InputError(f"{path}: its footprints have no CRS")
    try:
        found = CRS.from_user_input(crs)
    except CRSError as error:
        raise InputError(f"{path}: its CRS is not known to PROJ: {error}") from error
    if found.is_engineering or not (found.is_geographic or found.is_projected):
        raise InputError(f"{path}: expected a CRS of the Earth with a north, found {found.name}")
    return None if found.equals(CRS.from_epsg(4326), ignore_axis_order=True) else found


def _geojson(value: Any, encoding: str) -> Any:
    """A footprint of the native encodings, lists of lists of places; what is none as it is."""
    names = {"polygon": "Polygon", "multipolygon": "MultiPolygon"}
    return {"type": names[encoding], "coordinates": _places(value)} if isinstance(value, list) else value


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        return [value.get("x"), value.get("y")]
    return [_places(part) for part in value] if isinstance(value, list) else value


class _Row:
    def __init__(self, row: dict[str, Any], kind: str, *, stac: bool) -> None:
        self._row, self._kind, self._stac = row, kind, stac

    def __call__(self) -> tuple[Record, bool]:
        row = self._row
        if self._stac:
            feature = {"id": row["id"], "geometry": row["geometry"], "properties": row}
            return from_feature(feature, self._kind)
        scene_id = _text(row["scene_id"])
        if not scene_id:
            raise RejectedError("no_id", "has no id")
        platform = _text(row["platform"])
        if kind_of(scene_id, {"platform": platform, "acquired": ""}) not in (None, self._kind):
            raise LeftAloneError
        time, naive = _time(row["acquired"], scene_id)
        landsat = self._kind == "landsat"
        path, wrs_row = (
            path_and_row(scene_id, row.get("wrs_path"), row.get("wrs_row")) if landsat else (None, None)
        )
        return Record(
            scene_id=scene_id,
            acquired=time,
            platform=platform or (landsat_platform(scene_id, None) if landsat else "planetscope"),
            geometry=row["geometry"],
            cloud_cover=percent(row.get("cloud_cover")),
            snow_cover=percent(row.get("snow_cover")),
            sun_elevation=number(row.get("sun_elevation")),
            wrs_path=path,
            wrs_row=wrs_row,
            path=_text(row.get("path")) or None,
            instrument=_text(row.get("instrument"))
            or (landsat_instrument(scene_id, None) if landsat else None),
        ), naive


def _text(value: Any) -> str:
    """Text, also of the numbers and bytes that other programs write for it; empty for none and NaN."""
    if value is None or value != value:
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _time(value: Any, scene_id: str) -> tuple[datetime, bool]:
    try:
        return parse_time(value)
    except RejectedError as error:
        raise RejectedError(error.reason, str(error), scene_id) from error
