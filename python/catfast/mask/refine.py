"""What is done to finished rows of a mask: regions too small are dropped, clouds and shadows get a margin.

Both look beyond the rows at hand, so rows come out later than they go in, and the same however they came.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import CLASS_CODES, NODATA
from catfast.errors import UsageError

Codes = npt.NDArray[np.uint8]

CLOUDY = np.array([CLASS_CODES["cloud"], CLASS_CODES["shadow"]], np.uint8)
"""Codes that are dropped where small, and that grow; cloud before shadow."""

CHUNK_ROWS = 512
"""Rows worked on at once, at least."""

MOST_PIXELS = 10_000
"""Largest least region, pixels: as many rows may have to be held."""

FARTHEST_PIXELS = 2_000
"""Widest margin, pixels."""

ROUNDED = 1 + 1e-9
"""Allows for binary fractions: three pixels of 3.7 m are 11.100000000000001 m, of a margin of 11.1 m."""


@dataclass(slots=True)
class RowFilter:
    """Feeds ``work`` with rows and the ``reach`` rows on either side of them."""

    reach: int
    """Rows above and below that can decide a row."""
    work: Callable[[Codes, int, int], Codes]
    """From rows (h, width), the first of interest and their number, to those rows (n, width)."""
    _held: list[Codes] = field(default_factory=list)
    _above: int = 0

    def push(self, rows: Codes, *, last: bool = False) -> Codes:
        """Take the next rows; return those now decided, (n, width): all that are left when ``last``."""
        self._held.append(rows)
        held = sum(len(part) for part in self._held)
        ready = held - self._above - (0 if last else self.reach)
        if ready < (1 if last else max(CHUNK_ROWS, self.reach)):
            return rows[:0]
        window = np.concatenate(self._held) if len(self._held) > 1 else np.ascontiguousarray(self._held[0])
        done = self.work(window, self._above, ready)
        keep = min(self.reach, self._above + ready)
        self._held = [window[self._above + ready - keep :]]
        self._above = keep
        return done


class Refinement:
    """The steps that were asked for, one after the other."""

    def __init__(self, filters: Sequence[RowFilter]) -> None:
        self._filters = filters

    @classmethod
    def plan(cls, gsd_m: tuple[float, float], *, min_area_m2: float, buffer_m: float) -> Refinement:
        """Drop regions under ``min_area_m2``, then grow by ``buffer_m``; ``gsd_m`` is down and across.

        Raises:
            UsageError: the area or the margin is too many pixels.
        """
        filters = []
        least = math.ceil(min_area_m2 / (gsd_m[0] * gsd_m[1] * ROUNDED))
        if least > MOST_PIXELS:
            most = MOST_PIXELS * gsd_m[0] * gsd_m[1]
            raise UsageError(f"--min-area of {min_area_m2:g} m2 is too large here: at most {most:.0f} m2")
        if least > 1:
            filters.append(RowFilter(least, lambda rows, start, count: _drop(rows, start, count, least)))
        buffer_m *= ROUNDED
        reach = int(buffer_m / gsd_m[0])
        if max(reach, buffer_m / gsd_m[1]) > FARTHEST_PIXELS * ROUNDED:
            most = FARTHEST_PIXELS * min(gsd_m)
            raise UsageError(f"--buffer of {buffer_m:g} m is too wide here: at most {most:.0f} m")
        if buffer_m >= min(gsd_m):
            filters.append(
                RowFilter(reach, lambda rows, start, count: _grow(rows, start, count, buffer_m, gsd_m))
            )
        return cls(filters)

    def __bool__(self) -> bool:
        return bool(self._filters)

    def push(self, rows: Codes, *, last: bool = False) -> Codes:
        """Take the next rows of codes (n, width); return those that are final."""
        for step in self._filters:
            rows = step.push(rows, last=last)
        return rows


def _drop(rows: Codes, start: int, count: int, least: int) -> Codes:
    out = np.empty_like(rows)
    _core.drop_small(rows, out, kinds=CLOUDY, least=least, cleared=CLASS_CODES["clear"])
    return out[start : start + count]


def _grow(rows: Codes, start: int, count: int, radius: float, gsd_m: tuple[float, float]) -> Codes:
    out = np.empty((count, rows.shape[1]), np.uint8)
    _core.grow_codes(rows, out, first=start, grow=CLOUDY, radius=radius, gsd=gsd_m, nodata=NODATA)
    return out
