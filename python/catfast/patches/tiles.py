"""From an open scene and its labels to tiles, by bands of rows: each row is read once and held briefly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import CLASS_CODES, NODATA
from catfast.errors import InputError
from catfast.labels import Labeller
from catfast.planet import Scene
from catfast.raster import Grid, Memory, Raster

ROWS = 512
"""Rows a read, rounded up to whole TIFF blocks."""

SCALE = 1e-4
"""Reflectance a count in a patch; a count is at least 1 where there is data."""

_AT_ONCE = 32
"""Rows that are raised at a time: they stay in the cache."""

Counts = npt.NDArray[np.uint16]
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class TileRow:
    """Tiles whose first rows are the same row of the scene, within the rows that are held."""

    row: int
    """That row of the scene."""
    top: int
    """That row of the arrays."""
    columns: tuple[int, ...]
    """First column of each tile."""
    image: Counts
    """Reflectance x 10000, (4, rows, width); 0 where there is no data."""
    labels: Codes
    """What the store gets, (rows, width)."""
    codes: Codes
    """The full scheme's codes, (rows, width): for shares of snow, shadow and water."""


def starts(length: int, size: int, stride: int) -> range:
    """First pixels of the whole tiles along a side."""
    return range(0, length - size + 1, stride)


def tile_count(grid: Grid, size: int, stride: int) -> int:
    """Whole tiles of a scene."""
    return len(starts(grid.height, size, stride)) * len(starts(grid.width, size, stride))


class Reflectance:
    """Turns what a scene's file holds into reflectance x 10000."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._as_it_is = (
            set(scene.gain) == {SCALE} and set(scene.offset) == {0.0} and scene.nodata in (None, 0)
        )
        self._tables = [
            self._counts(np.arange(65536, dtype=np.float64), gain, offset)
            for gain, offset in zip(scene.gain, scene.offset, strict=True)
        ]

    @staticmethod
    def _counts(dn: npt.NDArray[Any], gain: float, offset: float) -> Counts:
        with np.errstate(invalid="ignore"):
            scaled = np.rint((dn.astype(np.float64) * gain + offset) / SCALE)
        return np.asarray(np.clip(np.nan_to_num(scaled, nan=0), 1, 65535), np.uint16)

    def __call__(self, dn: npt.NDArray[Any], valid: Codes) -> Counts:
        """Counts (4, h, w) of ``dn`` (4, h, w), which may be changed: 1 to 65535 where ``valid``, else 0."""
        if dn.dtype == np.uint16 and self._as_it_is:
            for row in range(0, len(valid), _AT_ONCE):
                part = dn[:, row : row + _AT_ONCE]
                np.maximum(part, valid[row : row + _AT_ONCE].astype(np.uint16), out=part)
            return np.asarray(dn, np.uint16)
        if dn.dtype == np.uint16:
            counts = np.empty(dn.shape, np.uint16)
            for table, band, out in zip(self._tables, dn, counts, strict=True):
                np.take(table, band, out=out, mode="clip")
        else:
            scales = zip(dn, self._scene.gain, self._scene.offset, strict=True)
            counts = np.stack([self._counts(*scale) for scale in scales])
        counts *= valid
        return counts


class TileReader:
    """Reads a scene once, from top to bottom."""

    def __init__(self, raster: Raster, scene: Scene, labellers: Sequence[Labeller], *, fold: bool) -> None:
        self._raster, self._scene, self._labellers, self._fold = raster, scene, labellers, fold
        self._reflectance, self._memory = Reflectance(scene), Memory()
        self._held: Sequence[npt.NDArray[Any]] = ()
        self._first = self._stop = 0

    def rows(self, size: int, stride: int, only: Sequence[int] | None = None) -> Iterator[TileRow]:
        """Rows of tiles, from the top; ``only`` those that start at these rows of the scene.

        Raises:
            InputError: a file cannot be read, or the scene holds infinite values.
        """
        grid = self._raster.info.grid
        columns = tuple(starts(grid.width, size, stride))
        for row in starts(grid.height, size, stride) if only is None else only:
            if columns:
                self._hold(row, row + size)
                image, labels, codes = self._held
                yield TileRow(
                    row=row,
                    top=row - self._first,
                    columns=columns,
                    image=image,
                    labels=labels,
                    codes=codes,
                )

    def _hold(self, start: int, stop: int) -> None:
        """Hold rows ``start`` to ``stop``; what came before is forgotten when more is read."""
        if stop <= self._stop:
            return
        kept = [part[..., start - self._first :, :] for part in self._held] if start < self._stop else []
        self._first = start
        parts, row = ([kept] if kept else []), max(start, self._stop)
        for end in self._ends(row, stop):
            parts.append(self._read(row, end))
            row = end
        self._held = (
            parts[0] if len(parts) == 1 else [np.concatenate(p, axis=-2) for p in zip(*parts, strict=True)]
        )
        self._stop = row

    def _ends(self, row: int, stop: int) -> Iterator[int]:
        """Ends of the reads that reach ``stop``, on whole blocks."""
        block, height = self._raster.info.block_rows, self._raster.info.grid.height
        step = math.ceil(ROWS / block) * block
        while row < stop:
            row = min((row // step + 1) * step, height)
            yield row

    def _read(self, start: int, stop: int) -> list[npt.NDArray[Any]]:
        dn = self._raster.read_rows(self._scene.bands, start, stop, self._memory)
        if dn.dtype != np.uint16:
            dn = dn.astype(np.float32)
        valid = np.empty(dn.shape[1:], np.uint8)
        _, infinite = _core.valid_mask(dn, self._scene.nodata, valid)
        if infinite:
            raise InputError(
                f"{self._scene.info.path}: expected finite values, found {infinite} infinite pixels"
            )
        labels = [labeller.rows(start, stop, valid) for labeller in self._labellers]
        stored = folded(labels[0]) if self._fold else labels[0]
        return [self._reflectance(dn, valid), stored, labels[-1]]


def folded(codes: Codes) -> Codes:
    """The scheme ``binary`` of the full one's codes: all but cloud and nodata is clear."""
    keep = (codes == CLASS_CODES["cloud"]) | (codes == NODATA)
    return np.asarray(codes * keep, np.uint8)
