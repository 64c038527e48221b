"""Both scenes of a pair on Landsat's grid, around the PlanetScope footprint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.errors import InputError
from catfast.labels.nodes import Mapper
from catfast.landsat import FILL, check_codes
from catfast.planet import Scene
from catfast.raster import Grid, Raster, ground_sampling_distance, open_raster

__all__ = ["Coarse", "read_coarse"]

MARGIN_M = 2100.0
"""Landsat is read this far around the footprint: as far as clouds are looked for."""

LARGEST = 2048
"""Landsat pixels a side that are looked at, the middle of larger scenes: PlanetScope's need 1,500."""

CELL_M = 10.0
"""The scene is averaged to cells of about this size before Landsat's pixels collect them."""

COVERED = 0.6
"""Share of its cells that a Landsat pixel needs."""

ROWS = 512
NODE_STEP = 64

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coarse:
    """A pair on a part of Landsat's grid, (h, w) pixels."""

    landsat: Floats
    """(4, h, w): bands 2 to 5, any linear unit."""
    qa: npt.NDArray[np.uint16]
    """(h, w): QA_PIXEL."""
    planet: Floats
    """(4, h, w): the scene's mean, any linear unit; meaningless outside ``inside``."""
    inside: Flags
    """(h, w): seen by both."""
    pixel_m: float
    """Metres a pixel."""


def read_coarse(qa: Raster, bands: Sequence[Path], raster: Raster, scene: Scene) -> Coarse | None:
    """Read a pair, the scene by rows; None where the two do not overlap.

    Raises:
        InputError: a file cannot be read, or a band does not lie on the grid of the QA file.
    """
    mapper = Mapper(qa.info.grid, raster.info.grid)
    pixel_m = max(ground_sampling_distance(qa.info.grid))
    window = _window(mapper, qa.info.grid, raster.info.grid, math.ceil(MARGIN_M / pixel_m))
    if window is None:
        return None
    codes = qa.read_window([1], *window)[0]
    check_codes(qa.info.path, codes)
    landsat = np.stack([_band(path, qa, window) for path in bands])
    planet, covered = _collect(raster, scene, mapper, window, pixel_m)
    seen = ((codes & FILL) == 0) & (landsat > 0).all(axis=0)
    return Coarse(landsat=landsat, qa=codes, planet=planet, inside=covered & seen, pixel_m=pixel_m)


def _window(mapper: Mapper, landsat: Grid, scene: Grid, margin: int) -> tuple[Span, Span] | None:
    """Rows and columns of Landsat's grid around the scene."""
    rows, columns = (np.linspace(-0.5, n - 0.5, 65) for n in (scene.height, scene.width))
    edge = np.concatenate(
        [mapper.locate(*np.broadcast_arrays(r, c)) for r in rows[[0, -1]] for c in [columns]]
        + [mapper.locate(*np.broadcast_arrays(rows, c)) for c in columns[[0, -1]]]
    )
    edge = edge[np.isfinite(edge).all(axis=1)]
    spans = []
    for axis, size in enumerate((landsat.height, landsat.width)):
        if not len(edge):
            return None
        low, high = edge[:, axis].min() - margin, edge[:, axis].max() + margin
        cut = max(high - low - LARGEST, 0.0) / 2
        start, stop = max(math.floor(low + cut), 0), min(math.ceil(high - cut), size)
        if stop - start <= margin:
            return None
        spans.append((start, stop))
    return spans[0], spans[1]


def _band(path: Path, qa: Raster, window: tuple[Span, Span]) -> Floats:
    with ExitStack() as stack:
        band = stack.enter_context(open_raster(path))
        grid, expected = band.info.grid, qa.info.grid
        same = (grid.width, grid.height, grid.crs) == (expected.width, expected.height, expected.crs)
        if band.info.count != 1 or not same or not grid.transform.almost_equals(expected.transform, 1e-3):
            raise InputError(f"{path}: expected one band on the grid of {qa.info.path}, found another grid")
        return np.asarray(band.read_window([1], *window)[0], np.float32)


def _collect(
    raster: Raster, scene: Scene, mapper: Mapper, window: tuple[Span, Span], pixel_m: float
) -> tuple[Floats, Flags]:
    """Means of the scene in Landsat's pixels, (4, h, w), and where there are enough to count."""
    grid = raster.info.grid
    (top, bottom), (left, right) = window
    height, width = bottom - top, right - left
    gsd = ground_sampling_distance(grid)
    factor = (max(round(CELL_M / gsd[0]), 1), max(round(CELL_M / gsd[1]), 1))
    sums = np.zeros((len(scene.bands) + 1, height * width))
    step = math.ceil(ROWS / math.lcm(raster.info.block_rows, factor[0])) * math.lcm(
        raster.info.block_rows, factor[0]
    )
    for start in range(0, grid.height, step):
        means, place = _cells(raster, scene, mapper, start, min(start + step, grid.height), factor)
        row, column = np.floor(place[..., 0]) - top, np.floor(place[..., 1]) - left
        kept = (row >= 0) & (row < height) & (column >= 0) & (column < width) & np.isfinite(means[0])
        index = (row[kept] * width + column[kept]).astype(np.int64)
        for total, weights in zip(sums, [*means[:, kept], None], strict=True):
            total += np.bincount(index, weights, minlength=height * width)
    counts = sums[-1]
    full = pixel_m**2 / (factor[0] * gsd[0] * factor[1] * gsd[1])
    planet = (sums[:-1] / np.maximum(counts, 1.0)).astype(np.float32).reshape(-1, height, width)
    return planet, (counts >= COVERED * full).reshape(height, width)


def _cells(
    raster: Raster, scene: Scene, mapper: Mapper, start: int, stop: int, factor: tuple[int, int]
) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Means (4, r, c) of rows of the scene, NaN where nothing was seen, and places of the cells (r, c, 2)."""
    dn = raster.read_rows(scene.bands, start, stop)
    if dn.dtype != np.uint16:
        dn = dn.astype(np.float32)
    valid = np.empty(dn.shape[1:], np.uint8)
    _core.valid_mask(dn, scene.nodata, valid)
    rows, columns = -(-dn.shape[1] // factor[0]), -(-dn.shape[2] // factor[1])
    means = np.empty((len(dn), rows, columns), np.float32)
    first, area = start // factor[0], (float(factor[0]), float(factor[1]))
    _core.resample_area(dn, valid, np.ones(len(dn)), means, factor=area, first_row=first, src_row=start)
    return means, _places(mapper, (start, rows, factor[0]), (columns, factor[1]))


def _places(mapper: Mapper, down: tuple[int, int, int], across: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Landsat (row, column) of the middles of cells, straight lines between every 64th along the rows."""
    start, rows, tall = down
    columns, wide = across
    row = start + (np.arange(rows) + 0.5) * tall - 0.5
    nodes = np.arange(0, columns + NODE_STEP, NODE_STEP)
    known = mapper.locate(*np.meshgrid(row, (nodes + 0.5) * wide - 0.5, indexing="ij"))
    place = np.arange(columns) / NODE_STEP
    before = place.astype(np.int64)
    part = (place - before)[:, None]
    return np.asarray(known[:, before] * (1 - part) + known[:, before + 1] * part)
