"""Where the compressed blocks of a TIFF lie, and what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from catfast.raster.blockarea import BlockArea, Span
from catfast.raster.directory import Directory, Values, read_directory

Codec = Literal["deflate", "zstd"]

CODECS: dict[int, Codec] = {8: "deflate", 32946: "deflate", 50000: "zstd"}
"""Compressions whose blocks can carry a checksum, by TIFF's number. A zstd block carries one only where its
writer asked for it, which GDAL does not; LZW, JPEG and uncompressed blocks have none."""

_BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _PREDICTOR = 258, 259, 262, 266, 317
_OFFSETS, _SIZES = (324, 273), (325, 279)
_FIRST_OF = (_COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _PREDICTOR)

_AS_THEY_ARE = {0, 1, 2, 3}
"""Photometric interpretations whose samples GDAL hands out as they are: grey, RGB and indexes."""

LARGEST = 64 << 20
"""Bytes of the largest block that is read past GDAL: each thread holds one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLayout:
    """The blocks of one image."""

    codec: Codec
    """How they are compressed."""
    sides: tuple[int, int]
    """Rows and columns of a block."""
    shape: tuple[int, int]
    """Rows and columns of the image."""
    samples: int
    """Samples of a pixel in a block: all bands, or 1 where each band has blocks of its own."""
    apart: bool
    """Whether each band has blocks of its own."""
    dtype: np.dtype[Any]
    """Type of a sample, as GDAL hands it out."""
    offsets: Values
    """First byte of each block, (planes, down, across)."""
    sizes: Values
    """Bytes of each block, likewise; 0 where there is none."""
    predictor: int
    """1 none, 2 differences, 3 differences of bytes."""
    big_endian: bool
    """Whether samples have their first byte first."""
    plain: bool
    """Whether samples lie in a block as GDAL hands them out, whole bytes and without conversion."""

    @classmethod
    def of(cls, path: Path, dataset: Any) -> Self | None:
        """That of a dataset; None where blocks are compressed in another way, or their table is amiss."""
        sides = dataset.block_shapes[0]
        apart = dataset.interleaving is not None and dataset.interleaving.name == "band"
        table = (
            dataset.count if apart else 1,
            -(-dataset.height // sides[0]),
            -(-dataset.width // sides[1]),
        )
        blocks = table[0] * table[1] * table[2]
        wanted = dict.fromkeys(_FIRST_OF, 1) | dict.fromkeys((*_OFFSETS, *_SIZES), blocks)
        try:
            at = dataset.get_tag_item("IFD_OFFSET", "TIFF", 1)
            directory = read_directory(path, int(at), wanted | {_BITS: dataset.count})
        except (OSError, TypeError, ValueError):
            return None
        codec = CODECS.get(directory.number(_COMPRESSION, 1))
        offsets, sizes = (_table(directory, tags, table) for tags in (_OFFSETS, _SIZES))
        if codec is None or offsets is None or sizes is None or directory.number(_FILL_ORDER, 1) != 1:
            return None
        dtype = np.dtype({"complex_int16": "int32"}.get(dataset.dtypes[0], dataset.dtypes[0]))
        return cls(
            codec=codec,
            sides=sides,
            shape=dataset.shape,
            samples=1 if apart else dataset.count,
            apart=apart,
            dtype=dtype,
            offsets=offsets,
            sizes=sizes,
            predictor=directory.number(_PREDICTOR, 1),
            big_endian=directory.big_endian,
            plain=_is_plain(dataset, directory, dtype),
        )

    @property
    def block_bytes(self) -> int:
        """Bytes of a decoded block."""
        return self.sides[0] * self.sides[1] * self.samples * self.dtype.itemsize

    @property
    def direct(self) -> bool:
        """Whether blocks can be read past GDAL."""
        return self.plain and self.block_bytes <= LARGEST

    def area(self, rows: Span, columns: Span) -> BlockArea:
        """The blocks under a window."""
        return BlockArea.under(rows, columns, self.sides, self.shape)

    def places(self, area: BlockArea, bands: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """First byte and size of each block with ``bands`` (1-based), (planes, down, across, 2)."""
        planes = [band - 1 for band in bands] if self.apart else [0]
        tables = (table[planes][:, *area.blocks].astype(np.uint64) for table in (self.offsets, self.sizes))
        # Larger numbers lie past the end of any file, as this one does.
        return np.stack([np.minimum(table, 1 << 62).astype(np.int64) for table in tables], axis=-1)

    def wanted(self, bands: tuple[int, ...]) -> list[int]:
        """Samples that ``bands`` (1-based) are in their blocks."""
        return [0] if self.apart else [band - 1 for band in bands]


def _table(directory: Directory, tags: tuple[int, int], shape: tuple[int, int, int]) -> Values | None:
    found = next((directory.tags[tag] for tag in tags if tag in directory.tags), None)
    count = shape[0] * shape[1] * shape[2]
    return None if found is None or len(found) < count else found.reshape(shape)


def _is_plain(dataset: Any, directory: Directory, dtype: np.dtype[Any]) -> bool:
    bits, predictor = directory.tags.get(_BITS), directory.number(_PREDICTOR, 1)
    return (
        len(set(dataset.dtypes)) == len(set(dataset.block_shapes)) == 1
        and dataset.dtypes[0] == dtype.name
        and dtype.kind in "uif"
        and bits is not None
        and bool((bits == 8 * dtype.itemsize).all())
        and (predictor in (1, 2) or (predictor == 3 and dtype.kind == "f"))
        and directory.number(_PHOTOMETRIC, 1) in _AS_THEY_ARE
    )
