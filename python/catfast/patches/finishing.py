"""Makes a store of finished groups: choice, splits, index, digests; may be interrupted and run again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catfast.errors import InputError
from catfast.patches.files import FOLDERS, PARTS
from catfast.patches.info import INFO_NAME, StoreInfo
from catfast.patches.records import INDEX_NAME, SPLITS, index_schema
from catfast.patches.shards import SHARDS, compact
from catfast.patches.store import PatchStore, open_store
from catfast.patches.tiffs import label_of
from catfast.patches.writer import DIGESTS
from catfast.raster import atomic_path, file_sha256, output_errors
from catfast.sums import write_sums

if TYPE_CHECKING:
    import pyarrow as pa

_DONE = f".{PARTS}-done"
_ORDER = ("pair_id", "row", "col", "patch_id")


def finish(
    root: Path,
    info: StoreInfo,
    splits: Mapping[str, str],
    keep: Collection[str] | None = None,
) -> PatchStore:
    """Make a store of the groups in ``root``.

    Deletes what is not kept, and every file in the folders of patches that is not in the index. Run again
    after an interruption, with the same arguments, it gives the same bytes as in one go.

    Args:
        root: where the groups were written.
        info: what they were written with.
        splits: ``train``, ``val`` or ``test`` for each patch that is kept, by its id.
        keep: ids of the patches to keep; None: all.

    Raises:
        InputError: there is nothing to finish, or a patch has no split or lost its files.
        OutputError: the disk did not take it.
    """
    with output_errors(root):
        if (root / PARTS).is_dir():
            table, digests = _merged(root, keep)
            table = _with_splits(table, splits)
            table, digests = _settled(root, info, table, digests)
            write_index(root, info, table, digests)
            (root / PARTS).replace(root / _DONE)
        shutil.rmtree(root / _DONE, ignore_errors=True)
    return open_store(root)


def _merged(root: Path, keep: Collection[str] | None) -> tuple[pa.Table, dict[str, str]]:
    """Rows to keep in the order of the index, and the digests of all files by path."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    parts = [pq.ParquetFile(path).read() for path in sorted((root / PARTS).glob("[!.]*.parquet"))]
    if not parts:
        raise InputError(f"{root}: there is no finished group to make a store of")
    digests = {
        path: digest for part in parts for path, digest in json.loads(part.schema.metadata[DIGESTS]).items()
    }
    schema = index_schema()
    table = pa.concat_tables([part.replace_schema_metadata(schema.metadata) for part in parts])
    if keep is not None:
        chosen = pa.array(sorted(set(keep)), pa.string())
        table = table.filter(pc.is_in(table["patch_id"], chosen))
    table = table.sort_by([(name, "ascending") for name in _ORDER]).combine_chunks()
    ids = table["patch_id"].to_pylist()
    if len(set(ids)) < len(ids):
        twice = next(
            patch for patch, after in zip(sorted(ids), sorted(ids)[1:], strict=False) if patch == after
        )
        raise InputError(f"{root}: patch {twice} was written twice")
    return table, digests


def _with_splits(table: pa.Table, splits: Mapping[str, str]) -> pa.Table:
    import pyarrow as pa

    names = [splits.get(patch) for patch in table["patch_id"].to_pylist()]
    for patch, name in zip(table["patch_id"].to_pylist(), names, strict=True):
        if name not in SPLITS:
            raise InputError(f"patch {patch}: expected a split of {', '.join(SPLITS)}, found {name}")
    return replaced(table, "split", pa.array(names, pa.string()))


def replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """The table with other values in one column."""
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)


def _settled(
    root: Path, info: StoreInfo, table: pa.Table, digests: dict[str, str]
) -> tuple[pa.Table, dict[str, str]]:
    """Bring the files of patches to their last state; the table with final offsets, and their digests."""
    shards = table["shard"].to_pylist()
    if info.format == "geotiff":
        wanted = {path for shard in shards for path in (shard, label_of(shard))}
        final = {path: digests[path] for path in wanted}
    else:
        table, final = _settled_shards(root, info, table, digests)
    _remove_others(root, set(final))
    missing = sorted(path for path in final if not (root / path).is_file())
    if missing:
        raise InputError(
            f"{root / missing[0]}: is missing: was the store finished with other options before?"
        )
    return table, final


def _settled_shards(
    root: Path, info: StoreInfo, table: pa.Table, digests: dict[str, str]
) -> tuple[pa.Table, dict[str, str]]:
    import pyarrow as pa

    (root / SHARDS).mkdir(exist_ok=True)
    names = np.array(table["shard"].to_pylist(), object)
    offsets = np.array(table["offset"].to_pylist(), np.int64)
    final = {}
    for shard in sorted(set(names)):
        places = np.flatnonzero(names == shard)
        kept = np.sort(offsets[places])
        cut = compact(root, info, shard, kept)
        final[shard] = file_sha256(root / shard) if cut else digests[shard]
        offsets[places] = np.searchsorted(kept, offsets[places])
    return replaced(table, "offset", pa.array(offsets)), final


def _remove_others(root: Path, wanted: Collection[str]) -> None:
    for folder in FOLDERS:
        for path in (root / folder).glob("*"):
            if f"{folder}/{path.name}" not in wanted:
                path.unlink()
        if (root / folder).is_dir() and not any((root / folder).iterdir()):
            (root / folder).rmdir()
    for path in root.glob(".*.tmp*"):
        path.unlink()


def write_index(root: Path, info: StoreInfo, table: pa.Table, digests: dict[str, str]) -> None:
    """Write the index, the description and, last, the digests of these and of the files of patches.

    Raises:
        OutputError: the disk did not take them.
    """
    import pyarrow.parquet as pq

    with atomic_path(root / INDEX_NAME) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=3, row_group_size=1 << 16)
    with atomic_path(root / INFO_NAME) as temporary:
        temporary.write_text(info.to_json(), "utf-8")
    own = {name: file_sha256(root / name) for name in (INDEX_NAME, INFO_NAME)}
    write_sums(root, digests | own)
