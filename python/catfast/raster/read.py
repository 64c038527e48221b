"""Open a GeoTIFF without trusting it, and read it by bands of rows."""

from __future__ import annotations

import stat
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from catfast.errors import InputError
from catfast.raster.blockarea import Span
from catfast.raster.blocks import Blocks
from catfast.raster.gdal import CACHE, GDAL_ERRORS, SAFE_ENV, reason
from catfast.raster.grid import Grid
from catfast.raster.layout import BlockLayout
from catfast.raster.memory import Memory

DEFAULT_MAX_SAMPLES = 1 << 32
"""Largest accepted width x height x bands: a 4-band scene of 32,768 x 32,768."""

MAX_BLOCK_SAMPLES = 1 << 28
"""Largest accepted TIFF block (samples): GDAL holds whole blocks in memory."""

VERIFY = ("auto", "always", "never")
"""``auto`` compares checksums of compressed blocks where there are any, ``always`` refuses a file without,
``never`` trusts the file and leaves all of it to GDAL."""

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First four bytes of classic TIFF and BigTIFF, either byte order (TIFF 6.0; BigTIFF design)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterInfo:
    """What a file says of itself before any pixel is read."""

    path: Path
    """The file."""
    grid: Grid
    """Its pixel grid."""
    count: int
    """Bands."""
    dtype: str
    """Sample type, e.g. ``uint16``; all bands share it."""
    nodata: float | None
    """The nodata tag."""
    descriptions: tuple[str | None, ...]
    """Band descriptions."""
    has_alpha: bool
    """Whether a band is declared to be alpha."""
    has_gcps: bool
    """Whether the file is placed by ground control points instead of a transform."""
    scales: tuple[float, ...]
    """GDAL scale of each band, 1 when not set."""
    offsets: tuple[float, ...]
    """GDAL offset of each band, 0 when not set."""
    tags: Mapping[str, str]
    """Dataset tags."""
    block_rows: int
    """Rows of one TIFF block."""
    block_columns: int
    """Columns of one."""


class Raster:
    """An open GeoTIFF that is read by bands of rows."""

    def __init__(self, dataset: Any, info: RasterInfo, layout: BlockLayout | None) -> None:
        self._dataset = dataset
        self._blocks = None if layout is None else Blocks(info.path, layout, self._read)
        self.info = info
        self._path = info.path.absolute()
        self._stamp = _stamp(self._path)

    def read_rows(
        self, bands: Sequence[int], start: int, stop: int, memory: Memory | None = None
    ) -> npt.NDArray[Any]:
        """Rows ``start`` to ``stop`` of ``bands`` (1-based), shape (bands, stop - start, width).

        ``memory`` is used again for them where that can be.

        Raises:
            InputError: the pixels cannot be decoded.
        """
        return self.read_window(bands, (start, stop), (0, self.info.grid.width), memory)

    def read_window(
        self,
        bands: Sequence[int],
        rows: tuple[int, int],
        columns: tuple[int, int],
        memory: Memory | None = None,
    ) -> npt.NDArray[Any]:
        """``bands`` (1-based) from the first to before the last of ``rows`` and ``columns``.

        Raises:
            InputError: the pixels cannot be decoded, are not what their checksums say, or the file changed
                since it was opened.
        """
        try:
            if self._blocks is not None:
                pixels = self._blocks.read(bands, rows, columns, memory)
            else:
                pixels = self._read(bands, rows, columns)
        except (*GDAL_ERRORS, MemoryError) as error:
            raise InputError(
                f"{self.info.path}: rows {rows[0]} to {rows[1]} cannot be read (truncated or corrupt file): "
                f"{reason(error)}"
            ) from error
        if _stamp(self._path) != self._stamp:
            raise InputError(f"{self.info.path}: changed while it was read")
        return pixels

    def _read(self, bands: Sequence[int], rows: Span, columns: Span) -> npt.NDArray[Any]:
        window = Window(columns[0], rows[0], columns[1] - columns[0], rows[1] - rows[0])
        return np.asarray(self._dataset.read(list(bands), window=window))

    def preview(self, bands: Sequence[int], side: int, *, average: bool) -> npt.NDArray[Any]:
        """``bands`` (1-based) made smaller, (bands, h, w), so that neither side is longer than ``side``.

        Args:
            bands: which.
            side: pixels.
            average: mean of what a pixel covers, by way of the file's overviews; else the nearest.

        Raises:
            InputError: the pixels cannot be decoded.
        """
        grid = self.info.grid
        step = max(grid.width, grid.height) / min(side, max(grid.width, grid.height))
        shape = (len(bands), max(1, round(grid.height / step)), max(1, round(grid.width / step)))
        how = Resampling.average if average else Resampling.nearest
        try:
            with rasterio.Env(GDAL_CACHEMAX=self._cache()):
                return np.asarray(self._dataset.read(list(bands), out_shape=shape, resampling=how))
        except (*GDAL_ERRORS, MemoryError) as error:
            raise InputError(f"{self.info.path}: cannot be read: {reason(error)}") from error

    def _cache(self) -> int:
        """Bytes that hold a row of blocks of all bands, or GDAL would inflate them for each row and band."""
        info = self.info
        row = info.grid.width * info.block_rows * info.count * np.dtype(info.dtype).itemsize
        return max(CACHE, min(2 * row, 8 * CACHE))


