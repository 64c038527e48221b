"""Writes the patches of one group (a pair), all or none of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from catfast.errors import OutputError
from catfast.patches.files import PARTS, part_path
from catfast.patches.info import StoreInfo
from catfast.patches.records import PatchRecord, index_table
from catfast.patches.shards import ShardSink
from catfast.patches.tiffs import TiffSink
from catfast.patches.windows import Places, Windows
from catfast.raster import atomic_path, output_errors

DIGESTS = b"catfast_digests"
"""Schema metadata of a part: JSON of file digests by path."""

SINKS: Mapping[str, type[TiffSink] | type[ShardSink]] = {"geotiff": TiffSink, "safetensors": ShardSink}


class GroupWriter:
    """The patches of one group; a context manager that leaves nothing behind when left by an error.

    Groups are independent: threads, processes or hosts may write different ones at the same time.

    Raises:
        OutputError: the group is there already, or the disk did not take it.
    """

    def __init__(self, root: Path, info: StoreInfo, group: str) -> None:
        self._part = part_path(root, group)
        self._info = info
        self._records: list[PatchRecord] = []
        self._closed = False
        if self._part.exists():
            raise OutputError(f"{root}: group {group} is there already")
        with output_errors(root):
            self._part.parent.mkdir(parents=True, exist_ok=True)
            self._sink = SINKS[info.format](root, info, group)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._discard()

    def append(
        self,
        images: npt.NDArray[np.uint16],
        labels: npt.NDArray[np.uint8],
        records: Sequence[PatchRecord],
    ) -> None:
        """Add patches: images (n, bands, size, size), labels (n, size, size).

        Raises:
            OutputError: the disk did not take them.
            ValueError: arrays of another shape or type.
        """
        self._append(Windows.of_patches(images, labels, self._info.size), records)

    def append_windows(
        self,
        image: npt.NDArray[np.uint16],
        label: npt.NDArray[np.uint8],
        rows: Sequence[int] | Places,
        cols: Sequence[int] | Places,
        records: Sequence[PatchRecord],
    ) -> None:
        """Add patches that are still in their scene, at ``rows`` and ``cols`` of these arrays.

        Args:
            image: (bands, height, width): the scene, or a part of it.
            label: (height, width).
            rows: first row of each patch in ``image``.
            cols: first column.
            records: one a patch; their ``row`` and ``col`` are those in the whole scene.

        Raises:
            OutputError: the disk did not take them.
            ValueError: arrays of another shape or type, or a patch that is not inside.
        """
        self._append(Windows.of_scene(image, label, rows, cols, self._info.size), records)

    def _append(self, windows: Windows, records: Sequence[PatchRecord]) -> None:
        if len(windows) != len(records):
            raise ValueError(f"records: expected {len(windows)}, found {len(records)}")
        with output_errors(self._part):
            written = self._sink.write(windows, records)
        self._records += [
            dataclasses.replace(record, shard=shard, offset=offset, sha256=digest)
            for record, (shard, offset, digest) in zip(records, written, strict=True)
        ]

    def close(self) -> None:
        """Make the group last; its part, written last, says that it is whole.

        Raises:
            OutputError: the disk did not take it.
        """
        if self._closed:
            return
        try:
            with output_errors(self._part):
                digests = self._sink.commit()
                self._write_part(digests)
            self._closed = True
        finally:
            self._discard()

    def _write_part(self, digests: dict[str, str]) -> None:
        import pyarrow.parquet as pq

        table = index_table(self._records)
        metadata = {**table.schema.metadata, DIGESTS: json.dumps(digests).encode()}
        with atomic_path(self._part) as temporary:
            pq.write_table(table.replace_schema_metadata(metadata), temporary)

    def _discard(self) -> None:
        self._closed = True
        self._sink.discard()


def finished_groups(root: Path) -> set[str]:
    """Groups whose patches are all there, in a store that is not finished yet."""
    return {unquote(path.stem) for path in (root / PARTS).glob("[!.]*.parquet")}
