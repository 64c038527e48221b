"""Write GeoTIFFs and COGs so that a final name only ever holds a whole file."""

from __future__ import annotations

import glob
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from catfast.errors import OutputError
from catfast.raster.gdal import GDAL_ERRORS, SAFE_ENV, reason
from catfast.raster.grid import Grid
from catfast.raster.grid_writer import GridWriter, tiff_profile
from catfast.raster.overviews import Overviews
from catfast.temporary import temporary_path

_CHECKS = "rio_cogeo.cogeo"

_BLOCKS_AT_ONCE = 2
"""Rows of blocks that are read back at a time."""


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """A temporary name beside ``final``; on success it is fsynced and renamed, on failure removed.

    Raises:
        OutputError: the disk did not take the file.
    """
    temporary = temporary_path(final, final.suffix)
    try:
        with output_errors(final):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(final)
            fsync_folder(final.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def output_errors(final: Path) -> Iterator[None]:
    """Tell what goes wrong inside as a failure to write ``final``.

    Raises:
        OutputError: anything that the disk or GDAL raised.
    """
    try:
        yield
    except (OSError, *GDAL_ERRORS) as error:
        raise OutputError(f"{final}: cannot be written: {reason(error)}") from error


def fsync_folder(folder: Path) -> None:
    """Make a rename last through a power cut; only POSIX systems let a folder be opened for it."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_geotiff(
    path: Path,
    array: npt.NDArray[Any],
    grid: Grid,
    *,
    nodata: float | None = None,
    descriptions: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    **creation_options: Any,
) -> None:
    """Write ``array`` (bands, height, width) on ``grid``, atomically; tiled deflate unless options say else.

    Raises:
        OutputError: the disk did not take the file.
    """
    options = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"} | creation_options
    profile = tiff_profile(grid, array.shape[0], array.dtype.name, nodata) | options
    with atomic_path(path) as temporary, rasterio.Env(**SAFE_ENV):
        with rasterio.open(temporary, "w", **profile) as dataset:
            dataset.write(array)
            for band, description in enumerate(descriptions, start=1):
                dataset.set_band_description(band, description)
            dataset.update_tags(**(tags or {}))
        read_back(temporary, grid, tags or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class CogStyle:
    """How a written COG presents itself."""

    descriptions: Sequence[str]
    """Band descriptions."""
    tags: Mapping[str, str]
    """Dataset tags."""
    band_tags: Mapping[str, str]
    """Tags of band 1."""
    colours: Mapping[int, tuple[int, int, int, int]] | None = None
    """Colour table of a single-band file: value to RGBA."""
    overview_resampling: str = "MODE"
    """How overviews are made: MODE keeps codes codes, AVERAGE suits percentages."""


class CogWriter:
    """Streams rows into a uint8 COG; ``finish`` gives it its layout."""

    def __init__(self, final: Path, temporary: Path, grid: Grid, count: int, *, nodata: int | None) -> None:
        self._final = final
        self._grid = grid
        self._temporary = temporary
        self._rows_path = temporary.with_suffix(".rows.tif")
        with output_errors(final):
            self._rows_path.touch()  # where even that fails, rasterio would raise a TypeError
            self._rows = GridWriter(self._rows_path, grid, count, nodata=nodata, passing=True)
            self._overviews: Overviews | None = None
            if count == 1 and nodata is not None:
                self._overviews = Overviews(self._rows_path, grid, nodata)

    def append(self, rows: npt.NDArray[np.uint8]) -> None:
        """Add the next rows, shape (count, n, width).

        Raises:
            OutputError: the disk did not take them.
        """
        with output_errors(self._final):
            self._rows.append(rows)
            if self._overviews is not None:
                self._overviews.append(rows[0])

    def finish(self, style: CogStyle) -> None:
        """Write descriptions, tags, colours and overviews, copy to the COG layout, validate.

        Raises:
            OutputError: the disk did not take it, or the result is not a valid COG.
        """
        with output_errors(self._final):
            self._rows.close()
            _dress(self._rows_path, style)
            made = self._overviews if style.overview_resampling == "MODE" else None
            rows = self._rows_path if made is None else made.join()
            _copy_as_cog(rows, self._temporary, style, _tile_side(self._grid))
            problems = _problems(self._temporary)
            read_back(self._temporary, self._grid, style.tags)
        if problems:
            raise OutputError(f"{self._final}: the written COG does not validate: {'; '.join(problems)}")

    def discard(self) -> None:
        """Close what is still open."""
        with suppress(*GDAL_ERRORS):
            self._rows.close()
        if self._overviews is not None:
            self._overviews.discard()


class TiffWriter:
    """Streams rows into a plain tiled uint8 GeoTIFF (deflate, no overviews); ``finish`` describes it."""

    def __init__(self, final: Path, temporary: Path, grid: Grid, *, nodata: int) -> None:
        self._final = final
        self._grid = grid
        self._temporary = temporary
        with output_errors(final):
            temporary.touch()  # where even that fails, rasterio would raise a TypeError
            self._rows = GridWriter(temporary, grid, 1, nodata=nodata, compress="deflate")

    def append(self, rows: npt.NDArray[np.uint8]) -> None:
        """Add the next rows, shape (n, width).

        Raises:
            OutputError: the disk did not take them.
        """
        with output_errors(self._final):
            self._rows.append(rows[None])

    def finish(self, style: CogStyle) -> None:
        """Write descriptions, tags and colours, and read the whole file back once.

        Raises:
            OutputError: the disk did not take it.
        """
        with output_errors(self._final):
            self._rows.close()
            _dress(self._temporary, style)
            read_back(self._temporary, self._grid, style.tags)

    def discard(self) -> None:
        """Close what is still open."""
        with suppress(*GDAL_ERRORS):
            self._rows.close()


@contextmanager
def tiff_writer(final: Path, grid: Grid, *, nodata: int) -> Iterator[TiffWriter]:
    """Stream rows into a tiled uint8 GeoTIFF that appears under ``final`` only when finished.

    Raises:
        OutputError: the disk did not take the file.
    """
    with atomic_path(final) as temporary, rasterio.Env(**SAFE_ENV), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        writer = TiffWriter(final, temporary, grid, nodata=nodata)
        try:
            yield writer
        finally:
            writer.discard()


def prepare_cog_writer() -> None:
    """Begin to import what finished COGs are checked with, a third of a mask's imports, in its own thread.

    Once is enough; it gains what the caller waits for digests and for the disk meanwhile.
    """
    if _CHECKS not in sys.modules:
        threading.Thread(target=importlib.import_module, args=(_CHECKS,), name="catfast-import").start()


@contextmanager
def cog_writer(final: Path, grid: Grid, count: int, *, nodata: int | None) -> Iterator[CogWriter]:
    """Stream rows into a uint8 COG that appears under ``final`` only when finished and validated.

    The COG layout is GDAL's own COG driver's, checked by rio-cogeo's ``cog_validate``. rio-cogeo's
    ``cog_translate`` is not used: it passes the file through a WarpedVRT, which turns rotated and
    south-up grids north-up.

    Raises:
        OutputError: the disk did not take the file.
    """
    with atomic_path(final) as temporary, rasterio.Env(**SAFE_ENV), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            writer = CogWriter(final, temporary, grid, count, nodata=nodata)
            try:
                yield writer
            finally:
                writer.discard()
        finally:
            for made_on_the_way in final.parent.glob(f"{glob.escape(temporary.stem)}.rows*"):
                made_on_the_way.unlink()


def read_back(path: Path, grid: Grid, tags: Mapping[str, str]) -> None:
    """Read every block of a written GeoTIFF once, overviews too, and where and what it says it is.

    What a disk does not take while GDAL closes a file is no error that rasterio raises.

    Raises:
        OSError: a block is not there or not whole, or grid or tags are not those that were written.
    """
    with rasterio.open(path, driver="GTiff") as dataset:
        levels, found = len(dataset.overviews(1)), dataset.tags()
        placed = dataset.transform.almost_equals(grid.transform) and (dataset.crs is None) == (
            grid.crs is None
        )
    if not placed or any(found.get(name) != text for name, text in tags.items()):
        raise OSError("the file does not say what was written")
    for level in (None, *range(levels)):
        options = {} if level is None else {"overview_level": level}
        with rasterio.open(path, driver="GTiff", num_threads="ALL_CPUS", **options) as dataset:
            step = _BLOCKS_AT_ONCE * dataset.block_shapes[0][0]
            for row in range(0, dataset.height, step):
                dataset.read(window=Window(0, row, dataset.width, min(step, dataset.height - row)))


def _dress(path: Path, style: CogStyle) -> None:
    with rasterio.open(path, "r+", driver="GTiff") as dataset:
        for band, description in enumerate(style.descriptions, start=1):
            dataset.set_band_description(band, description)
        dataset.update_tags(**style.tags)
        dataset.update_tags(1, **style.band_tags)
        if style.colours is not None:
            dataset.write_colormap(1, dict(style.colours))


def _tile_side(grid: Grid) -> int:
    """Half of the usual side where a level is as wide: rio-cogeo takes one column of tiles for strips."""
    width, height = grid.width, grid.height
    while max(width, height) > GridWriter.TILE:
        if width == GridWriter.TILE:
            return GridWriter.TILE // 2
        width, height = -(-width // 2), -(-height // 2)
    return GridWriter.TILE


def _problems(path: Path) -> list[str]:
    """What rio-cogeo finds, but for strips, which GDAL's COG driver never makes."""
    from rio_cogeo.cogeo import cog_validate

    _, errors, doubts = cog_validate(path, strict=True, quiet=True)
    return [problem for problem in (*errors, *doubts) if not problem.endswith("not tiled")]


def _copy_as_cog(source: Path, target: Path, style: CogStyle, side: int) -> None:
    rasterio.shutil.copy(
        source,
        target,
        driver="COG",
        COMPRESS="DEFLATE",
        BLOCKSIZE=side,
        OVERVIEW_RESAMPLING=style.overview_resampling,
        NUM_THREADS="ALL_CPUS",
        BIGTIFF="IF_SAFER",
    )
