"""What every engine's rows become: local times, order, and the file's columns."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catfast.catalog import CRS, MARK, geo_metadata
from catfast.pairs.config import PairsConfig
from catfast.pairs.sql import carried_columns
from catfast.wrs2 import UNSTEERED, seconds_after_centre

if TYPE_CHECKING:
    import pyarrow as pa
    from pyproj import Transformer

Floats = npt.NDArray[np.float64]

_TYPES = {
    "wrs_path": "int32",
    "wrs_row": "int32",
    "platform": "string",
    "path": "string",
    "instrument": "string",
}


def pairs_schema() -> pa.Schema:
    """Columns of a pairs file."""
    import pyarrow as pa

    utc = pa.timestamp("ms", tz="UTC")
    carried = [
        pa.field(name, pa.type_for_alias(_TYPES.get(name[3:], "float64"))) for name in carried_columns()
    ]
    fields = [
        pa.field("pair_id", pa.string(), nullable=False),
        pa.field("ps_id", pa.string(), nullable=False),
        pa.field("l8_id", pa.string(), nullable=False),
        pa.field("ps_acquired", utc, nullable=False),
        pa.field("l8_acquired", utc, nullable=False),
        pa.field("dt_s", pa.float64(), nullable=False),
        pa.field("dt_local_s", pa.float64()),
        pa.field("overlap", pa.float64(), nullable=False),
        pa.field("overlap_km2", pa.float64(), nullable=False),
        *carried,
        pa.field("geometry", pa.binary(), nullable=False),
    ]
    return pa.schema(fields, metadata={b"geo": geo_metadata(covering=False), MARK: b"pairs"})


def finish(rows: pa.Table, config: PairsConfig) -> pa.Table:
    """Rows of an engine, in the order and with the columns of a pairs file."""
    import pyarrow as pa
    import shapely

    order = [(name, "ascending") for name in ("ps_t", "ps_id", "l8_id")]
    rows = _large_enough(_plain(rows), config).sort_by(order)
    common = shapely.from_wkb([bytes(value) for value in rows["geometry"].to_pylist()])
    shapes = shapely.normalize(_areas(np.asarray(common, object)))
    dt = (_column(rows, "ps_t") - _column(rows, "l8_t")) / 1000
    local = dt - _landsat_seconds(rows, np.asarray(shapes, object))
    kept = _kept(rows, dt, local, config)
    ids = [(ps, l8) for ps, l8 in zip(rows["ps_id"].to_pylist(), rows["l8_id"].to_pylist(), strict=True)]
    schema = pairs_schema()
    columns: dict[str, Any] = {
        name: rows[name].cast(schema.field(name).type)
        for name in ("ps_id", "l8_id", "overlap", "overlap_km2", *carried_columns())
    }
    columns |= {
        "pair_id": pa.array([f"{ps}__{l8}" for ps, l8 in ids], pa.string()),
        "ps_acquired": rows["ps_t"].cast(schema.field("ps_acquired").type),
        "l8_acquired": rows["l8_t"].cast(schema.field("l8_acquired").type),
        "dt_s": pa.array(dt),
        "dt_local_s": pa.array(local, mask=np.isnan(local)),
        "geometry": pa.array(list(shapely.to_wkb(shapes)), pa.binary()),
    }
    return pa.table({name: columns[name] for name in schema.names}, schema=schema).take(pa.array(kept))


def _areas(shapes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Without the lines and points along which two footprints merely touch."""
    import shapely

    for place in np.flatnonzero(shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION):
        parts = shapely.get_parts(shapes[place])
        shapes[place] = shapely.union_all(parts[shapely.area(parts) > 0])
    return shapes


def _large_enough(rows: pa.Table, config: PairsConfig) -> pa.Table:
    import pyarrow.compute as pc

    large = pc.greater_equal(rows["overlap"], config.min_overlap)
    return rows.filter(pc.and_(large, pc.greater(rows["overlap_km2"], 0.0)))


def _plain(rows: pa.Table) -> pa.Table:
    """String views, which SedonaDB gives and pyarrow does not sort, as strings."""
    import pyarrow as pa

    fields = [
        pa.field(field.name, pa.string()) if field.type == pa.string_view() else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))


def _column(rows: pa.Table, name: str) -> Floats:
    return np.asarray(rows[name].to_numpy(zero_copy_only=False), np.float64)


def _landsat_seconds(rows: pa.Table, shapes: npt.NDArray[Any]) -> Floats:
    """Seconds from each scene's centre to when Landsat passed the middle of the overlap; else NaN."""
    import shapely

    x, y = shapely.get_coordinates(shapely.centroid(shapes)).T if len(shapes) else np.empty((2, 0))
    lon, lat = _to_degrees().transform(x, y)
    path, row = _column(rows, "l8_wrs_path"), _column(rows, "l8_wrs_row")
    known = np.isfinite(path) & np.isfinite(row)
    seconds = np.full(len(path), np.nan)
    steered = np.array([name not in UNSTEERED for name in rows["l8_platform"].to_pylist()], bool)
    seconds[known] = seconds_after_centre(
        path[known], row[known], np.asarray(lon)[known], np.asarray(lat)[known], steered[known]
    )
    return seconds


@functools.cache
def _to_degrees() -> Transformer:
    from pyproj import Transformer

    return Transformer.from_crs(CRS, "OGC:CRS84", always_xy=True)


def _kept(rows: pa.Table, dt: Floats, local: Floats, config: PairsConfig) -> npt.NDArray[np.int64]:
    """Places of the rows to keep: within the window by the time that counts, the nearest of each scene."""
    counts = np.where(np.isnan(local), dt, local) if config.time_reference == "local" else dt
    kept = np.flatnonzero(np.abs(counts) <= config.max_dt_ms / 1000)
    if config.limit_per_scene is None:
        return kept
    ids = np.array(rows["l8_id"].to_pylist(), object)[kept]
    places: dict[str, int] = {}
    chosen = []
    for place in np.argsort(np.abs(counts[kept]), kind="stable"):
        rank = places.get(ids[place], 0)
        if rank < config.limit_per_scene:
            chosen.append(kept[place])
        places[ids[place]] = rank + 1
    return np.sort(np.array(chosen, np.int64))
