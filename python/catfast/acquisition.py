"""What Planet's files beside a scene, or else its time and place, say of how it was taken."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catfast.errors import InputError
from catfast.planet import acquired, local_name, metadata_root, metadata_xml, scene_id
from catfast.raster import Grid, centre_lonlat
from catfast.sun import sun_position

__all__ = ["Acquisition", "find_acquisition"]

LARGEST = 1 << 24
"""Bytes: a longer file is not the metadata of one scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """How a scene was taken, as far as that is known."""

    sun_elevation: float | None = None
    """Of the sun over the middle of the scene, degrees."""
    latitude: float | None = None
    """Of the middle of the scene, degrees."""
    instrument: str | None = None
    """Such as ``PSB.SD``."""


def find_acquisition(scene: Path, grid: Grid) -> Acquisition:
    """Look into the XML and the JSON of a scene's item beside it; what they lack follows from time and place.

    Files that cannot be read say nothing: nothing here is needed to mask a scene.
    """
    found = {**_of_json(scene), **_of_xml(scene)}
    centre = centre_lonlat(grid)
    sun = _elevation(found.get("sun"))
    taken = acquired(scene) or _time(found.get("time"))
    if sun is None and taken is not None and centre is not None:
        sun = sun_position(taken, *centre)[1]
    name = str(found.get("instrument") or "").strip().upper()
    return Acquisition(sun_elevation=sun, latitude=centre[1] if centre else None, instrument=name or None)


def _of_xml(scene: Path) -> dict[str, Any]:
    xml = metadata_xml(scene)
    if xml is None or xml.stat().st_size > LARGEST:
        return {}
    try:
        texts = [(local_name(item), (item.text or "").strip()) for item in metadata_root(xml).iter()]
    except InputError:
        return {}
    suns = [text for name, text in texts if name == "illuminationElevationAngle"]
    names = [text for name, text in texts if name == "shortName" and text.lower() != "planetscope"]
    times = [text for name, text in texts if name == "acquisitionDateTime"]
    parts = {"sun": suns, "instrument": names, "time": times}
    return {key: values[0] for key, values in parts.items() if values and values[0]}


def _of_json(scene: Path) -> dict[str, Any]:
    """The item as Planet's orders and API have it, or as STAC."""
    for name in (f"{scene_id(scene)}_metadata.json", f"{scene_id(scene)}.json"):
        properties = _properties(scene.with_name(name))
        if properties:
            instruments = properties.get("instruments")
            first = instruments[0] if isinstance(instruments, list) and instruments else None
            parts = {
                "sun": properties.get("sun_elevation", properties.get("view:sun_elevation")),
                "instrument": properties.get("instrument", first),
                "time": properties.get("acquired", properties.get("datetime")),
            }
            return {key: value for key, value in parts.items() if value is not None}
    return {}


def _properties(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))["properties"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _elevation(value: Any) -> float | None:
    """A number of degrees from -90 to 90, else None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and abs(number) <= 90 else None


def _time(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
