"""GeoJSON features of Planet and of STAC to records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from catfast.catalog.ids import (
    kind_of,
    landsat_instrument,
    landsat_platform,
    number,
    path_and_row,
    percent,
)
from catfast.catalog.record import LeftAloneError, Record, RejectedError
from catfast.catalog.times import parse_time


def from_feature(feature: Mapping[str, Any], kind: str) -> tuple[Record, bool]:
    """A record, and whether its time was naive.

    Raises:
        RejectedError: without an id, a time, or anything that says what it is.
        LeftAloneError: of the other kind.
    """
    properties = feature.get("properties")
    scene_id = str(feature.get("id") or "")
    if not isinstance(properties, Mapping):
        raise RejectedError("not_a_scene", "expected a GeoJSON feature with properties", scene_id)
    scene_id = scene_id or str(properties.get("id") or properties.get("system:index") or "")
    if not scene_id:
        raise RejectedError("no_id", "has no id")
    found = kind_of(scene_id, properties)
    if found is None:
        raise RejectedError("not_a_scene", "expected a PlanetScope or Landsat scene", scene_id)
    if found != kind:
        raise LeftAloneError
    try:
        time, naive = _time(properties)
    except RejectedError as error:
        raise RejectedError(error.reason, str(error), scene_id) from error
    make = _planet if kind == "planet" else _landsat
    return make(scene_id, time, properties, feature.get("geometry")), naive


def _time(properties: Mapping[str, Any]) -> tuple[datetime, bool]:
    """When it was taken; the middle of the span that STAC has where ``datetime`` is null."""
    stated = _first(properties, "acquired", "datetime", "system:time_start")
    start, end = (_first(properties, name) for name in ("start_datetime", "end_datetime"))
    first, naive = parse_time(start if stated is None else stated)
    if stated is not None or end is None:
        return first, naive
    return first + (parse_time(end)[0] - first) / 2, naive


def _planet(scene_id: str, time: datetime, properties: Mapping[str, Any], geometry: Any) -> Record:
    stated = properties.get("instruments") or properties.get("instrument")
    instrument = stated[0] if isinstance(stated, list) and stated else stated
    cloud = _first(properties, "cloud_percent", "eo:cloud_cover")
    fraction = number(properties.get("cloud_cover"))
    if cloud is None and fraction is not None:
        cloud = 100 * fraction
    return Record(
        scene_id=scene_id,
        acquired=time,
        platform="planetscope",
        geometry=geometry,
        cloud_cover=percent(cloud),
        snow_cover=percent(_first(properties, "snow_ice_percent", "eo:snow_cover")),
        sun_elevation=number(_first(properties, "sun_elevation", "view:sun_elevation")),
        instrument=instrument.upper() if isinstance(instrument, str) and instrument else None,
    )


def _landsat(scene_id: str, time: datetime, properties: Mapping[str, Any], geometry: Any) -> Record:
    path, row = path_and_row(
        scene_id,
        _first(properties, "landsat:wrs_path", "WRS_PATH"),
        _first(properties, "landsat:wrs_row", "WRS_ROW"),
    )
    return Record(
        scene_id=scene_id,
        acquired=time,
        platform=landsat_platform(scene_id, _first(properties, "platform", "eo:platform", "SPACECRAFT_ID")),
        geometry=geometry,
        cloud_cover=percent(_first(properties, "eo:cloud_cover", "CLOUD_COVER")),
        snow_cover=percent(_first(properties, "eo:snow_cover")),
        sun_elevation=number(_first(properties, "view:sun_elevation", "eo:sun_elevation", "SUN_ELEVATION")),
        wrs_path=path,
        wrs_row=row,
        instrument=landsat_instrument(
            scene_id, _first(properties, "instruments", "eo:instrument", "SENSOR_ID")
        ),
    )


def _first(properties: Mapping[str, Any], *names: str) -> Any:
    """The first property of these names that has a value."""
    return next((properties[name] for name in names if properties.get(name) not in (None, "")), None)
