"""Rings in longitude and latitude, cut to the surroundings of a grid before they are projected.

A projection has no place for what lies on the other side of the globe, or folds it over the grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catfast.raster.grid import Grid

if TYPE_CHECKING:
    from pyproj import Transformer

Ring = npt.NDArray[np.float64]
"""Corners (n, 2) of longitude and latitude, the last one as the first."""

Box = tuple[float, float, float, float]
"""West, south, east and north."""

EVERYWHERE: Box = (-math.inf, -math.inf, math.inf, math.inf)

MARGIN_DEGREES = 1.0
"""Edges along which rings are cut stay so far from a grid."""

WIDE_DEGREES = 90.0
"""A grid that reaches so far east and west of its middle lies at a pole: any longitude may be near."""

STEPS = 21
"""Places along each side of a grid that are looked at."""


def box_round(grid: Grid, transformer: Transformer) -> tuple[Box, tuple[int, ...]]:
    """A box round a grid, and the turns by which rings may have to be moved into it.

    Longitudes of rings may be counted from -180, from 0, or beyond 180; round a pole all of them are near.

    Args:
        grid: with a CRS.
        transformer: from longitude and latitude to that CRS.
    """
    steps = np.linspace(0, 1, STEPS)
    pixels: Any = [part.ravel() for part in np.meshgrid(steps * grid.width, steps * grid.height)]
    x, y = grid.transform @ pixels
    lon, lat = transformer.transform(x, y, direction="INVERSE")
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return EVERYWHERE, (0,)
    south, north = float(lat.min()) - MARGIN_DEGREES, float(lat.max()) + MARGIN_DEGREES
    middle = float(lon[len(lon) // 2])
    aside = (lon - middle + 180) % 360 - 180
    if np.abs(aside).max() >= WIDE_DEGREES:
        return (-math.inf, south, math.inf, north), (0,)
    west, east = middle + float(aside.min()) - MARGIN_DEGREES, middle + float(aside.max()) + MARGIN_DEGREES
    return (west, south, east, north), (-360, 0, 360)


def cut_rings(rings: Sequence[Ring], turn: int, box: Box) -> list[Ring]:
    """What of a polygon's rings, moved east by a turn, lies in a box; none where its first one lies outside.

    Sutherland and Hodgman, CACM 17 (1974): parts may stay joined along the box, where they fill nothing.
    """
    kept: list[Ring] = []
    for ring in rings:
        ring = ring + np.array([turn, 0])
        for side, limit in enumerate(box):
            ring = _cut(ring, side % 2, limit, 1 if side < 2 else -1)
        if not kept and not len(ring):
            return []
        kept.append(ring)
    return [ring for ring in kept if len(ring)]


def _cut(ring: Ring, axis: int, limit: float, sign: int) -> Ring:
    """What of a ring lies above (``sign`` 1) or below (-1) a limit."""
    inside = sign * (ring[:, axis] - limit) >= 0
    if inside.all():
        return ring
    kept, crossed = np.flatnonzero(inside[:-1]), np.flatnonzero(inside[:-1] != inside[1:])
    start, way = ring[crossed], ring[crossed + 1] - ring[crossed]
    met = start + way * ((limit - start[:, axis]) / way[:, axis])[:, None]
    order = np.argsort(np.concatenate([2 * kept, 2 * crossed + 1]))
    points = np.concatenate([ring[kept], met])[order]
    return np.concatenate([points, points[:1]])
