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
    """A tiled uint8 GeoTIFF that takes rows from top to bottom, buffered to whole tiles.

    ``passing``: the file is only a step on the way to another.
    """

    TILE = 512
    LOW_TILE = 128
    """Rows of a tile of a file that is only a step on the way, where it is wide: a row of tiles is held."""
    WIDE = 32768
    """Columns from which on it is."""

    def __init__(
        self,
        path: Path,
        grid: Grid,
        count: int,
        *,
        nodata: int | None,
        passing: bool = False,
        **compression: Any,
    ) -> None:
        self._tile_rows = self.LOW_TILE if passing and grid.width > self.WIDE else self.TILE
        self._dataset = rasterio.open(
            path,
            "w",
            **tiff_profile(grid, count, "uint8", nodata),
            tiled=True,
            blockxsize=self.TILE,
            blockysize=self._tile_rows,
            num_threads="ALL_CPUS",
            **(compression or {"compress": "zstd", "zstd_level": 1}),
        )
        self._pending = np.empty((count, 0, grid.width), np.uint8)
        self._pending_rows = 0
        self._row = 0

    def append(self, rows: npt.NDArray[np.uint8]) -> None:
        """Add the next rows, shape (count, n, width)."""
        done = 0
        while done < rows.shape[1]:
            done += self._take(rows[:, done:])

    def _take(self, rows: npt.NDArray[np.uint8]) -> int:
        """Write or keep some of ``rows``; their number."""
        height = int(rows.shape[1])
        whole = height // self._tile_rows * self._tile_rows
        if whole and not self._pending_rows:
            self._write(rows[:, :whole])
            return whole
        if not self._pending.size:
            self._pending = np.empty((rows.shape[0], self._tile_rows, rows.shape[2]), np.uint8)
        start = self._pending_rows
        count = min(self._tile_rows - start, height)
        self._pending[:, start : start + count] = rows[:, :count]
        self._pending_rows += count
        if self._pending_rows == self._tile_rows:
            self._flush()
        return count

    def _flush(self) -> None:
        count, self._pending_rows = self._pending_rows, 0
        self._write(self._pending[:, :count])

    def _write(self, rows: npt.NDArray[np.uint8]) -> None:
        self._dataset.write(rows, window=Window(0, self._row, rows.shape[2], rows.shape[1]))
        self._row += rows.shape[1]

    def close(self) -> None:
        """Write what is left and close the file; may be called again."""
        if self._dataset.closed:
            return
        try:
            if self._pending_rows:
                self._flush()
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
