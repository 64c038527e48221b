"""`classify_rows` called as a scene's windows call it, and what it is compared with, in slow numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catfast import _core

CODES = np.array([0, 1, 2, 4, 0], np.uint8)
ROUNDING = 1e-6
"""Share of a neighbour that 32 bits may not see: a pixel may lie on another's centre but for its last bit."""

Grid = dict[str, npt.NDArray]
"""``acc`` (C, h, w) and ``weight`` (h, w); ``coarse`` (h, w) where edges are guided."""


def spread(cells: npt.NDArray, size: tuple[int, ...], factor: tuple[float, float]) -> npt.NDArray:
    """Bilinear, by pixel centres, clamped: (..., H, W)."""

    def near(count: int, cells: int, factor: float) -> npt.NDArray:
        place = np.clip((np.arange(count) + 0.5) / factor - 0.5, 0, cells - 1)
        return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(cells)))

    down, across = (near(size[k], cells.shape[k - 2], factor[k]) for k in (0, 1))
    return down @ cells @ across.T


def classify(
    grid: Grid,
    valid: npt.NDArray[np.uint8],
    factor: tuple[float, float],
    threshold: float | None,
    span: tuple[int, int],
    fine: npt.NDArray[np.uint16] | None = None,
) -> tuple[npt.NDArray, npt.NDArray, list[int]]:
    """Codes, percentages and counts of scene rows ``span``, from no more grid rows than they need."""
    (classes, height, _), (first, last) = grid["acc"].shape, span
    reach = 0 if fine is None else _core.GUIDE_REACH
    low, high = (int(np.floor((y + 0.5) / factor[0] - 0.5)) for y in span)
    low = min(max(low - reach, 0), height - 1)
    high = min(max(high + 2 + reach, low + 1), height)
    out = np.full((last - first, valid.shape[1]), 9, np.uint8)
    percent = np.full((classes, *out.shape), 9, np.uint8)
    counts = _core.classify_rows(
        np.ascontiguousarray(grid["acc"][:, low:high]),
        grid["weight"][low:high],
        valid[first:last],
        out,
        factor=factor,
        first_row=first,
        grid_row=low,
        codes=CODES[:classes],
        threshold=threshold,
        cloud=1,
        confidence=percent,
        guide=None if fine is None else (fine[first:last], grid["coarse"][low:high]),
    )
    return out, percent, counts
