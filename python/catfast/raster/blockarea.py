"""Rectangles of whole blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

Span = tuple[int, int]
"""The first, and the one after the last."""


@dataclass(frozen=True, slots=True)
class BlockArea:
    """Blocks of an image, and the pixels in them."""

    down: Span
    """Rows of blocks."""
    across: Span
    """Columns of blocks."""
    sides: tuple[int, int]
    """Rows and columns of a block."""
    shape: tuple[int, int]
    """Rows and columns of the image: the last blocks hang over."""

    @classmethod
    def under(cls, rows: Span, columns: Span, sides: tuple[int, int], shape: tuple[int, int]) -> Self:
        """The blocks under a window."""
        down, across = (
            (first // side, (stop - 1) // side + 1)
            for (first, stop), side in zip((rows, columns), sides, strict=True)
        )
        return cls(down, across, sides, shape)

    @property
    def rows(self) -> Span:
        """Rows of pixels."""
        return self.down[0] * self.sides[0], min(self.down[1] * self.sides[0], self.shape[0])

    @property
    def columns(self) -> Span:
        """Columns of pixels."""
        return self.across[0] * self.sides[1], min(self.across[1] * self.sides[1], self.shape[1])

    @property
    def pixels(self) -> tuple[int, int]:
        """Rows and columns of pixels, counted."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    @property
    def blocks(self) -> tuple[slice, slice]:
        """Where the blocks are in a table of all."""
        return slice(*self.down), slice(*self.across)

    def overlap(self, other: Self) -> Self | None:
        """The blocks in both."""
        down, across = _both(self.down, other.down), _both(self.across, other.across)
        if down[0] >= down[1] or across[0] >= across[1]:
            return None
        return type(self)(down, across, self.sides, self.shape)

    def blocks_from(self, origin: Self) -> tuple[slice, slice]:
        """Where the blocks are in a table of those of ``origin``."""
        return _shifted(self.down, origin.down[0]), _shifted(self.across, origin.across[0])

    def one(self, down: int, across: int) -> Self:
        """The block at a place in a table of these."""
        y, x = self.down[0] + down, self.across[0] + across
        return type(self)((y, y + 1), (x, x + 1), self.sides, self.shape)

    def window(self, rows: Span, columns: Span) -> tuple[slice, slice]:
        """Where rows and columns of the image are in an array of these pixels."""
        return _shifted(rows, self.rows[0]), _shifted(columns, self.columns[0])


def _both(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])


def _shifted(span: Span, start: int) -> slice:
    return slice(span[0] - start, span[1] - start)
