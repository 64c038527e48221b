"""One row of a source, before its footprint is checked, and the reasons why a row cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(slots=True, kw_only=True)
class Record:
    """A scene as its source describes it; not frozen, which takes a million of them twice as long to make."""

    scene_id: str
    """The provider's id."""
    acquired: datetime
    """UTC; the scene centre for Landsat."""
    platform: str
    """``planetscope``, ``landsat-8``, ..."""
    geometry: Any = None
    """Footprint in the source's CRS: GeoJSON (a mapping), WKT (str) or WKB (bytes)."""
    cloud_cover: float | None = None
    """Per cent."""
    snow_cover: float | None = None
    """Per cent."""
    sun_elevation: float | None = None
    """Degrees at the scene centre."""
    wrs_path: int | None = None
    """1 to 233."""
    wrs_row: int | None = None
    """1 to 248."""
    instrument: str | None = None
    """The sensor, e.g. ``PSB.SD`` or ``oli,tirs``."""
    path: str | None = None
    """Folder with the scene's files."""
    within: Any = None
    """Outline that the footprint cannot leave, GeoJSON: the corners of a Landsat product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that cannot be used."""

    source: Path | str
    """The file, or the URL."""
    row: int
    """Its place in the source, from 1."""
    scene_id: str
    """Its id, empty where it has none."""
    reason: str
    """Short name, e.g. ``no_time``."""
    detail: str
    """One sentence for a person."""


class RejectedError(Exception):
    """Raised by a reader about one row: ``reason`` is a short name, the text a sentence."""

    def __init__(self, reason: str, detail: str, scene_id: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.scene_id = scene_id


class LeftAloneError(Exception):
    """Raised by a reader about a row of the other kind."""
