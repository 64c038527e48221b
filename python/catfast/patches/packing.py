"""Packs a store into few large shards, from which training reads fastest."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from catfast.errors import InputError, OutputError, UsageError
from catfast.patches.files import refuse_inside
from catfast.patches.finishing import replaced, write_index
from catfast.patches.info import StoreInfo
from catfast.patches.shards import HEADER, SHARDS, ShardFile, patch_bytes
from catfast.patches.store import PatchStore, open_store
from catfast.patches.windows import Windows
from catfast.raster import fsync_folder, output_errors
from catfast.temporary import temporary_path

Progress = Callable[[int, int], None]

SHARD_BYTES = 1 << 30
"""Size that a shard does not pass, unless one patch alone does."""

_BATCH = 16
_SLACK = 1 << 24


def pack(
    source: str | Path,
    target: str | Path,
    *,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress | None = None,
) -> PatchStore:
    """Copy a store into safetensors shards: same patches, order, splits and records.

    Args:
        source: a store of any format.
        target: the new store, which appears when it is whole.
        shard_bytes: largest size of a shard.
        progress: called with (patches done, patches in all).

    Raises:
        InputError: no store, or a patch that is not what was written.
        OutputError: the target exists or lies in the source, there is no room for it, or the disk did not
            take it.
        UsageError: shards without a size.
    """
    store, target = open_store(source), Path(target)
    if shard_bytes < 1:
        raise UsageError(f"--shard-mb must be at least 1, not {shard_bytes >> 20}")
    _check_target(store, target)
    temporary = temporary_path(target)
    with output_errors(target):
        try:
            _fill(store, temporary, shard_bytes, progress or (lambda done, total: None))
            temporary.rename(target)
            fsync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return open_store(target)


def _check_target(store: PatchStore, target: Path) -> None:
    refuse_inside(store.path, target)
    if target.exists() or target.is_symlink():
        raise OutputError(f"{target}: exists already: choose another output")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: its folder does not exist")
    needed = len(store) * patch_bytes(store.info) + _SLACK
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise OutputError(f"{target}: needs {needed / 1e9:.3g} GB, but the disk has {free / 1e9:.3g} GB left")


def _fill(store: PatchStore, root: Path, shard_bytes: int, progress: Progress) -> None:
    import pyarrow as pa

    info = dataclasses.replace(store.info, format="safetensors")
    (root / SHARDS).mkdir(parents=True)
    count = max(1, (shard_bytes - HEADER) // patch_bytes(info))
    shards: list[str] = []
    offsets: list[int] = []
    patches: list[str] = []
    files: dict[str, str] = {}
    for first in range(0, len(store), count):
        rows = range(first, min(first + count, len(store)))
        name = f"{SHARDS}/{first // count:05d}.safetensors"
        digests, files[name] = _write_shard(store, root / name, info, rows, progress)
        shards += [name] * len(rows)
        offsets += range(len(rows))
        patches += digests
    table = store.index
    for column, values in (("shard", shards), ("offset", offsets), ("sha256", patches)):
        table = replaced(table, column, pa.array(values, table.schema.field(column).type))
    write_index(root, info, table, files)


def _write_shard(
    store: PatchStore, path: Path, info: StoreInfo, rows: range, progress: Progress
) -> tuple[list[str], str]:
    """Digests of the patches, and of the file."""
    shard = ShardFile(path, info)
    digests: list[str] = []
    for windows in _read(store, rows):
        digests += shard.write(windows)
        progress(rows.start + len(digests), len(store))
    return digests, shard.finish()


def _read(store: PatchStore, rows: Sequence[int]) -> Iterator[Windows]:
    """Patches by batches, each compared with its digest in the index."""
    expected = store.index["sha256"]

    def read(row: int) -> tuple[np.ndarray, np.ndarray]:
        if store.digests(row)[0] != expected[row].as_py():
            raise InputError(f"{store.path}: patch {store.index['patch_id'][row]} is not what was written")
        return store.read(row)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(rows), _BATCH):
            images, labels = zip(*pool.map(read, rows[first : first + _BATCH]), strict=True)
            yield Windows.of_patches(np.stack(images), np.stack(labels), store.info.size)
