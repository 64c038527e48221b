"""Where the pixels of one grid lie on another: PROJ at sparse nodes, dense enough for straight lines between.

A bilinear patch is off by at most h²/8 (|f_xx| + |f_yy|), h pixels between nodes. The second
differences of the nodes themselves estimate h² f_xx and h² f_yy, so that no further point has to be
transformed. (The middles of cells would not do as a check: between conformal grids, as UTM and polar
stereographic ones are, f_xx = -f_yy and the error vanishes just there.) Where denser nodes are needed
they are interpolated cubically, off by 3/128 h^4 f_xxxx, which fourth differences estimate; PROJ is
asked for more only where that is not good enough either.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

from catfast.raster import Grid

WIDEST_STEP = 64
"""Most destination pixels between nodes."""

PROJ_STEP = 256
"""Destination pixels between the places that PROJ is asked for at first."""

TOLERANCE = 1e-6
"""Largest error that straight lines may add, source pixels."""

CUBIC_TOLERANCE = 1e-7
"""Largest error that cubic lines may add to that."""

SPAN = 2048
"""Target rows whose nodes are made at a time: each call of PROJ costs as much as hundreds of places."""

FINEST_HELD = 8
"""Smallest step whose nodes are held for a whole span; denser ones are many, and made as they are needed."""

Nodes = npt.NDArray[np.float64]


class Mapper:
    """From pixels of the grid ``target`` to pixels of the grid ``source``."""

    def __init__(self, source: Grid, target: Grid) -> None:
        self._source = source
        self._target = target
        self._transformer, self._wraps = _transformer(_wkt(target), _wkt(source))
        self._span, self._held = -1, (np.empty((0, 0, 2)), 1, 0)

    def locate(self, rows: npt.ArrayLike, columns: npt.ArrayLike) -> Nodes:
        """Source (row, column) of the centres of target pixels, (..., 2); not finite where PROJ has none.

        Both count in pixels from the source's upper left corner, so that pixel (r, c) spans r to r + 1.
        """
        a, b, c, d, e, f = self._target.transform[:6]
        row, column = np.asarray(rows, np.float64) + 0.5, np.asarray(columns, np.float64) + 0.5
        x, y = a * column + b * row + c, d * column + e * row + f
        if self._transformer is not None:
            x, y = self._transformer.transform(x, y)
        if self._wraps:
            x = self._near_source(np.asarray(x))
        a, b, c, d, e, f = (~self._source.transform)[:6]
        origin = self._source.transform
        # Relative to the source's corner, so that no digits are lost on large coordinates.
        x, y = np.asarray(x) - origin.c, np.asarray(y) - origin.f
        with np.errstate(invalid="ignore"):
            return np.stack([d * x + e * y, a * x + b * y], axis=-1)

    def _near_source(self, longitude: Nodes) -> Nodes:
        """The turn of each longitude that is nearest to the source's middle."""
        grid = self._source
        middle = grid.transform @ (grid.width / 2, grid.height / 2)
        with np.errstate(invalid="ignore"):
            return np.asarray(longitude - 360.0 * np.round((longitude - middle[0]) / 360.0))

    def nodes(self, first_row: int, stop_row: int) -> tuple[Nodes, int, int]:
        """Nodes around target rows ``first_row`` to ``stop_row``: (gh, gw, 2), the step, the first row.

        The same for the same rows; nodes of the same step are the same for all rows.
        """
        span = first_row // SPAN
        end = min((span + 1) * SPAN, self._target.height)
        if stop_row > end:
            return self._nodes(first_row, stop_row)
        if self._span != span:
            self._span, self._held = span, self._nodes(span * SPAN, end)
        nodes, step, low = self._held
        if step < FINEST_HELD:
            self._held = np.empty((0, 0, 2)), step, low
            return self._nodes(first_row, stop_row)
        top, bottom = first_row // step, (stop_row - 1) // step + 1
        return nodes[top - low : bottom - low + 1], step, top

    def _nodes(self, first_row: int, stop_row: int) -> tuple[Nodes, int, int]:
        """:meth:`nodes`, made for these rows alone."""
        step = WIDEST_STEP if self._transformer is None else PROJ_STEP
        while True:
            # One node more on each side than cells need: cubic lines and fourth differences take them.
            low, high = first_row // step, (stop_row - 1) // step + 1
            rows = np.arange(low - 1, max(high, low + 2) + 2) * step
            columns = np.arange(-1, max((self._target.width - 1) // step + 1, 2) + 2) * step
            nodes = self.locate(rows[:, None], columns)
            parts = 1 if self._transformer is None else min(_parts(nodes, step), step)
            if parts == 1:
                return np.ascontiguousarray(nodes[1:-1, 1:-1]), step, low
            if np.isfinite(nodes).all() and _bend(nodes, 4) * 3 / 128 <= CUBIC_TOLERANCE:
                dense = _cubic(_cubic(nodes, parts).swapaxes(0, 1), parts).swapaxes(0, 1)
                return np.ascontiguousarray(dense), step // parts, low * parts
            step //= 2


def _wkt(grid: Grid) -> str:
    if grid.crs is None:
        raise ValueError("the grid has no CRS")
    return str(grid.crs.to_wkt())


@lru_cache(maxsize=64)
def _transformer(from_wkt: str, to_wkt: str) -> tuple[Transformer | None, bool]:
    """None between equal CRS; and whether what comes out are longitudes. Milliseconds, and zones are few."""
    from_crs, to_crs = CRS.from_wkt(from_wkt), CRS.from_wkt(to_wkt)
    same = from_crs == to_crs
    return None if same else Transformer.from_crs(from_crs, to_crs, always_xy=True), to_crs.is_geographic


def _parts(nodes: Nodes, step: int) -> int:
    """Parts of a step for straight lines to be within the tolerance: a power of 2."""
    worst = _bend(nodes, 2) / 8
    halvings = 0 if worst <= TOLERANCE else int(np.ceil(np.log2(worst / TOLERANCE) / 2))
    return max(1 << halvings, step // WIDEST_STEP)


def _bend(nodes: Nodes, order: int) -> float:
    """Largest difference of an order down the rows plus that along the columns."""
    with np.errstate(invalid="ignore"):
        bends = [np.abs(np.diff(nodes, order, axis=axis)) for axis in (0, 1)]
    return sum(float(bend[np.isfinite(bend)].max(initial=0.0)) for bend in bends)


def _cubic(nodes: Nodes, parts: int) -> Nodes:
    """``nodes`` (n, ...) but the first and last, and ``parts`` - 1 more in each gap (Lagrange, 4 points)."""
    t = (np.arange(parts) / parts)[:, None, None]
    weights = (
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    )
    gaps = len(nodes) - 3
    dense = sum(weight * nodes[k : k + gaps, None] for k, weight in enumerate(weights))
    return np.concatenate([np.asarray(dense).reshape(gaps * parts, *nodes.shape[1:]), nodes[-2:-1]])
