"""One pair as a piece of work that can be done anywhere, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catfast.errors import InputError, Notice
from catfast.patches.ahead import ahead
from catfast.patches.config import PatchesConfig
from catfast.patches.cutting import pair_batches
from catfast.patches.files import part_path
from catfast.patches.info import StoreInfo
from catfast.patches.opening import Kind
from catfast.patches.pairlist import Pair
from catfast.patches.results import Failure
from catfast.patches.scenes import PairFiles
from catfast.patches.writer import GroupWriter
from catfast.workers import StoppedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A pair to be cut into a store."""

    root: Path
    """The store."""
    info: StoreInfo
    """What it is made with."""
    config: PatchesConfig
    """Options."""
    kind: Kind
    """What its scenes are like."""
    pair: Pair
    """The pair."""
    files: PairFiles
    """Its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a job."""

    pair_id: str
    """The pair."""
    patches: int
    """Patches that were written, before thinning and choice."""
    tiles: int
    """Tiles that they were chosen from."""
    notices: tuple[Notice, ...] = ()
    """What the user should know of the scene."""
    failure: Failure | None = None
    """Why there are none."""


def run_job(job: Job, stop: Callable[[], bool] | None = None) -> Outcome:
    """Cut a pair; its patches are there, all of them, or none is.

    Args:
        job: the pair.
        stop: whether to give up, asked between batches.

    Raises:
        StoppedError: ``stop`` said so.
        OutputError: the disk did not take them: of no use to go on with other pairs.
    """
    pair_id = job.pair.pair_id
    if part_path(job.root, pair_id).exists():
        return Outcome(pair_id=pair_id, patches=0, tiles=0)
    patches = tiles = 0
    notices: tuple[Notice, ...] = ()
    try:
        batches = pair_batches(job.pair, job.files, job.config, job.kind)
        with GroupWriter(job.root, job.info, pair_id) as writer, ahead(batches) as coming:
            for batch in coming:
                if stop is not None and stop():
                    raise StoppedError
                batch.write(writer)
                patches += len(batch.records)
                tiles += batch.tiles
                notices = batch.notices
    except InputError as error:
        failure = Failure(pair_id=pair_id, message=str(error))
        return Outcome(pair_id=pair_id, patches=0, tiles=tiles, failure=failure)
    return Outcome(pair_id=pair_id, patches=patches, tiles=tiles, notices=notices)
