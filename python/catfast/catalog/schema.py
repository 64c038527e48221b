"""The catalogue as a file: columns, and GeoParquet metadata."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

CRS = "EPSG:6931"
"""WGS 84 / NSIDC EASE-Grid 2.0 North: equal-area, whole round the pole."""

MARK = b"catfast_catalog"
"""Schema metadata of what catfast wrote: ``planet`` or ``landsat``, checked, ``pairs``."""

OPTIONAL = {
    "cloud_cover": "float64",
    "snow_cover": "float64",
    "sun_elevation": "float64",
    "wrs_path": "int32",
    "wrs_row": "int32",
    "path": "string",
    "instrument": "string",
}
"""Columns that may be null, and their types."""


@functools.cache
def projjson(crs: str = CRS) -> dict[str, Any]:
    """PROJJSON of a CRS."""
    import pyproj

    return dict(pyproj.CRS.from_user_input(crs).to_json_dict())


def geo_metadata(*, covering: bool) -> bytes:
    """The ``geo`` entry of a GeoParquet 1.1 file with polygons in EPSG:6931."""
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": ["Polygon", "MultiPolygon"],
        "crs": projjson(),
    }
    if covering:
        column["covering"] = {"bbox": {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return json.dumps(geo).encode()


def catalog_schema(kind: str) -> pa.Schema:
    """Columns of a catalogue."""
    import pyarrow as pa

    box = pa.struct([(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")])
    fields = [
        pa.field("scene_id", pa.string(), nullable=False),
        pa.field("platform", pa.string()),
        pa.field("acquired", pa.timestamp("ms", tz="UTC"), nullable=False),
        *(pa.field(name, pa.type_for_alias(kind_of_value)) for name, kind_of_value in OPTIONAL.items()),
        pa.field("geometry", pa.binary(), nullable=False),
        pa.field("bbox", box, nullable=False),
    ]
    return pa.schema(fields, metadata={b"geo": geo_metadata(covering=True), MARK: kind.encode()})


def writer_options() -> dict[str, Any]:
    """Layout of a catalogue, for ``pyarrow.parquet.ParquetWriter``: what pairing reads first is quickest.

    Times and bounds, of every scene, are not compressed, which they hardly are anyway; footprints, of a few
    candidates, lie in small pages with an index, so that the others need not be decoded, and without the
    least and largest, which mean nothing of WKB.
    """
    sides = ("xmin", "ymin", "xmax", "ymax")
    plain = {"acquired": "NONE"} | {f"bbox.{side}": "NONE" for side in sides}
    others = dict.fromkeys(("scene_id", "platform", *OPTIONAL, "geometry"), "ZSTD")
    return {
        "compression": plain | others,
        "compression_level": dict.fromkeys(others, 1),
        "use_dictionary": ["platform", "path", "instrument"],
        "data_page_size": 8_192,
        "write_batch_size": 32,
        "write_statistics": ["scene_id", *plain, "platform", *OPTIONAL],
        "write_page_index": True,
    }
