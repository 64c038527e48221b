"""Which scenes can meet at all, by times and bounds alone: nothing else of the others need be read.

What is left out here no pair can hold; what is kept may still be in none, which the query finds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast._core import mark_meeting

MOST = 500_000
"""Scenes that can meet, beyond which leaving out the others gains nothing."""

_BATCH = 1 << 17
_THREADS = 4
_SIDES = ("xmin", "ymin", "xmax", "ymax")

Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Scenes = tuple[Times, list[npt.NDArray[np.float64]]]
"""Times, epoch milliseconds, and the four sides of the bounds, metres; each (n,)."""


def meeting_times(
    planet: Path, landsat: Path, window_ms: int, most: int = MOST
) -> tuple[Times, Times] | None:
    """Times, in order and each once, of the scenes of each catalogue that can meet one of the other.

    They can where they lie within `window_ms` of each other and their bounds touch. None where more than
    `most` of a catalogue can. Only times and bounds are read, of the longer one a part at a time.
    """
    ps, l8 = _size(planet), _size(landsat)
    few, many = (planet, landsat) if ps < l8 else (landsat, planet)
    scenes = _in_order(_read(few, range(min(ps, l8)[1])))

    def meeting(groups: list[int]) -> tuple[Times, Flags]:
        return _meeting(_read(many, groups), scenes, window_ms, most)

    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(meeting, _shares(max(ps, l8)[1])))
    times, flags = (list(parts) for parts in zip(*found, strict=True))
    met_few = np.logical_or.reduce(flags)
    if sum(map(len, times)) > most or np.count_nonzero(met_few) > most:
        return None
    of_few, of_many = np.unique(scenes[0][met_few]), np.unique(np.concatenate(times))
    return (of_few, of_many) if few == planet else (of_many, of_few)


def _meeting(parts: Iterable[Scenes], few: Scenes, window_ms: int, most: int) -> tuple[Times, Flags]:
    """Times of those of `parts` that meet one of `few`, until there are too many; which of `few` meet one."""
    times: list[Times] = [np.empty(0, np.int64)]
    met_few = np.zeros(len(few[0]), bool)
    for part in parts:
        met = np.zeros(len(part[0]), bool)
        mark_meeting(*part, *few, window_ms, met, met_few)
        times.append(part[0][met])
        if sum(map(len, times)) > most:
            break
    return np.concatenate(times), met_few


def _size(path: Path) -> tuple[int, int]:
    """Rows and row groups."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows), int(file.num_row_groups)


def _shares(count: int) -> list[list[int]]:
    """Row groups in turns, a few each thread."""
    return [list(range(first, count, 2 * _THREADS)) for first in range(min(count, 2 * _THREADS))]


def _read(path: Path, groups: Iterable[int]) -> Iterator[Scenes]:
    import pyarrow.parquet as pq

    columns = ["acquired", *(f"bbox.{side}" for side in _SIDES)]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH, list(groups), columns, use_threads=False):
            times, box = batch.column("acquired").view("int64"), batch.column("bbox")
            yield np.asarray(times, np.int64), [np.asarray(box.field(side)) for side in _SIDES]


def _in_order(parts: Iterable[Scenes]) -> Scenes:
    times, sides = zip(*parts, strict=True)
    joined = np.concatenate(times)
    order = np.argsort(joined, kind="stable")
    return joined[order], [np.concatenate(side)[order] for side in zip(*sides, strict=True)]
