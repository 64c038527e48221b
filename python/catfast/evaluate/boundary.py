"""How near the edges of clouds lie to the true ones, counted while rows stream by.

An edge pixel is a cloud pixel with a 4-neighbour that is known and not cloud; it is near where a cloud edge
of the other mask lies within a Euclidean distance (boundary F1 of Csurka et al., BMVC 2013, pooled).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["DISTANCES", "BoundaryCounter", "dilate", "edges"]

DISTANCES = (1, 3, 10)
"""Pixels."""

_MARGIN = max(DISTANCES) + 1
_BATCH = 256

Flags = npt.NDArray[np.bool_]


def edges(cloud: Flags, known: Flags) -> Flags:
    """Cloud pixels beside known pixels that are not cloud, (h, w)."""
    other = np.pad(known & ~cloud, 1)
    beside = other[:-2, 1:-1] | other[2:, 1:-1] | other[1:-1, :-2] | other[1:-1, 2:]
    found: Flags = cloud & known & beside
    return found


def dilate(flags: Flags, radius: int) -> Flags:
    """Where a flag is set within ``radius`` pixels (Euclidean), (h, w)."""
    height, width = flags.shape
    padded = np.pad(flags, ((radius, radius), (radius + 1, radius)))
    sums = np.cumsum(padded, axis=1, dtype=np.int32)
    found = np.zeros(flags.shape, bool)
    for down in range(-radius, radius + 1):
        reach = int((radius**2 - down**2) ** 0.5)
        rows = sums[radius + down : radius + down + height]
        right, left = radius + 1 + reach, radius - reach
        found |= rows[:, right : right + width] > rows[:, left : left + width]
    return found


class BoundaryCounter:
    """Takes rows of truth and answer in order, and counts edges with just enough rows of context."""

    def __init__(self) -> None:
        self.counts = np.zeros((2, 1 + len(DISTANCES)), np.int64)
        """Of the answer's edges and of the truth's: all, and those near the other's."""
        self._held: list[npt.NDArray[np.uint8]] = []
        self._rows = 0
        self._done = 0  # held rows that are counted and stay as context

    def add(self, truth: Flags, answer: Flags, known: Flags) -> None:
        """The next rows: where truth and answer are cloud, and where both are known; each (n, width)."""
        self._held.append(known * (1 + truth.astype(np.uint8) + 2 * answer.astype(np.uint8)))
        self._rows += len(known)
        if self._rows - self._done >= _BATCH + 2 * _MARGIN:
            self._count(self._rows - _MARGIN)

    def finish(self) -> npt.NDArray[np.int64]:
        """Count what is left and return all counts."""
        if self._held:
            self._count(self._rows)
        return self.counts

    def _count(self, stop: int) -> None:
        packed = np.concatenate(self._held)
        known, bits = packed > 0, packed - (packed > 0)
        both = [edges((bits & bit) > 0, known) for bit in (2, 1)]
        part = slice(self._done, stop)
        for row, (own, other) in enumerate((both, both[::-1])):
            self.counts[row, 0] += own[part].sum()
            for column, distance in enumerate(DISTANCES, start=1):
                self.counts[row, column] += (own & dilate(other, distance))[part].sum()
        keep = max(0, stop - _MARGIN)
        self._held, self._rows, self._done = [packed[keep:]], len(packed) - keep, stop - keep
