"""From patches that were cut to a store: which stay, and which split each pair goes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catfast.errors import InputError, Notice
from catfast.patches.begin import remove
from catfast.patches.choose import balanced, drawn, thin
from catfast.patches.config import PatchesConfig
from catfast.patches.files import PARTS
from catfast.patches.finishing import finish
from catfast.patches.gather import Work
from catfast.patches.info import StoreInfo
from catfast.patches.jobs import Job
from catfast.patches.reopening import FAILED, PARTLY
from catfast.patches.splits import Node, assign, few_components, strip_id
from catfast.patches.store import PatchStore

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A finished store."""

    store: PatchStore
    """It."""
    dropped: int
    """Patches that were cut, but are near-duplicates or were not drawn."""
    notices: tuple[Notice, ...]
    """What the user should know."""


def settle(work: Work, info: StoreInfo, failed: Sequence[str]) -> Settled:
    """Choose among the patches in the parts of a store, split them, finish the store.

    Args:
        work: what was done.
        info: what the store was begun with.
        failed: ids of pairs that could not be cut, for ``store.json``.

    Raises:
        InputError: there is no patch at all, and the store is removed; or a pair's files are gone.
        OutputError: the disk did not take it.
    """
    config, root = work.config, work.config.output
    index = _parts(root)
    keep = _chosen(index, config)
    if not keep:
        remove(root)
        raise InputError(
            f"{root}: expected patches, found none that passes the filters in {len(work.jobs)} pairs "
            f"(--min-valid {config.min_valid:g}, shares of cloud and snow)"
        )
    nodes = _nodes(index, keep, {job.pair.pair_id: job for job in work.jobs})
    splits = assign(nodes, config.splits, config.seed)
    ids, pairs = (index[name].to_pylist() for name in ("patch_id", "pair_id"))
    chosen = {patch: splits[pair] for patch, pair in zip(ids, pairs, strict=True) if patch in keep}
    partly = {pair for patch, pair in zip(ids, pairs, strict=True) if patch not in keep}
    account = {FAILED: sorted(failed), PARTLY: sorted(partly)} if failed else {}
    lacking = few_components(nodes, config.splits)
    return Settled(
        store=finish(root, replace(info, options={**info.options, **account}), chosen, keep),
        dropped=len(ids) - len(keep),
        notices=(Notice("few_grounds", lacking),) if lacking else (),
    )


def _parts(root: Path) -> pa.Table:
    """Rows of all finished groups."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pq.ParquetFile(path).read() for path in sorted((root / PARTS).glob("[!.]*.parquet"))]
    return pa.concat_tables([table.replace_schema_metadata(None) for table in tables])


def _chosen(index: pa.Table, config: PatchesConfig) -> set[str]:
    keep = thin(index, config.max_overlap)
    if config.balance:
        return balanced(index, keep, config.seed, config.max_patches)
    return drawn(keep, config.seed, config.max_patches)


def _nodes(index: pa.Table, keep: set[str], jobs: dict[str, Job]) -> list[Node]:
    """The pairs of the patches that stay, each with the ground of these."""
    import shapely

    rows = defaultdict(list)
    columns = (index[name].to_pylist() for name in ("patch_id", "pair_id", "geometry"))
    for patch, pair_id, shape in zip(*columns, strict=True):
        if patch in keep:
            rows[pair_id].append(shape)
    nodes = []
    for pair_id, shapes in rows.items():
        if pair_id not in jobs:
            raise InputError(f"{pair_id}: was cut before, but its files, which say its strip, are gone now")
        pair, files = jobs[pair_id].pair, jobs[pair_id].files
        outlines = shapely.from_wkb(np.array(shapes, object))
        node = Node(
            pair_id=pair_id,
            ps_id=pair.ps_id,
            l8_id=pair.l8_id,
            acquired=pair.ps_acquired,
            strip=strip_id(files.image, pair.ps_id),
            footprint=shapely.convex_hull(shapely.multipolygons(outlines)),
            patches=len(shapes),
        )
        nodes.append(node)
    return nodes
