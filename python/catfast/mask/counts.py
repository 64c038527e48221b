"""Scene pixels as they are in the file, and which of them were seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Counts:
    """A rectangle of pixels."""

    dn: npt.NDArray[Any]
    """uint16 or float32, (bands, h, w)."""
    valid: npt.NDArray[np.uint8]
    """1 where a pixel was seen, (h, w)."""

    @classmethod
    def empty(cls, shape: tuple[int, int, int], dtype: npt.DTypeLike) -> Self:
        """Bands, rows and columns whose values are not set."""
        return cls(np.empty(shape, dtype), np.empty(shape[1:], np.uint8))

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.valid)

    @property
    def columns(self) -> int:
        """How many."""
        return int(self.valid.shape[1])

    def part(self, rows: slice, columns: slice) -> Self:
        """A copy of some rows and columns, which does not hold on to the others."""
        return type(self)(self.dn[:, rows, columns].copy(), self.valid[rows, columns].copy())

    def put(self, other: Self, column: int) -> None:
        """Copy ``other``, which has as many rows, to the columns from ``column`` on."""
        columns = slice(column, column + other.columns)
        self.dn[:, :, columns], self.valid[:, columns] = other.dn, other.valid

    def above(self, other: Self) -> Self:
        """These rows and then those of ``other``."""
        return self._joined(other, -2) if self.rows else other

    def beside(self, other: Self) -> Self:
        """These columns and then those of ``other``."""
        return self._joined(other, -1) if self.columns else other

    def _joined(self, other: Self, axis: int) -> Self:
        dn = np.concatenate([self.dn, other.dn], axis=axis)
        return type(self)(dn, np.concatenate([self.valid, other.valid], axis=axis))
