"""A finished store that lacks pairs, begun again so that these can be added: the rest keeps its bytes."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from catfast.errors import InputError, OutputError
from catfast.patches.files import PARTS, file_stem
from catfast.patches.info import INFO_NAME, StoreInfo
from catfast.patches.shards import SHARDS
from catfast.patches.store import PatchStore, open_store
from catfast.patches.writer import DIGESTS
from catfast.raster import fsync_folder, output_errors
from catfast.sums import SUMS_NAME, read_sums
from catfast.temporary import temporary_folder

FAILED = "failed"
"""Option under which ``store.json`` lists the pairs that could not be cut."""

PARTLY = "partly"
"""Option under which it then lists the pairs that lost patches to the choice: others may bring them back."""


def lacking(root: Path, info: StoreInfo) -> set[str]:
    """Pairs that a finished store lacks because of their files.

    Raises:
        InputError: its account of them is none.
    """
    return _listed(root, info, FAILED)


def _listed(root: Path, info: StoreInfo, name: str) -> set[str]:
    pairs = info.options.get(name, [])
    if not isinstance(pairs, list) or not all(isinstance(pair, str) for pair in pairs):
        raise InputError(f"{root / INFO_NAME}: expected a list of pairs as option {name}, found {pairs!r}")
    return set(pairs)


def without_account(options: Mapping[str, object]) -> dict[str, object]:
    """The options of a store as they were asked for."""
    return {name: value for name, value in options.items() if name not in (FAILED, PARTLY)}


def reopen(root: Path, info: StoreInfo, found: StoreInfo, ready: Collection[str]) -> None:
    """Make a finished store one that is begun, with all pairs done but those that it lacks or has in part.

    The choice among patches is made anew over all pairs in the end, so that the store is the same as one
    made in one go. For that, pairs of which patches were dropped are cut again.

    Args:
        root: the store.
        info: what it is made with.
        found: its ``store.json``.
        ready: pairs whose files are there now.

    Raises:
        OutputError: pairs that the store has are not ready, or nothing would be left as it is.
        InputError: the store is damaged.
    """
    store, partly = open_store(root), _listed(root, found, PARTLY)
    whole = set(store.index["pair_id"].to_pylist()) - partly
    told = (
        f"{root}: exists already, without {len(lacking(root, found))} pairs whose files were of no use then; "
    )
    if PARTLY not in found.options or not whole:
        raise OutputError(
            f"{told}every other one lost patches to the choice among all, which the new ones would change: "
            "--overwrite makes it anew"
        )
    gone = sorted((whole | partly) - set(ready))
    if gone:
        raise OutputError(
            f"{told}to add them, what it is split by must be read from the files of all, and there are none "
            f"of {gone[0]} now: --overwrite makes it anew without"
        )
    with output_errors(root), temporary_folder(root / PARTS) as folder:
        _take_apart(store, folder, whole)
        (folder / INFO_NAME).write_text(replace(info, command=found.command).to_json(), "utf-8")
        fsync_folder(folder)
        folder.replace(root / PARTS)
        fsync_folder(root)


def _take_apart(store: PatchStore, folder: Path, whole: Collection[str]) -> None:
    """Write the part of each pair as it was before the store was finished."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    sums, places = read_sums(store.path), defaultdict(list)
    for place, pair_id in enumerate(store.index["pair_id"].to_pylist()):
        places[pair_id].append(place)
    undecided = pa.nulls(len(store), pa.string())
    index = store.index.set_column(store.index.schema.get_field_index("split"), "split", undecided)
    for pair_id in sorted(whole):
        rows = index.take(places[pair_id])
        shards = pc.unique(rows["shard"]).to_pylist()
        files = {name for shard in shards for name in (shard, *store.files_of(shard))}
        if not files <= sums.keys():
            raise InputError(f"{store.path}: {min(files - sums.keys())} has no line in {SUMS_NAME}")
        metadata = {**rows.schema.metadata, DIGESTS: json.dumps({name: sums[name] for name in sorted(files)})}
        pq.write_table(rows.replace_schema_metadata(metadata), folder / f"{file_stem(pair_id)}.parquet")
        for shard in shards:
            if shard.startswith(f"{SHARDS}/"):
                _link(store.path / shard, folder / Path(shard).name)


def _link(source: Path, target: Path) -> None:
    """The same file under another name, or where file systems have no such thing a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
