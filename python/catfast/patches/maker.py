"""Pairs in, a patch store out."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from catfast.errors import CatfastError, InputError, MissingExtraError, Notice, OutputError
from catfast.patches import local, spark
from catfast.patches.begin import begin, only_writer, remove
from catfast.patches.config import PatchesConfig
from catfast.patches.finishing import finish
from catfast.patches.gather import Work, gather
from catfast.patches.info import StoreInfo
from catfast.patches.jobs import Job
from catfast.patches.records import SPLITS
from catfast.patches.results import Estimate, Failure, PatchesResult
from catfast.patches.settle import settle
from catfast.patches.shards import patch_bytes
from catfast.patches.store import PatchStore
from catfast.patches.trial import grounds, openable, try_some
from catfast.patches.writer import finished_groups

Progress = Callable[[int, int, int], None]
"""Called with (pairs done, pairs in all, patches of the pair just done)."""

MARGIN = 1.1
"""Free space asked for, over what was worked out."""

FILE_BYTES = 4096
"""What a patch may take beyond its pixels: two file headers, or its share of one."""


def cut(pairs: str | Path, config: PatchesConfig, *, progress: Progress | None = None) -> PatchStore:
    """Cut the patches of all pairs into a store.

    Args:
        pairs: what :func:`catfast.pairs.mine` wrote.
        config: options.
        progress: called as pairs are done.

    Raises:
        InputError: the pairs cannot be read, or not one of them gave a patch.
        OutputError: the store is there, made in another way; or the disk has no room or did not take it.
        MissingExtraError: a package is not installed.
    """
    result = make_store(pairs, config, progress=progress)
    if result.store is None:
        raise InputError(result.failures[0].message)
    return result.store


cut_patches = cut
"""The name of :func:`cut` outside this room."""


def make_store(
    pairs: str | Path, config: PatchesConfig, *, progress: Progress | None = None
) -> PatchesResult:
    """:func:`cut`, with an account of the pairs that failed; raises the same, but not for these."""
    started = time.perf_counter()
    _check_packages()
    pairs = Path(pairs)
    _refuse_inputs(pairs, config)
    work = gather(pairs, config)
    if not work.jobs:
        return _account(work, None, started, status="failed", failures=work.failures)
    with only_writer(config.output):
        ready = {job.pair.pair_id for job in work.jobs}
        info, finished = begin(config.output, work.info, overwrite=config.overwrite, ready=ready)
        if finished:
            store = finish(config.output, info, {})
            return _account(work, store, started, status="skipped", failures=work.failures)
        failed, told = _run_or_leave_nothing(work, info, progress)
        failures = work.failures + failed
        if not finished_groups(config.output):
            remove(config.output)
            return _account(work, None, started, status="failed", failures=failures)
        settled = settle(work, info, [failure.pair_id for failure in failures])
    return _account(
        work,
        settled.store,
        started,
        status="done",
        failures=failures,
        dropped=settled.dropped,
        notices=(*settled.notices, *told),
    )


def estimate(pairs: str | Path, config: PatchesConfig) -> Estimate:
    """What :func:`cut` would make; nothing is written but for a trial in a temporary folder.

    Raises:
        InputError: the pairs cannot be read.
        MissingExtraError: a package is not installed.
    """
    _check_packages()
    work = gather(Path(pairs), config)
    found, failures = openable(work.jobs)
    trial = try_some(found)
    failures += trial.failures
    bad = {failure.pair_id for failure in failures}
    total = sum(ground.tiles for ground in found if ground.job.pair.pair_id not in bad)
    share = total / max(trial.tiles, 1)
    patches = round(trial.patches * share)
    kept = min(patches, config.max_patches or patches)
    return Estimate(
        pairs=len(work.jobs) - len(bad),
        failures=_by_pair((*work.failures, *failures)),
        tiles=total,
        tried=trial.tiles,
        patches=kept,
        bytes=round(trial.bytes * share * kept / max(patches, 1)),
        seconds=trial.seconds * share,
    )


def _check_packages() -> None:
    try:
        import pyarrow  # noqa: F401
        import shapely  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("cutting patches", "pairs") from error


def _refuse_inputs(pairs: Path, config: PatchesConfig) -> None:
    """Refuse an output that would take what it is made from with it, were it replaced."""
    output = config.output.resolve()
    for path in (pairs, *config.scenes):
        if path.resolve().is_relative_to(output):
            raise OutputError(f"{config.output}: holds {path}, which it is made from: choose another output")


def _run_or_leave_nothing(
    work: Work, info: StoreInfo, progress: Progress | None
) -> tuple[tuple[Failure, ...], list[Notice]]:
    """:func:`_run`; a folder without a single pair does not outlive its error, one with any is kept."""
    try:
        return _run(work, info, progress)
    except CatfastError:
        if not finished_groups(work.config.output):
            with suppress(OutputError):
                remove(work.config.output)
        raise


def _run(work: Work, info: StoreInfo, progress: Progress | None) -> tuple[tuple[Failure, ...], list[Notice]]:
    """Have every pair cut that is not; those that could not be, and what the user should know of scenes."""
    config, done = work.config, finished_groups(work.config.output)
    jobs = [replace(job, info=info) for job in work.jobs if job.pair.pair_id not in done]
    _check_space(jobs, config, info)
    spread = config.engine == "spark"
    outcomes = spark.run(jobs, config.master) if spread else local.run(jobs, config.workers)
    failures, count, notices = [], len(work.jobs) - len(jobs), Counter[Notice]()
    for outcome in outcomes:
        count += 1
        failures += [outcome.failure] if outcome.failure else []
        notices.update(outcome.notices)
        if progress is not None:
            progress(count, len(work.jobs), outcome.patches)
    told = sorted(notices.items(), key=lambda item: item[0].name)
    return tuple(failures), [Notice(each.name, f"{n} scenes: {each.message}") for each, n in told]


def _check_space(jobs: Sequence[Job], config: PatchesConfig, info: StoreInfo) -> None:
    """Refuse to begin where the disk has no room for what is still to be cut."""
    free, found = shutil.disk_usage(config.output).free, grounds(jobs)
    tiles = sum(ground.tiles for ground in found)
    needed = tiles * (patch_bytes(info) + FILE_BYTES)
    if needed * MARGIN > free:
        trial = try_some(found)
        needed = round(tiles * trial.bytes / max(trial.tiles, 1))
    if needed * MARGIN > free:
        raise OutputError(
            f"{config.output}: expected room for about {needed / 1e9:.3g} GB of patches, "
            f"found {free / 1e9:.3g} GB free"
        )


def _account(
    work: Work,
    store: PatchStore | None,
    started: float,
    *,
    status: str,
    failures: Sequence[Failure] = (),
    dropped: int = 0,
    notices: tuple[Notice, ...] = (),
) -> PatchesResult:
    splits = store.index["split"].to_pylist() if store else []
    return PatchesResult(
        output=work.config.output,
        store=store,
        status=status,
        pairs=len(set(store.index["pair_id"].to_pylist())) if store else 0,
        failures=_by_pair(failures),
        patches={name: splits.count(name) for name in SPLITS if store},
        dropped=dropped,
        warnings=notices,
        seconds=time.perf_counter() - started,
    )


def _by_pair(failures: Sequence[Failure]) -> tuple[Failure, ...]:
    return tuple(sorted(failures, key=lambda failure: failure.pair_id))
