"""Opens patch stores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catfast.errors import InputError
from catfast.patches.files import PARTS
from catfast.patches.info import StoreInfo, read_info
from catfast.patches.records import INDEX_NAME, index_schema
from catfast.patches.shards import ShardSource
from catfast.patches.tiffs import TiffSource

if TYPE_CHECKING:
    import pyarrow as pa

_SHARD = re.compile(r"(images|shards)/[^/\0]+")

SOURCES: Mapping[str, type[TiffSource] | type[ShardSource]] = {
    "geotiff": TiffSource,
    "safetensors": ShardSource,
}


class PatchStore:
    """A finished store; it may be pickled, also to another process."""

    def __init__(self, path: Path, info: StoreInfo, index: pa.Table) -> None:
        self.path = path
        """Its folder."""
        self.info = info
        """What its patches have in common."""
        self.index = index
        """The rows of ``index.parquet``."""
        self._shards: list[str] = index["shard"].to_pylist()
        self._offsets: list[int] = index["offset"].to_pylist()
        self._source = SOURCES[info.format](path, info)

    def __len__(self) -> int:
        return len(self._shards)

    def __reduce__(self) -> tuple[Any, ...]:
        return PatchStore, (self.path, self.info, self.index)

    def read(self, index: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
        """Image uint16 (bands, size, size), 0 where nothing was seen, and label uint8 (size, size).

        ``index`` is a row of the index. From shards these are read-only views of the mapped file.

        Raises:
            InputError: the patch is missing or damaged.
            IndexError: there is no such row.
        """
        image, label = self._source.read(self._shards[index], self._offsets[index])
        size = self.info.size
        for pixels, wanted in ((image, np.uint16), (label, np.uint8)):
            if pixels.dtype != wanted:
                nan = pixels.dtype.kind == "f" and bool(np.isnan(pixels).any())
                raise InputError(
                    f"{self.path / self._shards[index]}: expected a patch of uint16 with a label of uint8, "
                    f"found {pixels.dtype}{' with NaN pixels' if nan else ''}"
                )
        if image.shape != (len(self.info.bands), size, size) or label.shape != (size, size):
            raise InputError(f"{self.path / self._shards[index]}: is not a patch of {size} x {size} pixels")
        return image, label

    def digests(self, index: int) -> tuple[str, dict[str, str]]:
        """SHA-256 of a patch as it is stored, image then label; and of the files that hold it alone, by path.

        Raises:
            InputError: its shard is missing or damaged.
            OSError: its file cannot be read.
        """
        return self._source.digests(self._shards[index], self._offsets[index])

    def files_of(self, shard: str) -> set[str]:
        """Files that hold the patch of this ``shard`` and no other; none for shards of many."""
        return self._source.files_of(shard)


def open_store(path: str | Path) -> PatchStore:
    """Open a finished store.

    Raises:
        InputError: it is not a patch store, it is not finished, or its index is damaged.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(
            f"{path} is not a patch store: {'not a folder' if path.exists() else 'no such folder'}"
        )
    if (path / PARTS).is_dir():
        raise InputError(f"{path} is not finished: run the command that makes it again")
    info = read_info(path)
    return PatchStore(path, info, read_index(path))


def read_index(root: Path) -> pa.Table:
    """The index of a store.

    Raises:
        InputError: it is missing or damaged, or a column is missing, of another type or has gaps.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = root / INDEX_NAME
    try:
        table = pq.ParquetFile(path).read()
    except FileNotFoundError:
        raise InputError(f"{root} is not a patch store: it has no {INDEX_NAME}") from None
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    _check_types(path, table)
    # Files of the store alone: an index from elsewhere could name any other.
    if not all(_SHARD.fullmatch(shard or "") for shard in table["shard"].to_pylist()):
        raise InputError(f"{path}: expected shards in the folders of the store, found others")
    return table


def _check_types(path: Path, table: pa.Table) -> None:
    for field in index_schema():
        found = table.schema.field(field.name).type if field.name in table.schema.names else "none"
        if found != field.type:
            raise InputError(f"{path}: expected a column {field.name} of {field.type}, found {found}")
        gaps = 0 if field.nullable else table[field.name].null_count
        if gaps:
            raise InputError(f"{path}: expected {field.name} of every patch, found none for {gaps}")
