"""The pairs of a run with their files: all that is known before a pixel is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catfast.errors import InputError
from catfast.patches.config import PatchesConfig
from catfast.patches.info import StoreInfo
from catfast.patches.jobs import Job
from catfast.patches.opening import Kind, open_pair
from catfast.patches.pairlist import Pair, read_pairs
from catfast.patches.results import Failure
from catfast.patches.scenes import PairFiles, SceneIndex
from catfast.raster import file_sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done."""

    config: PatchesConfig
    """Options."""
    info: StoreInfo
    """What the store is made with."""
    jobs: tuple[Job, ...]
    """A pair with its files each, ordered by ``pair_id``."""
    failures: tuple[Failure, ...]
    """Pairs without files."""


def gather(pairs: Path, config: PatchesConfig) -> Work:
    """Read the pairs and look their files up.

    Raises:
        InputError: the pairs cannot be read, or a folder of scenes is none.
    """
    found, failures = _located(read_pairs(pairs), SceneIndex(config.scenes))
    kind = _kind(found)
    info = StoreInfo(
        format=config.format,
        size=config.size,
        stride=config.step,
        gsd_m=kind.gsd_m,
        scheme=config.scheme,
        method=config.method,
        soft=config.soft,
        simulated=kind.simulated,
        options={"pairs_sha256": file_sha256(pairs), **config.options()},
        command=config.command(pairs),
    )
    jobs = [
        Job(root=config.output, info=info, config=config, kind=kind, pair=pair, files=files)
        for pair, files in found
    ]
    return Work(config=config, info=info, jobs=tuple(jobs), failures=tuple(failures))


def _located(pairs: Sequence[Pair], index: SceneIndex) -> tuple[list[tuple[Pair, PairFiles]], list[Failure]]:
    found, failures = [], []
    for pair in pairs:
        try:
            found.append((pair, index.files(pair)))
        except InputError as error:
            failures.append(Failure(pair_id=pair.pair_id, message=str(error)))
    return found, failures


def _kind(found: Sequence[tuple[Pair, PairFiles]]) -> Kind:
    """What the first pair that can be opened is like; those that cannot fail when their turn comes."""
    for _, files in found:
        try:
            with open_pair(files) as opened:
                return opened.kind
        except InputError:
            continue
    return Kind(gsd_m=1.0, simulated=False)
