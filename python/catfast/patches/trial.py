"""How many patches, bytes and seconds: from the headers of all scenes and a few rows of tiles on trial."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from catfast.errors import InputError
from catfast.patches.cutting import pair_batches
from catfast.patches.jobs import Job
from catfast.patches.tiles import starts, tile_count
from catfast.patches.writer import GroupWriter
from catfast.raster import Grid, open_raster

TRIALS = 6
"""Rows of tiles that are cut and written on trial, each of another pair."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a few rows of tiles came to."""

    tiles: int
    patches: int
    bytes: int
    seconds: float


def count_tiles(jobs: Sequence[Job]) -> list[int]:
    """Whole tiles of each scene; 0 where it cannot be opened."""
    found = []
    for job in jobs:
        grid = _grid(job)
        found.append(tile_count(grid, job.config.size, job.config.step) if grid else 0)
    return found


def try_some(jobs: Sequence[Job], tiles: Sequence[int]) -> Trial:
    """Cut and write the middle row of tiles of a few scenes, spread over all, into a folder for the while."""
    full = [job for job, count in zip(jobs, tiles, strict=True) if count]
    some = [full[k * len(full) // TRIALS] for k in range(TRIALS)] if len(full) > TRIALS else full
    tried = patches = 0
    started = time.perf_counter()
    with TemporaryDirectory(prefix="catfast_") as folder:
        root = Path(folder)
        for job in some:
            with GroupWriter(root, job.info, job.pair.pair_id) as writer:
                try:
                    for batch in pair_batches(job.pair, job.files, job.config, job.kind, _middle(job)):
                        batch.write(writer)
                        patches += len(batch.records)
                        tried += batch.tiles
                except InputError:
                    continue
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return Trial(tried, patches, size, seconds)


def _middle(job: Job) -> list[int]:
    grid = _grid(job)
    rows = starts(grid.height, job.config.size, job.config.step) if grid else range(0)
    return [rows[len(rows) // 2]] if rows else []


def _grid(job: Job) -> Grid | None:
    try:
        with open_raster(job.files.image) as raster:
            return raster.info.grid
    except InputError:
        return None
