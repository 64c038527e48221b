"""Write a tiled GeoTIFF from top to bottom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window

from catfast.raster.grid import Grid


class GridWriter:
    """A tiled uint8 GeoTIFF that takes rows from top to bottom, buffered to whole tiles."""

    TILE = 512

    def __init__(self, path: Path, grid: Grid, count: int, *, nodata: int | None, **compression: Any) -> None:
        self._dataset = rasterio.open(
            path,
            "w",
            **tiff_profile(grid, count, "uint8", nodata),
            tiled=True,
            blockxsize=self.TILE,
            blockysize=self.TILE,
            num_threads="ALL_CPUS",
            **(compression or {"compress": "zstd", "zstd_level": 1}),
        )
        self._pending: list[npt.NDArray[np.uint8]] = []
        self._pending_rows = 0
        self._row = 0

    def append(self, rows: npt.NDArray[np.uint8]) -> None:
        """Add the next rows, shape (count, n, width)."""
        self._pending.append(rows)
        self._pending_rows += rows.shape[1]
        whole = self._pending_rows // self.TILE * self.TILE
        if whole:
            self._flush(whole)

    def _flush(self, count: int) -> None:
        rows = self._pending[0] if len(self._pending) == 1 else np.concatenate(self._pending, axis=1)
        window = Window(0, self._row, rows.shape[2], count)
        self._dataset.write(rows[:, :count], window=window)
        self._row += count
        self._pending_rows -= count
        self._pending = [rows[:, count:].copy()] if self._pending_rows else []

    def close(self) -> None:
        """Write what is left and close the file; may be called again."""
        if self._dataset.closed:
            return
        try:
            if self._pending_rows:
                self._flush(self._pending_rows)
        finally:
            self._dataset.close()


def tiff_profile(grid: Grid, count: int, dtype: str, nodata: float | None) -> dict[str, Any]:
    """What rasterio needs to know of a new GeoTIFF."""
    return {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": count,
        "dtype": dtype,
        "crs": grid.crs,
        "transform": grid.transform,
        "nodata": nodata,
        "BIGTIFF": "IF_SAFER",
    }
