"""CSVs of USGS, EarthExplorer and Earth Engine, and any other with the user's column names, to records."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from catfast.catalog.config import CatalogConfig
from catfast.catalog.ids import (
    kind_of_id,
    landsat_instrument,
    landsat_platform,
    number,
    path_and_row,
    percent,
)
from catfast.catalog.jsonfiles import open_text
from catfast.catalog.record import LeftAloneError, Record, RejectedError
from catfast.catalog.times import parse_time
from catfast.errors import InputError
from catfast.textfiles import parse_json

NAMES: Mapping[str, tuple[str, ...]] = {
    "id": (
        "landsatproductidentifierl2",
        "landsatproductidentifierl1",
        "landsatproductidentifier",
        "landsatproductid",
        "displayid",
        "productid",
        "systemindex",
        "sceneid",
        "landsatsceneidentifier",
    ),
    "time": ("systemtimestart", "acquired", "datetime", "scenecentertime", "starttime"),
    "stop": ("stoptime",),
    "day": ("dateacquired", "acquisitiondate", "dateacquiredl1"),
    "geometry": ("geo", "geometry", "footprint", "wkt"),
    "platform": ("spacecraftidentifier", "spacecraftid", "satellite", "platform"),
    "instrument": ("sensoridentifier", "sensorid", "instrument"),
    "cloud_cover": ("scenecloudcoverl1", "scenecloudcover", "cloudcover", "cloudpercent"),
    "snow_cover": ("snowicepercent", "snowcover"),
    "sun_elevation": ("sunelevationl0ra", "sunelevationl1", "sunelevation"),
    "wrs_path": ("wrspath",),
    "wrs_row": ("wrsrow",),
}
"""What a column holds, to the names that the providers give it, without case and punctuation."""

_CLOCK = re.compile(r"\d\d:\d\d")

CORNERS = (
    ("cornerupperleft", "cornerupperright", "cornerlowerright", "cornerlowerleft"),
    ("nwcorner", "necorner", "secorner", "swcorner"),
)


def csv_records(path: Path, kind: str, config: CatalogConfig) -> Iterator[Callable[[], tuple[Record, bool]]]:
    """One call a row, that returns its record and whether its time was naive, or raises as a feature does.

    Raises:
        InputError: not readable, or its columns are not known and not named.
    """
    csv.field_size_limit(sys.maxsize)
    try:
        with open_text(path) as file:
            reader = csv.reader(file)
            header = next(reader, [])
            columns = _columns(path, header, config)
            places = [(role, header.index(name)) for role, name in columns.items()]
            width = max(place for _, place in places) + 1
            for row in filter(None, reader):
                row += [""] * (width - len(row))
                yield _Row({role: text for role, place in places if (text := row[place].strip())}, kind)
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except csv.Error as error:
        raise InputError(f"{path}: expected a CSV: {error}") from error


def _columns(path: Path, header: Sequence[str], config: CatalogConfig) -> dict[str, str]:
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(header) if name}
    columns = {
        role: next(plain[name] for name in names if name in plain)
        for role, names in NAMES.items()
        if any(name in plain for name in names)
    }
    for corners in CORNERS:
        for corner in corners:
            for axis, words in (
                ("lon", ("longitude", "longdec", "long")),
                ("lat", ("latitude", "latdec", "lat")),
            ):
                name = next((plain[corner + word] for word in words if corner + word in plain), None)
                if name:
                    columns[f"{corner}_{axis}"] = name
    if config.id_col is not None:
        columns.pop("stop", None)
        columns.pop("geometry", None)
        columns = {role: name for role, name in columns.items() if "corner" not in role}
    named = {"id": config.id_col, "time": config.time_col, "geometry": config.geometry_col}
    columns |= {role: name for role, name in named.items() if name is not None}
    missing = [name for name in columns.values() if name not in header]
    if missing:
        raise InputError(f"{path}: expected a column {missing[0]!r}, found {', '.join(header) or 'none'}")
    for role in ("id", "time"):
        if role not in columns:
            raise InputError(
                f"{path}: expected a column with the {role} (name it by --id-col and --time-col), "
                f"found {', '.join(header) or 'none'}"
            )
    return columns


def _on_day(day: str | None, time: str | None) -> str | None:
    """A time, with the day that it lacks where it is that of a clock."""
    return f"{day.replace('/', '-')}T{time}" if day and time and _CLOCK.match(time) else time


class _Row:
    """A row of a CSV, what its cells hold by role, read when called: one bad row does not end the file."""

    __slots__ = ("_get", "_kind")

    def __init__(self, cells: Mapping[str, str], kind: str) -> None:
        self._get, self._kind = cells.get, kind

    def __call__(self) -> tuple[Record, bool]:
        get = self._get
        scene_id = get("id")
        if scene_id is None:
            raise RejectedError("no_id", "has no id")
        found = kind_of_id(scene_id)
        if found is not None and found != self._kind:
            raise LeftAloneError
        try:
            time, naive = self._time()
        except RejectedError as error:
            raise RejectedError(error.reason, str(error), scene_id) from error
        planet = self._kind == "planet"
        path, row = (None, None) if planet else path_and_row(scene_id, get("wrs_path"), get("wrs_row"))
        stated = get("instrument")
        return Record(
            scene_id=scene_id,
            acquired=time,
            platform="planetscope" if planet else landsat_platform(scene_id, get("platform")),
            geometry=self._geometry(),
            cloud_cover=percent(get("cloud_cover")),
            snow_cover=percent(get("snow_cover")),
            sun_elevation=number(get("sun_elevation")),
            wrs_path=path,
            wrs_row=row,
            instrument=stated if planet else landsat_instrument(scene_id, stated),
        ), naive

    def _time(self) -> tuple[datetime, bool]:
        """The centre of start and stop where both are there; USGS's clock times go with a day."""
        start, stop, day = self._get("time"), self._get("stop"), self._get("day")
        clock = bool(start and day and _CLOCK.match(start))
        time, naive = parse_time(_on_day(day, start))
        if stop is None:
            return time, naive and day is None
        end = parse_time(_on_day(day, stop))[0]
        if clock and end < time:  # the pass went on after midnight
            end += timedelta(days=1)
        return time + (end - time) / 2, False

    def _geometry(self) -> object:
        text = self._get("geometry")
        if text is None:
            return self._corners()
        if not text.startswith("{"):
            return text
        try:
            found = parse_json(text)
        except ValueError:
            return text
        # Earth Engine writes an empty MultiPoint where a feature has no geometry.
        return found if found.get("coordinates") or found.get("geometries") else self._corners()

    def _corners(self) -> object:
        for corners in CORNERS:
            ring = [
                [number(self._get(f"{corner}_{axis}")) for axis in ("lon", "lat")]
                for corner in (*corners, corners[0])
            ]
            if None not in chain(*ring):
                return {"type": "Polygon", "coordinates": [ring]}
        return None
