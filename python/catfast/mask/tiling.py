"""Geometry of masking: the network's grid over a scene, tiles with halo on it, the rows each step needs.

A scene pixel y lies at (y + 0.5) / factor - 0.5 on the network's grid, pixel centres at whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_FACTOR = 1.05
"""Below this ratio of ground sampling distances the scene is taken as it is: resampling would only blur."""

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

    def taper(self) -> npt.NDArray[np.float32]:
        """Weight of each pixel of a tile, shape (tile,): rises over the overlap, so that seams vanish."""
        ramp = (np.arange(self.tile) + 1) / (2 * self.halo + 1)
        return np.minimum(np.minimum(ramp, ramp[::-1]), 1).astype(np.float32)

    def scene_end(self, network: int) -> int:
        """Scene pixels that lie under the first ``network`` network pixels."""
        return min(self.scene, math.ceil(network * self.factor))

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


def batches(items: list[int], size: int) -> Iterator[list[int]]:
    """Consecutive groups of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
