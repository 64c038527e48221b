"""Rows that wait until there is a use for them."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Pixel = TypeVar("Pixel", bound=np.generic)


class Waiting(Generic[Pixel]):
    """First in, first out; rows are the last axis but one of every array.

    One thread may add rows while another takes some that were added before.
    """

    def __init__(self) -> None:
        self._parts: deque[npt.NDArray[Pixel]] = deque()

    def add(self, rows: npt.NDArray[Pixel]) -> None:
        """Add the next ones, (..., n, width)."""
        self._parts.append(rows)

    def take(self, count: int) -> npt.NDArray[Pixel]:
        """The first ``count`` rows, (..., count, width)."""
        parts, missing = [], count
        while missing:
            first = self._parts.popleft()
            if first.shape[-2] > missing:
                # A copy: a view would hold on to all rows of the part.
                self._parts.appendleft(first[..., missing:, :].copy())
                first = first[..., :missing, :]
            parts.append(first)
            missing -= first.shape[-2]
        return np.ascontiguousarray(parts[0]) if len(parts) == 1 else np.concatenate(parts, axis=-2)