@contextmanager
def open_raster(
    path: str | Path, *, max_samples: int = DEFAULT_MAX_SAMPLES, verify: str = "auto"
) -> Iterator[Raster]:
    """Open a GeoTIFF, with the GTiff driver only and without its sidecars.

    Args:
        path: the file.
        max_samples: the largest width x height x bands to take.
        verify: one of :data:`VERIFY`.

    Raises:
        InputError: no such file, not a regular file, not a TIFF, larger than ``max_samples``, or, with
            ``verify="always"``, a file whose blocks carry no checksum.
    """
    path = Path(path)
    _check_regular_tiff(path)
    with rasterio.Env(**SAFE_ENV), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            dataset = rasterio.open(str(path.absolute()), driver="GTiff", num_threads="ALL_CPUS")
        except (*GDAL_ERRORS, ValueError) as error:
            raise InputError(f"{path}: not a readable GeoTIFF: {reason(error)}") from error
        with dataset:
            try:
                info = _describe(path, dataset)
            except (*GDAL_ERRORS, ValueError) as error:
                raise InputError(f"{path}: its TIFF header is damaged: {reason(error)}") from error
            _check_size(info, dataset.block_shapes[0], max_samples)
            yield Raster(dataset, info, _layout(path, dataset, verify))


def _layout(path: Path, dataset: Any, verify: str) -> BlockLayout | None:
    layout = None if verify == "never" else BlockLayout.of(path, dataset)
    if verify == "always" and (layout is None or layout.codec != "deflate"):
        found = dataset.compression.name if dataset.compression else "none"
        raise InputError(
            f"{path}: --verify always needs deflate, whose blocks carry checksums; found compression {found}"
        )
    return layout


def _check_regular_tiff(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise InputError(f"{path}: expected a GeoTIFF file, found something that is not a regular file")
        with path.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be opened: {reason(error)}") from error
    if magic not in TIFF_MAGIC:
        raise InputError(f"{path}: expected a GeoTIFF, found a file that does not start as a TIFF")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from one that was written over it, or put in its place; None of one that is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _describe(path: Path, dataset: Any) -> RasterInfo:
    gcps, _ = dataset.gcps
    return RasterInfo(
        path=path,
        grid=Grid(
            width=dataset.width, height=dataset.height, transform=dataset.transform, crs=dataset.crs or None
        ),
        count=dataset.count,
        dtype=dataset.dtypes[0] if len(set(dataset.dtypes)) == 1 else "mixed",
        nodata=dataset.nodata,
        descriptions=tuple(dataset.descriptions),
        has_alpha=any(interpretation.name == "alpha" for interpretation in dataset.colorinterp),
        has_gcps=bool(gcps),
        scales=tuple(dataset.scales),
        offsets=tuple(dataset.offsets),
        tags=dataset.tags(),
        block_rows=dataset.block_shapes[0][0],
        block_columns=dataset.block_shapes[0][1],
    )


def _check_size(info: RasterInfo, block: tuple[int, int], max_samples: int) -> None:
    grid = info.grid
    samples = grid.width * grid.height * info.count
    if samples > max_samples:
        raise InputError(
            f"{info.path}: {grid.width} x {grid.height} pixels x {info.count} bands are {samples:,} "
            f"samples, more than the budget of {max_samples:,} (--max-pixels)"
        )
    if min(block[0], grid.height) * min(block[1], grid.width) * info.count > MAX_BLOCK_SAMPLES:
        raise InputError(
            f"{info.path}: its TIFF blocks of {block[1]} x {block[0]} pixels are too large to stream; "
            "rewrite it with tiles of 512 x 512"
        )


def read_tags(path: Path) -> dict[str, str]:
    """Dataset tags of a GeoTIFF; empty when the file is not a readable one."""
    try:
        # No pixel is read: a mask may have more of them than its scene has samples.
        with open_raster(path, max_samples=sys.maxsize) as raster:
            return dict(raster.info.tags)
    except InputError:
        return {}
