"""Compressed blocks of a TIFF: compared with their checksums, and read in the same pass where that can be.

GDAL stops decoding a block as soon as its pixels are full and never compares the checksum behind them, so
that bytes overwritten on a disk become other pixels without a word. To compare costs as much as to read:
what is decoded for it is therefore handed out, and GDAL is left with blocks of unusual kinds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.errors import InputError
from catfast.raster.blockarea import BlockArea, Span
from catfast.raster.blockcheck import BlockCheck, damaged_error, refuse_truncated
from catfast.raster.layout import BlockLayout
from catfast.raster.memory import Memory

HELD_BYTES = 64 << 20
"""Most bytes of whole blocks that are held for the next window."""

Pixels = npt.NDArray[Any]
Gdal = Callable[[Sequence[int], Span, Span], Pixels]
"""Reads bands (1-based), rows and columns; shape (bands, rows, columns)."""


@dataclass(frozen=True, slots=True)
class Held:
    """Whole blocks that were read for a window that cuts through them: the next one does so too."""

    bands: tuple[int, ...]
    """Bands, 1-based."""
    area: BlockArea
    """Where they are."""
    pixels: Pixels
    """(bands, rows, columns)."""


class Blocks:
    """Reads windows of a file, each block decoded once, and compared with its checksum as it is."""

    def __init__(self, path: Path, layout: BlockLayout, gdal: Gdal) -> None:
        self._path, self._layout, self._gdal = path, layout, gdal
        self._check = BlockCheck(path, layout)
        self._identity = self._found()
        self._held: Held | None = None

    def read(self, bands: Sequence[int], rows: Span, columns: Span, memory: Memory | None = None) -> Pixels:
        """``bands`` (1-based) from the first to before the last of ``rows`` and ``columns``.

        Where whole blocks are wanted, their pixels are put into ``memory``.

        Raises:
            InputError: a block is not what its checksum says, or the file is truncated or changed.
        """
        height, width = self._layout.shape
        if not (0 <= rows[0] < rows[1] <= height and 0 <= columns[0] < columns[1] <= width):
            return self._gdal(bands, rows, columns)
        if self._found() != self._identity:
            raise InputError(f"{self._path}: the file changed while it was read")
        area = self._layout.area(rows, columns)
        whole = (area.rows, area.columns) == (rows, columns)
        size = len(bands) * area.pixels[0] * area.pixels[1] * self._layout.dtype.itemsize
        if not self._layout.direct or not (whole or size <= HELD_BYTES):
            self._check.blocks(area, tuple(bands))
            return self._gdal(bands, rows, columns)
        if whole:
            return self._decoded(tuple(bands), area, None, memory)
        held = self._hold(tuple(bands), area)
        return held.pixels[:, *held.area.window(rows, columns)].copy()

    def _found(self) -> tuple[int, int, int]:
        """What tells this file from one that took its place."""
        try:
            found = self._path.stat()
        except OSError as error:
            raise InputError(f"{self._path}: cannot be read: {error.strerror}") from error
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _hold(self, bands: tuple[int, ...], area: BlockArea) -> Held:
        held = self._held if self._held is not None and self._held.bands == bands else None
        if held is None or area.overlap(held.area) != area:
            held = self._held = Held(bands, area, self._decoded(bands, area, held))
        return held

    def _decoded(
        self, bands: tuple[int, ...], area: BlockArea, known: Held | None, memory: Memory | None = None
    ) -> Pixels:
        """All of some blocks; those ``known`` are copied."""
        out = (memory or Memory()).empty((len(bands), *area.pixels), self._layout.dtype)
        places = self._layout.places(area, bands)
        absent = places[..., 1] == 0
        overlap = None if known is None else area.overlap(known.area)
        if known is not None and overlap is not None:
            window = (overlap.rows, overlap.columns)
            out[:, *area.window(*window)] = known.pixels[:, *known.area.window(*window)]
            there = (slice(None), *overlap.blocks_from(area))
            places[there], absent[there] = 0, False
        absent.reshape(-1)[self._decode(bands, area, places, out)] = True
        for place in np.argwhere(absent.any(axis=0)):
            block = area.one(int(place[0]), int(place[1]))
            left = (block.rows, block.columns)
            out[:, *area.window(*left)] = self._gdal(bands, *left)
        return out

    def _decode(
        self, bands: tuple[int, ...], area: BlockArea, places: npt.NDArray[np.int64], out: Pixels
    ) -> list[int]:
        """Decode blocks into their parts of ``out``; the indexes of those that are for GDAL."""
        layout = self._layout
        refuse_truncated(self._path, places, self._identity[1])
        try:
            damaged, strange = _core.read_blocks(
                os.fspath(self._path),
                places,
                out.view(f"u{layout.dtype.itemsize}"),
                codec=layout.codec,
                block=layout.sides,
                samples=layout.samples,
                wanted=layout.wanted(bands),
                predictor=layout.predictor,
                big_endian=layout.big_endian,
            )
        except OSError as error:
            raise InputError(f"{self._path}: cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise InputError(f"{self._path}: its blocks cannot be read: {error}") from error
        if damaged:
            flat = places.reshape(-1, 2)
            first = min(damaged, key=lambda index: int(flat[index, 0]))
            row = area.down[0] + first // places.shape[2] % places.shape[1]
            raise damaged_error(self._path, row * layout.sides[0], layout.sides[0], int(flat[first, 0]))
        return strange
