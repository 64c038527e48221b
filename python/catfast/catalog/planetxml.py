"""Planet's metadata XML to a record, for deliveries that hold no item JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from catfast.catalog.ids import number, percent
from catfast.catalog.record import Record, RejectedError
from catfast.catalog.times import parse_time
from catfast.errors import InputError
from catfast.planet import acquired, local_name, metadata_root, scene_id


def xml_record(path: Path) -> tuple[Record, bool]:
    """A record of ``<id>_3B_AnalyticMS_metadata.xml``, and whether its time is naive.

    The XML gives whole seconds; the hundredths of a SuperDove's time are those in its id.

    Raises:
        RejectedError: not such an XML, or without a time.
    """
    try:
        root = metadata_root(path)
    except InputError as error:
        raise RejectedError("not_a_scene", str(error)) from error
    texts: dict[str, str] = {}
    for element in root.iter():
        texts.setdefault(local_name(element), (element.text or "").strip())
    found = scene_id(Path(texts.get("identifier", "")))
    if "planetscope" not in {texts.get("shortName", "").lower(), *_short_names(root)} or not found:
        raise RejectedError("not_a_scene", "expected the metadata of a PlanetScope scene", found)
    try:
        time, naive = parse_time(texts.get("acquisitionDateTime") or texts.get("beginPosition"))
    except RejectedError as error:
        raise RejectedError(error.reason, str(error), found) from error
    exact = acquired(Path(found))
    if exact is not None and exact.replace(microsecond=0) == time:
        time = exact
    instruments = [name for name in _short_names(root) if name != "planetscope"]
    return Record(
        scene_id=found,
        acquired=time,
        platform="planetscope",
        geometry=_footprint(root),
        cloud_cover=percent(texts.get("cloudCoverPercentage")),
        sun_elevation=number(texts.get("illuminationElevationAngle")),
        instrument=instruments[0].upper() if instruments else None,
    ), naive


def _short_names(root: Element) -> list[str]:
    return [(item.text or "").strip().lower() for item in root.iter() if local_name(item) == "shortName"]


def _footprint(root: Element) -> dict[str, Any] | None:
    """All rings of the footprint, each a polygon of its own; None without one."""
    rings = [_ring(item.text or "") for item in root.iter() if local_name(item) == "coordinates"]
    rings = [ring for ring in rings if ring]
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]} if rings else None


def _ring(text: str) -> list[list[float]]:
    """``lon,lat lon,lat ...`` as numbers; empty where it is not that."""
    try:
        return [[float(value) for value in place.split(",")[:2]] for place in text.split()]
    except ValueError:
        return []
