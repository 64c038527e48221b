"""Rasters that are no single file: an array in memory, or one band each of several files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.errors import InputError
from catfast.raster.grid import Grid
from catfast.raster.memory import Memory
from catfast.raster.read import Raster, RasterInfo

__all__ = ["ArrayRaster", "StackedRaster"]


class ArrayRaster(Raster):
    """An array (bands, height, width) that is read as a file would be."""

    def __init__(
        self,
        pixels: npt.NDArray[Any],
        grid: Grid,
        name: Path,
        *,
        nodata: float | None = None,
        descriptions: Sequence[str | None] | None = None,
    ) -> None:
        count = pixels.shape[0]
        self._pixels = pixels
        self.info = RasterInfo(
            path=name,
            grid=grid,
            count=count,
            dtype=pixels.dtype.name,
            nodata=nodata,
            descriptions=(None,) * count if descriptions is None else tuple(descriptions),
            has_alpha=False,
            has_gcps=False,
            scales=(1.0,) * count,
            offsets=(0.0,) * count,
            tags={},
            block_rows=1,
            block_columns=1,
        )

    def read_window(
        self,
        bands: Sequence[int],
        rows: tuple[int, int],
        columns: tuple[int, int],
        memory: Memory | None = None,
    ) -> npt.NDArray[Any]:
        """See :class:`Raster`."""
        window = self._pixels[[band - 1 for band in bands], rows[0] : rows[1], columns[0] : columns[1]]
        return np.ascontiguousarray(window)


class StackedRaster(Raster):
    """The first band of each of several open files of one grid, in their order."""

    def __init__(self, parts: Sequence[Raster], name: Path) -> None:
        first = parts[0].info
        for part in parts[1:]:
            sizes = [(info.grid.width, info.grid.height) for info in (first, part.info)]
            if sizes[0] != sizes[1]:
                raise InputError(
                    f"{part.info.path}: expected {sizes[0][0]} x {sizes[0][1]} pixels as in "
                    f"{first.path.name}, found {sizes[1][0]} x {sizes[1][1]}"
                )
        self._parts = parts
        self.info = replace(
            first,
            path=name,
            count=len(parts),
            descriptions=(None,) * len(parts),
            scales=tuple(part.info.scales[0] for part in parts),
            offsets=tuple(part.info.offsets[0] for part in parts),
        )

    def read_window(
        self,
        bands: Sequence[int],
        rows: tuple[int, int],
        columns: tuple[int, int],
        memory: Memory | None = None,
    ) -> npt.NDArray[Any]:
        """See :class:`Raster`."""
        return np.concatenate([self._parts[band - 1].read_window([1], rows, columns) for band in bands])
