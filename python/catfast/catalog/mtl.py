"""Landsat products on disk: their MTL file, JSON, text or XML, to a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from catfast.catalog.ids import (
    landsat_instrument,
    landsat_platform,
    number,
    path_and_row,
    percent,
)
from catfast.catalog.record import Record, RejectedError
from catfast.catalog.times import parse_time
from catfast.textfiles import parse_json, read_small

_ENTRY = re.compile(r'^\s*(\w+) = "?(.*?)"?\s*$', re.MULTILINE)
_TAG = re.compile(r"<(\w+)>\s*([^<]*?)\s*</\1>")
_CORNERS = ("UL", "UR", "LR", "LL", "UL")


def mtl_record(path: Path) -> Record:
    """A record from an MTL file; its corners bound the footprint, which comes from the path and row.

    Raises:
        RejectedError: not an MTL file, or without an id or a time.
    """
    entries = _entries(path)
    scene_id = entries.get("LANDSAT_PRODUCT_ID", "")
    if not scene_id:
        raise RejectedError("not_a_scene", "expected an MTL file with a LANDSAT_PRODUCT_ID")
    day, clock = entries.get("DATE_ACQUIRED"), entries.get("SCENE_CENTER_TIME")
    if not day or not clock:
        raise RejectedError("no_time", "has no DATE_ACQUIRED and SCENE_CENTER_TIME", scene_id)
    wrs_path, wrs_row = path_and_row(scene_id, entries.get("WRS_PATH"), entries.get("WRS_ROW"))
    return Record(
        scene_id=scene_id,
        acquired=parse_time(f"{day}T{clock}")[0],
        platform=landsat_platform(scene_id, entries.get("SPACECRAFT_ID")),
        cloud_cover=percent(entries.get("CLOUD_COVER")),
        sun_elevation=number(entries.get("SUN_ELEVATION")),
        wrs_path=wrs_path,
        wrs_row=wrs_row,
        instrument=landsat_instrument(scene_id, entries.get("SENSOR_ID")),
        within=_corners(entries),
    )


def _entries(path: Path) -> dict[str, str]:
    """Keys and values of all groups; the first of a name stands."""
    try:
        text = read_small(path).decode(errors="replace")
        pairs = _READERS.get(path.suffix.lower(), _ENTRY.findall)(text)
    except (OSError, ValueError) as error:
        raise RejectedError("not_a_scene", f"not readable as an MTL file: {error}") from error
    entries: dict[str, str] = {}
    for key, value in pairs:
        entries.setdefault(key, value)
    return entries


def _flat(group: Any) -> list[tuple[str, str]]:
    if not isinstance(group, Mapping):
        return []
    return [
        pair
        for key, value in group.items()
        for pair in (_flat(value) if isinstance(value, Mapping) else [(str(key), str(value))])
    ]


_READERS: Mapping[str, Callable[[str], list[tuple[str, str]]]] = {
    ".json": lambda text: _flat(parse_json(text)),
    ".xml": _TAG.findall,
}


def _corners(entries: Mapping[str, str]) -> Any:
    ring = [
        [number(entries.get(f"CORNER_{corner}_{axis}_PRODUCT")) for axis in ("LON", "LAT")]
        for corner in _CORNERS
    ]
    if any(value is None for place in ring for value in place):
        return None
    return {"type": "Polygon", "coordinates": [ring]}
