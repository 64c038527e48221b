"""What ids and properties say about a scene's kind, platform and place."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from catfast.wrs2 import PATHS, ROWS, path_row

_LANDSAT = re.compile(r"L([COTEM])0?([1-9])(?:_|\d{13}|\d_)")
_PLANET = re.compile(r"\d{8}_\w{6,7}(?:_\w{2})?_[0-9a-zA-Z]{2,4}(?![0-9a-zA-Z])")
_OWNERS = ("provider", "constellation", "mission", "platform")
_INSTRUMENTS = {"C": "oli,tirs", "O": "oli", "E": "etm+"}


def kind_of(scene_id: str, properties: Mapping[str, Any]) -> str | None:
    """``planet``, ``landsat``, or None for neither."""
    if _LANDSAT.match(scene_id):
        return "landsat"
    if str(properties.get("item_type", properties.get("pl:item_type", ""))).startswith("PS") or any(
        str(properties[name]).lower() == "planetscope" for name in _OWNERS if name in properties
    ):
        return "planet"
    if any(key.startswith("landsat:") for key in properties):
        return "landsat"
    return "planet" if _PLANET.fullmatch(scene_id) and "acquired" in properties else None


def kind_of_id(scene_id: str) -> str | None:
    """``planet`` or ``landsat`` by the id alone, None for neither."""
    if _LANDSAT.match(scene_id):
        return "landsat"
    return "planet" if _PLANET.fullmatch(scene_id) else None


def landsat_platform(scene_id: str, stated: Any) -> str:
    """``landsat-8`` from an id, or from what the source states (``LANDSAT_8``, ``8``)."""
    match = _LANDSAT.match(scene_id)
    digits = match[2] if match else re.sub(r"\D", "", str(stated or ""))
    return f"landsat-{digits}" if digits else "landsat"


def landsat_instrument(scene_id: str, stated: Any) -> str | None:
    """``oli,tirs`` from what the source states, else from an id."""
    if isinstance(stated, list | tuple):
        stated = ",".join(map(str, stated))
    if stated:
        return str(stated).lower().replace("_", ",")
    match = _LANDSAT.match(scene_id)
    return _INSTRUMENTS.get(match[1]) if match else None


def path_and_row(scene_id: str, path: Any, row: Any) -> tuple[int | None, int | None]:
    """Path and row of WRS-2 as stated, else from the id; none for Landsat 1 to 3, which count by WRS-1."""
    match = _LANDSAT.match(scene_id)
    if match and match[2] in "123":
        return None, None
    stated = number(path), number(row)
    if stated[0] is not None and stated[1] is not None:
        found = (int(stated[0]), int(stated[1]))
        if 1 <= found[0] <= PATHS and 1 <= found[1] <= ROWS:
            return found
    return path_row(scene_id) or (None, None)


def number(value: Any) -> float | None:
    """A finite float, None for what is none."""
    if value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def percent(value: Any) -> float | None:
    """A share in per cent; USGS writes -1 where it is not known."""
    found = number(value)
    return None if found is None or not 0 <= found <= 100 else found
