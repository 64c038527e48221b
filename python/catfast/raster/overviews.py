"""Overviews of a band of codes, made while its rows are written."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import rasterio.shutil
from affine import Affine

from catfast import _core
from catfast.raster.gdal import GDAL_ERRORS
from catfast.raster.grid import Grid
from catfast.raster.grid_writer import GridWriter

Codes = npt.NDArray[np.uint8]


class Overviews:
    """Files of a half, a quarter, ... of the rows of ``base``, down to one tile, beside it.

    Each pixel is the most frequent of four of the level before (``_core.halve_codes``).
    """

    def __init__(self, base: Path, grid: Grid, nodata: int) -> None:
        self._base, self._nodata = base, nodata
        self._levels: list[_Level] = []
        while max(grid.width, grid.height) > GridWriter.TILE:
            grid = Grid(
                width=-(-grid.width // 2),
                height=-(-grid.height // 2),
                transform=grid.transform @ Affine.scale(2),
                crs=grid.crs,
            )
            path = base.with_suffix(f".{2 ** (len(self._levels) + 1)}.tif")
            self._levels.append(_Level(path, grid, nodata))

    def append(self, rows: Codes) -> None:
        """Add the next rows of the base, (n, width)."""
        self._feed(rows, last=False)

    def join(self) -> Path:
        """Finish; the path of a dataset that is the base with these overviews."""
        self._feed(np.empty((0, 0), np.uint8), last=True)
        for level in self._levels:
            level.writer.close()
        joined = self._base.with_suffix(".vrt")
        rasterio.shutil.copy(self._base, joined, driver="VRT")
        overviews = "".join(
            f'<Overview><SourceFilename relativeToVRT="0">{escape(str(level.path.absolute()))}'
            "</SourceFilename><SourceBand>1</SourceBand></Overview>"
            for level in self._levels
        )
        text = joined.read_text(encoding="utf-8")
        joined.write_text(text.replace("</VRTRasterBand>", f"{overviews}</VRTRasterBand>"), encoding="utf-8")
        return joined

    def discard(self) -> None:
        """Close what is still open; whoever made the base removes all files whose names begin as its does."""
        for level in self._levels:
            with suppress(*GDAL_ERRORS):
                level.writer.close()

    def _feed(self, rows: Codes, *, last: bool) -> None:
        for level in self._levels:
            rows = level.take(rows, self._nodata, last=last)


class _Level:
    """One overview; an odd row waits for the next."""

    def __init__(self, path: Path, grid: Grid, nodata: int) -> None:
        self.path = path
        path.touch()
        self.writer = GridWriter(path, grid, 1, nodata=nodata, passing=True)
        self._waiting: Codes | None = None

    def take(self, rows: Codes, nodata: int, *, last: bool) -> Codes:
        """Take rows of the level before; return those that are new here."""
        if self._waiting is not None:
            rows = np.concatenate([self._waiting, rows]) if rows.size else self._waiting
        whole = len(rows) if last else len(rows) // 2 * 2
        self._waiting = rows[whole:].copy() if whole < len(rows) else None
        halved = np.empty((-(-whole // 2), -(-rows.shape[1] // 2)), np.uint8)
        if whole:
            _core.halve_codes(np.ascontiguousarray(rows[:whole]), halved, nodata)
            self.writer.append(halved[None])
        return halved
