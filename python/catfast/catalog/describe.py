"""What is in a catalogue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from catfast.catalog.parquetfiles import ParquetSource
from catfast.errors import InputError, MissingExtraError


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
        import pyarrow as pa
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
        boxes: list[tuple[float, ...]] = []
        for batch in file.iter_batches(columns=names):
            for name, counter in counts.items():
                if name in names:
                    for entry in pc.value_counts(batch[name]).to_pylist():
                        counter[entry["values"] or "unknown"] += entry["counts"]
            extent = pc.min_max(pc.cast(batch["acquired"], pa.timestamp("ms", "UTC"))).as_py()
            times += [extent["min"], extent["max"]]
            if "bbox" in names:
                sides = batch["bbox"].flatten()
                boxes.append(tuple(pc.min_max(side).as_py() for side in sides))
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


def _union(boxes: list[Any]) -> tuple[float, float, float, float] | None:
    if not boxes:
        return None
    low = [min(box[side]["min"] for box in boxes) for side in (0, 1)]
    high = [max(box[side]["max"] for box in boxes) for side in (2, 3)]
    return low[0], low[1], high[0], high[1]
