"""Times as the providers write them, to UTC."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.catalog.record import RejectedError

EARLIEST = datetime(1972, 7, 23, tzinfo=UTC)
"""Launch of the first Landsat."""
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_UTC = re.compile(r"([+-]\d\d:?\d\d)? ?(?:UTC|GMT|z)$")
_DAY_OF_YEAR = re.compile(r"(\d{4})[:-](\d{3})[:T ](\d\d:\d\d:\d\d)(\.\d*)?Z?$")
_DAY_ONLY = re.compile(r"\d{4}([-/]?)\d\d\1\d\d$")
_NUMBER = re.compile(r"\d+(\.\d*)?([eE]\+?\d+)?$")


def parse_time(value: Any) -> tuple[datetime, bool]:
    """A time in UTC to the microsecond, and whether it was naive (taken for UTC).

    Takes ISO 8601, a year and day of the year as USGS writes them, datetimes, and times since 1970: in
    milliseconds as Earth Engine does, ``1.685622896123E12`` in its CSVs, else in seconds or microseconds: the
    years from 1972 to 2099 tell which.

    Raises:
        RejectedError: ``no_time`` or ``bad_time``.
    """
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        raise RejectedError("no_time", "has no time")
    try:
        time = value if isinstance(value, datetime) else _parse(str(value).strip())
        naive = time.tzinfo is None
        time = time.replace(tzinfo=UTC) if naive else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RejectedError("bad_time", f"expected a time, found {value!r}") from error
    if not EARLIEST <= time < LATEST:
        raise RejectedError("bad_time", f"expected a time from 1972 to 2099, found {value!s}")
    return time, naive


def epoch_ms(times: Sequence[datetime]) -> npt.NDArray[np.int64]:
    """Milliseconds since 1970, rounded to the nearest, to the even of two."""
    import pyarrow as pa

    microseconds = np.asarray(pa.array(times, pa.timestamp("us", "UTC")).view("int64"), np.int64)
    whole, rest = np.divmod(microseconds, 1000)
    milliseconds: npt.NDArray[np.int64] = whole + ((rest > 500) | ((rest == 500) & (whole % 2 == 1)))
    return milliseconds


def _parse(text: str) -> datetime:
    if text.endswith(("UTC", "GMT", "z")):
        text = _UTC.sub(lambda found: found[1] or "Z", text)
    if text[4:5] == "-" and text[10:11] in ("T", " ", "t"):  # by far the most
        return datetime.fromisoformat(text)
    if _DAY_ONLY.match(text):
        raise RejectedError("no_time", f"has a day but no time of day: {text}")
    if _NUMBER.match(text):
        return _since_1970(float(text))
    if match := _DAY_OF_YEAR.match(text):
        year, day, clock, fraction = match.groups()
        start = datetime.fromisoformat(f"{year}-01-01T{clock}{(fraction or '.0').ljust(2, '0')[:7]}+00:00")
        found = start + timedelta(days=int(day) - 1)
        if found.year != start.year:
            raise ValueError("no such day in the year")
        return found
    return datetime.fromisoformat(text.replace("/", "-"))


def _since_1970(number: float) -> datetime:
    """Whichever of milliseconds, seconds and microseconds makes it a time that can be."""
    for seconds in (number / 1e3, number, number / 1e6):
        if EARLIEST.timestamp() <= seconds < LATEST.timestamp():
            return EPOCH + timedelta(seconds=seconds)
    raise ValueError("far from any scene")
