"""Which windows of a scene are read one after the other, so that memory hardly grows with its width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catfast.raster import RasterInfo

Span = tuple[int, int]
"""The first, and the one after the last."""

ROWS = 256
"""Rows of a window, rounded up to whole TIFF blocks."""

FEWEST_ROWS = 32
"""Rows of a window over the widest of scenes: blocks are then decoded several times."""

PIXEL_BYTES = 24 << 20
"""Bytes of the pixels of a window, about."""

KEPT_BYTES = 144 << 20
"""Bytes, about, of what is made of all windows of the same rows."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Spans of rows, and of columns in each of them."""

    rows: Sequence[Span]
    """From top to bottom."""
    columns: Sequence[Span]
    """From left to right."""

    @classmethod
    def plan(cls, info: RasterInfo, bands: int, *, kept: float) -> Windows:
        """Windows of whole TIFF blocks where memory allows for that.

        Args:
            info: the scene.
            bands: how many are read.
            kept: bytes a pixel of what is made of the windows.
        """
        width, height = info.grid.width, info.grid.height
        strips = info.block_columns >= width
        pixel = bands * max(2, np.dtype("f4" if info.dtype == "mixed" else info.dtype).itemsize)
        most = KEPT_BYTES / (width * kept)
        if strips:
            most = min(most, PIXEL_BYTES / (width * pixel))
        rows = _rows(info.block_rows, most, max(FEWEST_ROWS, info.block_rows if strips else 0))
        decoded = math.ceil(rows / info.block_rows) * info.block_rows * pixel
        columns = width if strips else _columns(width, info.block_columns, PIXEL_BYTES / decoded)
        return cls(_spans(height, rows), _spans(width, columns))


def _rows(block: int, most: float, fewest: int) -> int:
    """Whole blocks; a half, a quarter, ... of them where that is more than ``most``."""
    rows = math.ceil(ROWS / block) * block
    while rows > most and rows // 2 >= fewest:
        rows //= 2
    return rows


def _columns(width: int, block: int, most: float) -> int:
    """Whole blocks, and about as many in each window."""
    count = max(1, math.ceil(width / most))
    return math.ceil(width / count / block) * block


def _spans(length: int, step: int) -> list[Span]:
    return [(start, min(start + step, length)) for start in range(0, length, step)]
