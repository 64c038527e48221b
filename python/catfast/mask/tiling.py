"""Geometry of masking: the network's grid over a scene, tiles with halo on it, the rows each step needs.

A scene pixel y lies at (y + 0.5) / factor - 0.5 on the network's grid, pixel centres at whole numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_FACTOR = 1.05
"""Below this ratio of ground sampling distances the scene is taken as it is: resampling would only blur."""

MARGIN = 4
"""Network pixels around what was seen that tiles cover too: scene pixels are interpolated between them."""

STRIP_PIXELS = 3_000_000
"""Network pixels of a row of tiles, about: lower tiles over a wide scene keep memory from growing with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Rows or columns of a scene, of the network's grid over it, and of the tiles on that."""

    scene: int
    """Scene pixels."""
    factor: float
    """Scene pixels a network pixel, 1 or more."""
    tile: int
    """Network pixels a tile."""
    halo: int
    """Network pixels by which neighbouring tiles overlap on each side."""

    @classmethod
    def plan(cls, *, scene: int, factor: float, tile: int, halo: int, multiple_of: int) -> Axis:
        """An axis whose tiles are all as long, and no longer than it takes to cover the scene.

        Args:
            scene: scene pixels.
            factor: network over scene ground sampling distance.
            tile: longest tile, network pixels.
            halo: overlap on each side.
            multiple_of: what a tile must be divisible by.
        """
        factor = factor if factor >= MIN_FACTOR else 1.0
        beyond_halo = math.ceil(scene / factor) - 2 * halo
        count = max(1, math.ceil(beyond_halo / (tile - 2 * halo)))
        needed = math.ceil(beyond_halo / count) + 2 * halo
        return cls(scene=scene, factor=factor, tile=math.ceil(needed / multiple_of) * multiple_of, halo=halo)

    @property
    def network(self) -> int:
        """Network pixels that cover the scene."""
        return math.ceil(self.scene / self.factor)

    def origins(self) -> list[int]:
        """First network pixel of each tile; the last tile ends with the grid."""
        last = self.network - self.tile
        if last <= 0:
            return [0]
        step = self.tile - 2 * self.halo
        return [*range(0, last, step), last]

    def scene_end(self, network: int) -> int:
        """Scene pixels that lie under the first ``network`` network pixels."""
        return min(self.scene, math.ceil(network * self.factor))

    def scene_start(self, network: int) -> int:
        """The scene pixel under the beginning of a network pixel."""
        return min(self.scene, math.floor(network * self.factor))

    def whole(self, scene: int) -> int:
        """Network pixels under all of which lie the first ``scene`` scene pixels."""
        if scene >= self.scene:
            return self.network
        found = math.ceil(scene / self.factor)
        while self.scene_end(found) > scene:
            found -= 1
        return found

    def ready(self, network: int, reach: int = 0) -> int:
        """Scene pixels that can be interpolated once the first ``network`` network pixels are final.

        ``reach``: network pixels beyond its two neighbours that a scene pixel depends on.
        """
        if network >= self.network:
            return self.scene
        network -= reach
        # y needs floor((y + 0.5) / factor - 0.5) + 1 <= network - 1: y < factor * (network - 0.5) - 0.5.
        return max(0, min(self.scene, math.ceil(self.factor * (network - 0.5) - 0.5)))


def plan_axes(
    *,
    scene: tuple[int, int],
    factor: tuple[float, float],
    tile: int,
    halo: int,
    multiple_of: int,
) -> tuple[Axis, Axis]:
    """The axes down and across a scene, each given as in :meth:`Axis.plan`."""
    sizes = {"halo": halo, "multiple_of": multiple_of}
    across = Axis.plan(scene=scene[1], factor=factor[1], tile=tile, **sizes)
    lower = max(STRIP_PIXELS // across.network, 4 * halo, 2 * halo + multiple_of)
    tile = min(tile, math.ceil(lower / multiple_of) * multiple_of)
    return Axis.plan(scene=scene[0], factor=factor[0], tile=tile, **sizes), across


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A rectangle of an image, pixels; it may reach beyond an image that is smaller."""

    row: int
    """The first."""
    column: int
    """The first."""
    size: tuple[int, int]
    """Rows and columns."""


def fitted(seen: npt.NDArray[np.bool_], *, tile: int, halo: int, multiple_of: int) -> list[Tile]:
    """Tiles over what was seen of a strip, from left to right; the network has no work with the rest of it.

    Args:
        seen: (h, w), h no more than the rows of a tile.
        tile: widest tile.
        halo: overlap on each side.
        multiple_of: what both sides of a tile must be divisible by.
    """
    tiles: list[Tile] = []
    start, stop = _span(seen, axis=0)
    if not stop:
        return tiles
    for width in _widths(max(stop - start, 2 * halo), tile, halo, multiple_of):
        left = _inside(start, width, seen.shape[1])
        top, bottom = _span(seen[:, left : left + width], axis=1)
        if bottom:
            height = math.ceil(max(bottom - top, 2 * halo) / multiple_of) * multiple_of
            row = _inside(top, height, seen.shape[0])
            tiles.append(Tile(row=row, column=left, size=(height, width)))
        start += width - 2 * halo
    return tiles


def _widths(span: int, tile: int, halo: int, multiple_of: int) -> list[int]:
    """Widths of as few tiles as cover ``span``: alike but for ``multiple_of``, the wide ones first."""
    count = max(1, math.ceil((span - 2 * halo) / (tile - 2 * halo)))
    units = math.ceil((span + (count - 1) * 2 * halo) / multiple_of)
    least, more = divmod(units, count)
    return [(least + (number < more)) * multiple_of for number in range(count)]


def _span(seen: npt.NDArray[np.bool_], axis: int) -> tuple[int, int]:
    """First and end of the columns (``axis`` 0) or rows (1) seen, and a little more; (0, 0) for nothing."""
    lines = np.any(seen, axis=axis)
    found = np.flatnonzero(lines)
    if not found.size:
        return 0, 0
    return max(0, int(found[0]) - MARGIN), min(len(lines), int(found[-1]) + 1 + MARGIN)


def _inside(start: int, length: int, whole: int) -> int:
    """Where a piece that should begin at ``start`` begins so that it lies within ``whole``, if it can."""
    return max(0, min(start, whole - length))


def taper(length: int, halo: int) -> npt.NDArray[np.float32]:
    """Weight of each pixel along a tile, (length,): rises over the overlap, so that seams vanish."""
    ramp = (np.arange(length) + 1) / (2 * halo + 1)
    return np.minimum(np.minimum(ramp, ramp[::-1]), 1).astype(np.float32)


def batches(tiles: list[Tile], most: int) -> Iterator[list[Tile]]:
    """Consecutive tiles of one size, at most so many."""
    for _, same in itertools.groupby(tiles, key=lambda tile: tile.size):
        group = list(same)
        for start in range(0, len(group), most):
            yield group[start : start + most]
