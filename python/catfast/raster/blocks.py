"""Whether the compressed blocks of a TIFF are what they were when they were written.

GDAL stops decoding a block as soon as its pixels are full and never compares the checksum behind them, so
that bytes overwritten on a disk become other pixels without a word.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from catfast import _core
from catfast.errors import InputError

CHUNK_BYTES = 16 << 20
"""Compressed bytes held at a time."""

_CODECS: dict[str, Literal["deflate", "zstd"]] = {"deflate": "deflate", "zstd": "zstd"}
"""Compressions whose blocks can carry a checksum, by rasterio's name. A zstd block carries one only where its
writer asked for it, which GDAL does not; LZW, JPEG and uncompressed blocks have none."""

Place = tuple[int, int, int]
"""Plane (a band, or 1 where one plane holds all bands), block row and block column."""

Block = tuple[int, int, int]
"""Block row, first byte in the file, bytes."""


class BlockCheck:
    """Compares checksums, each block once, as its rows are about to be read."""

    def __init__(self, path: Path, dataset: Any) -> None:
        self._path, self._dataset = path, dataset
        compression = dataset.compression.name if dataset.compression else ""
        self._codec = _CODECS.get(compression)
        rows, columns = dataset.block_shapes[0]
        self._shape = (rows, columns)
        # One plane holds all bands, or each band has its own.
        planes = 1 if dataset.interleaving and dataset.interleaving.name == "pixel" else dataset.count
        self._planes = range(1, planes + 1)
        samples = rows * columns * (dataset.count if planes == 1 else 1)
        self._most = samples * max(np.dtype(_plain(dtype)).itemsize for dtype in dataset.dtypes)
        self._done: set[Place] = set()

    @property
    def complete(self) -> bool:
        """Whether every block of this file carries a checksum."""
        return self._codec == "deflate"

    def window(self, bands: Sequence[int], rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """Check the blocks of ``bands`` (1-based) under a window, given as first and after the last.

        Raises:
            InputError: a block is not what its checksum says, or the file cannot be read.
        """
        if self._codec is None or rows[0] >= rows[1] or columns[0] >= columns[1]:
            return
        planes = self._planes if len(self._planes) == 1 else bands
        down, across = (
            range(start // side, (stop - 1) // side + 1)
            for (start, stop), side in zip((rows, columns), self._shape, strict=True)
        )
        wanted = [place for place in product(planes, down, across) if place not in self._done]
        blocks = [block for block in map(self._block, wanted) if block is not None]
        for chunk in _chunks(sorted(blocks, key=lambda block: block[1])):
            self._compare(chunk, self._codec)
        self._done.update(wanted)

    def _block(self, place: Place) -> Block | None:
        plane, row, column = place
        offset, size = (
            self._dataset.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", plane)
            for what in ("OFFSET", "SIZE")
        )
        # A block that was never written has no place.
        return None if offset is None or size is None else (row, int(offset), int(size))

    def _compare(self, blocks: list[Block], codec: Literal["deflate", "zstd"]) -> None:
        first, last = blocks[0][1], max(offset + size for _, offset, size in blocks)
        data = self._read(first, last - first)
        places = np.array([(offset - first, size) for _, offset, size in blocks], np.int64)
        if last - first > len(data):
            raise InputError(f"{self._path}: the file is truncated: it ends at byte {first + len(data)}")
        try:
            damaged = _core.first_damaged_block(data, places, codec=codec, most=self._most)
        except ValueError as error:
            raise InputError(f"{self._path}: its blocks cannot be checked: {error}") from error
        if damaged is not None:
            row = blocks[damaged][0] * self._shape[0]
            raise InputError(
                f"{self._path}: rows {row} to {row + self._shape[0]} are damaged: a block of the file is not "
                f"what its checksum says (byte {blocks[damaged][1]}); get the file anew"
            )

    def _read(self, first: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        try:
            with self._path.open("rb") as file:
                file.seek(first)
                limit = os.fstat(file.fileno()).st_size - first
                return np.fromfile(file, np.uint8, max(min(size, limit), 0))
        except OSError as error:
            raise InputError(f"{self._path}: cannot be read: {error.strerror}") from error


def _chunks(blocks: list[Block]) -> Iterator[list[Block]]:
    """Runs of blocks that lie within :data:`CHUNK_BYTES` of each other; a larger block comes alone."""
    run: list[Block] = []
    for block in blocks:
        if run and block[1] + block[2] - run[0][1] > CHUNK_BYTES:
            yield run
            run = []
        run.append(block)
    if run:
        yield run


def _plain(dtype: str) -> str:
    return {"complex_int16": "int32"}.get(dtype, dtype)
