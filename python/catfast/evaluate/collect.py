"""Runs every contender over every sample and keeps one tally for each scene: memory grows with neither."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from catfast.classes import CLASS_CODES, NODATA
from catfast.errors import InputError
from catfast.evaluate.boundary import BoundaryCounter
from catfast.evaluate.codes import THIN
from catfast.evaluate.config import EvaluateConfig
from catfast.evaluate.contenders import Contender, Part
from catfast.evaluate.samples import Opened, Sample, TestSet
from catfast.evaluate.strata import strata_of
from catfast.evaluate.tally import Tally, is_cloud

__all__ = ["Progress", "Unit", "Units", "collect", "tally_of"]

Progress = Callable[[int, int], None]
"""Called with (samples done, samples in all)."""

Key = tuple[str, tuple[str, ...]]
"""A scene, and the part of each split that its samples belong to."""


@dataclass(slots=True)
class Unit:
    """What is remembered of the samples of one scene in one part of every split."""

    samples: int = 0
    """Number of samples."""
    tally: Tally = field(default_factory=Tally)
    """Their counts."""


@dataclass(slots=True)
class Units:
    """What is remembered of one contender."""

    by_key: dict[Key, Unit] = field(default_factory=dict)
    """Counts by scene and parts."""
    worst: list[tuple[int, int, str]] = field(default_factory=list)
    """A heap of the samples with the most errors: errors, minus the place in the test set, name."""
    missing: int = 0
    """Samples without an answer."""


def collect(
    tests: TestSet, contenders: list[Contender], config: EvaluateConfig, progress: Progress | None = None
) -> list[Units]:
    """Run all contenders over all samples, one sample at a time.

    Raises:
        InputError: a file that cannot be read or does not fit, or a contender without any answer.
    """
    found = [Units() for _ in contenders]
    for place, sample in enumerate(tests):
        with sample.open() as opened:
            for contender, units in zip(contenders, found, strict=True):
                parts = contender.rows(sample, opened)
                if parts is None:
                    units.missing += 1
                    continue
                tally = tally_of(parts, opened)
                _remember(units, sample, place, tally, tests, config.worst)
        if progress is not None:
            progress(place + 1, len(tests))
    for contender, units in zip(contenders, found, strict=True):
        if not units.by_key:
            raise InputError(f"{contender.name}: no mask in it has the name of a sample of {tests.path}")
        if not sum(int(unit.tally.confusion.sum()) for unit in units.by_key.values()):
            raise InputError(f"{tests.path}: expected pixels with truth, found none")
    return found


def tally_of(parts: Iterator[Part], opened: Opened) -> Tally:
    """Counts of an answer, row by row."""
    tally, boundary, row = Tally(), BoundaryCounter(), 0
    for part in parts:
        truth = opened.truth(row, row + len(part.mask))
        row += len(part.mask)
        tally.count(truth, part.mask, part.cloud_percent)
        known = (truth != NODATA) & (part.mask != NODATA)
        boundary.add(is_cloud(truth), is_cloud(part.mask), known)
    tally.boundary += boundary.finish()
    return tally


def _remember(units: Units, sample: Sample, place: int, tally: Tally, tests: TestSet, worst: int) -> None:
    if tests.shadow_may_lack:
        _forget_shadow(tally)
    scene = sample.facts.scene or sample.scene_id
    key = (scene, strata_of(sample.facts, tally.confusion, tests.classes))
    unit = units.by_key.setdefault(key, Unit())
    unit.samples += 1
    unit.tally.add(tally)
    if tally.errors and worst:
        heapq.heappush(units.worst, (tally.errors, -place, sample.name))
        if len(units.worst) > worst:
            heapq.heappop(units.worst)


def _forget_shadow(tally: Tally) -> None:
    """Where truth has cloud and no shadow at all, shadow was not drawn: an answer of shadow is clear."""
    truth = tally.confusion.sum(1)
    shadow, clear = CLASS_CODES["shadow"], CLASS_CODES["clear"]
    if truth[CLASS_CODES["cloud"]] + truth[THIN] > 0 and truth[shadow] == 0:
        tally.confusion[:, clear] += tally.confusion[:, shadow]
        tally.confusion[:, shadow] = 0
