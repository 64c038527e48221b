"""Which ids came before, at eight bytes an id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


class Seen:
    """Remembers ids by a 64-bit hash; two of 18 million share one by chance with odds of 1 in 100,000."""

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.int64]] = []

    def first(self, ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Whether each id is new, in the batch too; all are remembered."""
        hashes = np.array([hash(scene_id) for scene_id in ids], np.int64)
        unique, places = np.unique(hashes, return_index=True)
        new = np.zeros(len(hashes), bool)
        new[places] = True
        for run in self._runs:
            new &= ~_contains(run, hashes)
        self._remember(unique[~self._known(unique)])
        return new

    def _known(self, unique: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        known = np.zeros(len(unique), bool)
        for run in self._runs:
            known |= _contains(run, unique)
        return known

    def _remember(self, run: npt.NDArray[np.int64]) -> None:
        """Keep few sorted runs: one that is no longer than the new one is merged into it."""
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)


def _contains(run: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    if not len(run):
        return np.zeros(len(values), bool)
    places = np.minimum(np.searchsorted(run, values), len(run) - 1)
    return np.asarray(run[places] == values)
