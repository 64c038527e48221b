"""Compressed blocks that GDAL has to decode: first compared with their checksums."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.errors import InputError
from catfast.raster.blockarea import BlockArea
from catfast.raster.layout import BlockLayout

CHUNK_BYTES = 16 << 20
"""Compressed bytes held at a time."""

Places = npt.NDArray[np.int64]


class BlockCheck:
    """Compares checksums, each block once."""

    def __init__(self, path: Path, layout: BlockLayout) -> None:
        self._path, self._layout = path, layout
        self._done = np.zeros(layout.sizes.shape, np.bool_)

    def blocks(self, area: BlockArea, bands: tuple[int, ...]) -> None:
        """Check the blocks of an area that hold ``bands`` (1-based).

        Raises:
            InputError: a block is not what its checksum says, or the file cannot be read.
        """
        planes = np.array([band - 1 for band in bands] if self._layout.apart else [0])
        places = self._layout.places(area, bands)
        done = self._done[planes][:, *area.blocks]
        new = (places[..., 1] > 0) & ~done
        blocks, rows = places[new], np.nonzero(new)[1] + area.down[0]
        order = np.argsort(blocks[:, 0], kind="stable")
        for chunk in _chunks(blocks[order]):
            self._compare(blocks[order][chunk], rows[order][chunk])
        for plane in planes:
            self._done[plane, *area.blocks] = True

    def _compare(self, blocks: Places, rows: npt.NDArray[np.int64]) -> None:
        try:
            refuse_truncated(self._path, blocks, self._path.stat().st_size)
            first, last = int(blocks[0, 0]), int(blocks.sum(axis=1).max())
            data = np.fromfile(self._path, np.uint8, last - first, offset=first)
        except OSError as error:
            raise InputError(f"{self._path}: cannot be read: {error.strerror}") from error
        refuse_truncated(self._path, blocks, first + len(data))
        codec, most = self._layout.codec, self._layout.block_bytes
        try:
            damaged = _core.first_damaged_block(data, blocks - np.array([first, 0]), codec=codec, most=most)
        except ValueError as error:
            raise InputError(f"{self._path}: its blocks cannot be checked: {error}") from error
        if damaged is not None:
            side = self._layout.sides[0]
            raise damaged_error(self._path, int(rows[damaged]) * side, side, int(blocks[damaged, 0]))


def damaged_error(path: Path, row: int, rows: int, byte: int) -> InputError:
    """A block of ``rows`` rows from ``row`` on, which begins at ``byte``, is not what its checksum says."""
    return InputError(
        f"{path}: rows {row} to {row + rows} are damaged: a block of the file is not "
        f"what its checksum says (byte {byte}); get the file anew"
    )


def refuse_truncated(path: Path, places: Places, size: int) -> None:
    """Refuse blocks, (..., 2) their first bytes and sizes, that reach past the ``size`` of the file.

    Raises:
        InputError: one does.
    """
    ends = np.where(places[..., 1] > 0, places.sum(axis=-1, dtype=np.float64), 0)
    if ends.size and ends.max() > size:
        raise InputError(f"{path}: the file is truncated: it ends at byte {size}")


def _chunks(blocks: Places) -> Iterator[slice]:
    """Runs of blocks, in the order of the file, within :data:`CHUNK_BYTES`; a larger block comes alone."""
    start = 0
    for index, (first, size) in enumerate(blocks.tolist()):
        if index > start and first + size - blocks[start, 0] > CHUNK_BYTES:
            yield slice(start, index)
            start = index
    if len(blocks):
        yield slice(start, len(blocks))
