"""One row of ``index.parquet`` a patch: its columns, and the tables made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catfast.catalog import geo_metadata

if TYPE_CHECKING:
    import pyarrow as pa

INDEX_NAME = "index.parquet"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRecord:
    """Where a patch is from and what it holds; what the writer fills in has a default."""

    patch_id: str
    """Unique in the store; names its files."""
    pair_id: str
    """The pair it was cut from."""
    ps_id: str
    """Its PlanetScope scene."""
    l8_id: str
    """Its Landsat scene."""
    row: int
    """First row in the PlanetScope scene, pixels."""
    col: int
    """First column in the PlanetScope scene, pixels."""
    shard: str = ""
    """File of the image, relative to the store; filled in by the writer."""
    offset: int = 0
    """Place of the patch in its shard, counted in patches; filled in by the writer."""
    split: str | None = None
    """``train``, ``val`` or ``test``; given by ``finish``."""
    valid_fraction: float
    """Seen pixels of all."""
    cloud_fraction: float | None
    """Cloud of labelled pixels (soft labels: of their area); None where none is labelled."""
    snow_fraction: float | None = None
    """Snow and ice of labelled pixels; None where the labels do not tell."""
    shadow_fraction: float | None = None
    """Cloud shadow, likewise."""
    water_fraction: float | None = None
    """Water, likewise."""
    ignore_fraction: float
    """Pixels not to be learnt from, of seen ones."""
    dt_s: float
    """PlanetScope minus Landsat's scene centre, seconds."""
    dt_local_s: float | None = None
    """PlanetScope minus Landsat over that place, seconds."""
    sun_elevation: float | None = None
    """Degrees."""
    epsg: int
    """Code of the scene's CRS."""
    transform: tuple[float, float, float, float, float, float]
    """a, b, c, d, e, f of the patch's own affine transform (rasterio's order)."""
    weight: float = 1.0
    """Quality of the label, in 0..1, 0 left out."""
    shift_x_m: float | None = None
    """Displacement of the clouds that was found, metres east in the scene's CRS."""
    shift_y_m: float | None = None
    """Metres north."""
    shift_spread_m: float | None = None
    """Its leave-one-quadrant-out spread, metres."""
    shift_accepted: bool | None = None
    """Whether the label was moved by it; None where it was not looked for."""
    shift_reason: str | None = None
    """``accepted``, or why it was not."""
    simulated: bool
    """Whether the pair is simulated."""
    ps_acquired: datetime
    """When PlanetScope saw it, UTC."""
    sha256: str = ""
    """Of the patch as it is stored: its image followed by its label; filled in by the writer."""
    geometry: bytes
    """Footprint, WKB in EPSG:6931."""


_STRINGS = {
    "patch_id",
    "pair_id",
    "ps_id",
    "l8_id",
    "shard",
    "split",
    "shift_reason",
    "sha256",
}
_WHOLE = {"row", "col", "offset", "epsg"}
_FLAGS = {"shift_accepted", "simulated"}
_ALWAYS = {
    "patch_id",
    "pair_id",
    "ps_id",
    "l8_id",
    "row",
    "col",
    "shard",
    "offset",
    "valid_fraction",
    "ignore_fraction",
    "epsg",
    "transform",
    "weight",
    "simulated",
    "ps_acquired",
    "sha256",
    "geometry",
}


def index_schema() -> pa.Schema:
    """Columns of ``index.parquet``."""
    import pyarrow as pa

    names = [field.name for field in dataclasses.fields(PatchRecord)]
    fields = [pa.field(name, _type(name), nullable=name not in _ALWAYS) for name in names]
    return pa.schema(fields, metadata={b"geo": geo_metadata(covering=False)})


def _type(name: str) -> pa.DataType:
    import pyarrow as pa

    if name in _STRINGS:
        return pa.string()
    if name in _WHOLE:
        return pa.int32() if name == "epsg" else pa.int64()
    if name in _FLAGS:
        return pa.bool_()
    special = {
        "transform": pa.list_(pa.float64()),
        "ps_acquired": pa.timestamp("ms", tz="UTC"),
        "geometry": pa.binary(),
    }
    return special.get(name, pa.float64())


def index_table(records: Sequence[PatchRecord]) -> pa.Table:
    """Records as rows."""
    import pyarrow as pa

    schema = index_schema()
    columns: dict[str, Any] = {name: [getattr(record, name) for record in records] for name in schema.names}
    return pa.table(columns, schema=schema)
