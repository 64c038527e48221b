"""What is in a catalogue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catfast.catalog.parquetfiles import ParquetSource
from catfast.catalog.record import RejectedError
from catfast.catalog.times import parse_time
from catfast.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogInfo:
    """Summary of a catalogue."""

    path: Path
    """The file."""
    scenes: int
    """Rows."""
    platforms: dict[str, int]
    """Scenes a platform."""
    instruments: dict[str, int]
    """Scenes an instrument."""
    first: datetime
    """Earliest acquisition, UTC."""
    last: datetime
    """Latest acquisition, UTC."""
    crs: str
    """Name of the CRS of the footprints."""
    bounds: tuple[float, float, float, float] | None
    """West, south, east, north in that CRS; None where the file has no bounding boxes."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "path": str(self.path),
            "scenes": self.scenes,
            "platforms": self.platforms,
            "instruments": self.instruments,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "crs": self.crs,
            "bounds": list(self.bounds) if self.bounds else None,
        }


def describe(path: Path) -> CatalogInfo:
    """Read a catalogue's columns, but for the footprints, batch by batch.

    Raises:
        InputError: not a catalogue, or an empty one.
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("reading a catalogue", "pairs") from error
    source = ParquetSource(path)
    if not source.rows:
        raise InputError(f"{path}: expected scenes, found an empty catalogue")
    with pq.ParquetFile(path) as file:
        names = [
            name for name in ("platform", "instrument", "acquired", "bbox") if name in file.schema_arrow.names
        ]
        if "acquired" not in names:
            raise InputError(
                f"{path}: expected a catalogue with the column acquired: make one by catfast catalog"
            )
        counts: dict[str, Counter[str]] = {"platform": Counter(), "instrument": Counter()}
        times: list[datetime] = []
        boxes: list[tuple[float, float, float, float]] = []
        for batch in file.iter_batches(columns=names):
            for name, counter in counts.items():
                if name in names:
                    for entry in pc.value_counts(batch[name]).to_pylist():
                        counter[entry["values"] or "unknown"] += entry["counts"]
            times += _extent(batch["acquired"])
            if "bbox" in names:
                boxes += _bounds(batch["bbox"])
    if not times:
        raise InputError(f"{path}: expected times in the column acquired, found none")
    return CatalogInfo(
        path=path,
        scenes=source.rows,
        platforms=dict(counts["platform"].most_common()),
        instruments=dict(counts["instrument"].most_common()),
        first=min(times),
        last=max(times),
        crs="longitude and latitude" if source.crs is None else source.crs.name,
        bounds=_union(boxes),
    )


def _extent(acquired: pa.Array) -> list[datetime]:
    """Earliest and latest of times of any type, UTC; none where there is no time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_timestamp(acquired.type):
        found = [time for value in acquired.to_pylist() if (time := _time(value))]
        return [min(found), max(found)] if found else []
    extent = pc.min_max(pc.cast(acquired, pa.timestamp("us", "UTC"), safe=False)).as_py()
    return [time for time in extent.values() if time is not None]


def _time(value: Any) -> datetime | None:
    try:
        return parse_time(value)[0]
    except RejectedError:
        return None


def _bounds(boxes: pa.Array) -> list[tuple[float, float, float, float]]:
    """The box of all boxes, by the names of their sides; none where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sides = {"xmin": pc.min, "ymin": pc.min, "xmax": pc.max, "ymax": pc.max}
    if not pa.types.is_struct(boxes.type) or not set(sides) <= {field.name for field in boxes.type}:
        return []
    west, south, east, north = (pick(pc.struct_field(boxes, side)).as_py() for side, pick in sides.items())
    return [] if west is None else [(west, south, east, north)]


def _union(
    boxes: list[tuple[float, float, float, float]],
) -> tuple[float, float, float, float] | None:
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)
