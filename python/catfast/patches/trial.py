"""How many patches, bytes and seconds: from the headers of all scenes and a few rows of tiles on trial."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from catfast.errors import InputError
from catfast.patches.cutting import pair_batches
from catfast.patches.jobs import Job
from catfast.patches.opening import open_pair
from catfast.patches.results import Failure
from catfast.patches.tiles import starts, tile_count
from catfast.patches.writer import GroupWriter
from catfast.raster import Grid, open_raster

TRIALS = 12
"""Rows of tiles that are cut and written on trial, of as many pairs as there are."""

_GOLDEN = (math.sqrt(5) - 1) / 2
"""Its multiples modulo 1 are spread evenly however many are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A job and the grid of its image."""

    job: Job
    """The job."""
    grid: Grid
    """Where its tiles lie."""

    @property
    def tiles(self) -> int:
        """Whole tiles of the image."""
        return tile_count(self.grid, self.job.config.size, self.job.config.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a few rows of tiles came to."""

    tiles: int
    """Tiles that were tried."""
    patches: int
    """Those that pass the filters."""
    bytes: int
    """Size of their files."""
    seconds: float
    """Wall time."""
    failures: tuple[Failure, ...]
    """Pairs whose files turned out to be of no use."""


def openable(jobs: Sequence[Job]) -> tuple[list[Ground], list[Failure]]:
    """Jobs whose files can be opened and are of the store's kind; and why the others' are not."""
    good, failures = [], []
    for job in jobs:
        try:
            with open_pair(job.files) as opened:
                job.kind.check(job.files, opened.kind)
                good.append(Ground(job=job, grid=opened.raster.info.grid))
        except InputError as error:
            failures.append(Failure(pair_id=job.pair.pair_id, message=str(error)))
    return good, failures


def grounds(jobs: Sequence[Job]) -> list[Ground]:
    """Jobs whose images can be opened."""
    found = []
    for job in jobs:
        with suppress(InputError), open_raster(job.files.image) as raster:
            found.append(Ground(job=job, grid=raster.info.grid))
    return found


def try_some(grounds: Sequence[Ground]) -> Trial:
    """Cut and write rows of tiles, spread over scenes and over their heights, into a folder for the while."""
    full = [ground for ground in grounds if ground.tiles]
    tried = patches = 0
    failures = []
    started = time.perf_counter()
    with TemporaryDirectory(prefix="catfast_") as folder:
        root = Path(folder)
        for job, rows in _spread(full):
            with GroupWriter(root, job.info, job.pair.pair_id) as writer:
                try:
                    for batch in pair_batches(job.pair, job.files, job.config, job.kind, rows):
                        batch.write(writer)
                        patches += len(batch.records)
                        tried += batch.tiles
                except InputError as error:
                    failures.append(Failure(pair_id=job.pair.pair_id, message=str(error)))
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return Trial(tiles=tried, patches=patches, bytes=size, seconds=seconds, failures=tuple(failures))


def _spread(grounds: Sequence[Ground]) -> Iterator[tuple[Job, list[int]]]:
    """Jobs to try, and the first rows of their tiles to be tried.

    Footprints are turned within their rasters: the middle row alone would have more to show than most.
    """
    chosen = Counter(place * len(grounds) // TRIALS for place in range(TRIALS if grounds else 0))
    for place, (index, count) in enumerate(chosen.items()):
        job, grid = grounds[index].job, grounds[index].grid
        rows = starts(grid.height, job.config.size, job.config.step)
        heights = [(part + (place + 0.5) * _GOLDEN % 1) / count for part in range(count)]
        yield job, sorted({rows[int(height * len(rows))] for height in heights})
