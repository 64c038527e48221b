"""What a user may ask of :func:`catfast.catalog.build`, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast.errors import Notice, UsageError
from catfast.paths import take_texts

KINDS = ("planet", "landsat")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogConfig:
    """Options of making a scene catalogue."""

    id_col: str | None = None
    """Column of a CSV that holds scene ids; None knows the CSVs of USGS, EarthExplorer, Earth Engine."""
    time_col: str | None = None
    """Column of a CSV that holds acquisition times; goes with ``id_col``."""
    geometry_col: str | None = None
    """Column of a CSV that holds footprints as WKT; None takes them from the path and row in the id."""
    collections: tuple[str, ...] = ()
    """Collections to search in a STAC API that is named by its URL; at least one then."""
    bbox: tuple[float, float, float, float] | None = None
    """Of the search: west, south, east, north, degrees."""
    datetime: str | None = None
    """Of the search: a time or a span, ``2023-06-01/2023-08-31``, as STAC APIs take it."""
    wrs2: Path | None = None
    """USGS's file of WRS-2 footprints for Landsat rows without one; None: the orbit model."""
    overwrite: bool = False
    """Replace an output whatever it is; without it, a catalogue of the same kind only."""
    rejects: Path | None = None
    """Write the rows that could not be used, and why, to this CSV."""
    batch_size: int = 20_000
    """Rows a batch; no effect on the catalogue."""

    def __post_init__(self) -> None:
        take_texts(self, "wrs2", "rejects")
        if (self.id_col is None) != (self.time_col is None):
            raise UsageError("--id-col and --time-col go together")
        if self.geometry_col is not None and self.id_col is None:
            raise UsageError("--geometry-col needs --id-col and --time-col")
        if self.batch_size < 1:
            raise UsageError(f"batch_size must be at least 1, not {self.batch_size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogResult:
    """What became of the sources."""

    output: Path
    """The catalogue."""
    kind: str
    """``planet`` or ``landsat``."""
    scenes: int
    """Rows written."""
    rejected: Mapping[str, int]
    """Reason to number of rows that could not be used."""
    left: int
    """Rows of the other kind, left alone."""
    warnings: tuple[Notice, ...]
    """Named warnings."""
    seconds: float
    """Wall time."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "output": str(self.output),
            "kind": self.kind,
            "scenes": self.scenes,
            "rejected": dict(self.rejected),
            "left": self.left,
            "warnings": [{"name": notice.name, "message": notice.message} for notice in self.warnings],
            "seconds": round(self.seconds, 3),
        }
