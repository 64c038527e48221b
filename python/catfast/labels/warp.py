"""Landsat's QA band on another grid, a band of rows at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import NODATA
from catfast.labels.config import LabelConfig
from catfast.labels.nodes import Mapper, Nodes
from catfast.landsat import check_codes
from catfast.raster import Grid, Raster

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns of the QA band."""

    rows: tuple[int, int]
    """First row, and the one after the last."""
    columns: tuple[int, int]
    """First column, and the one after the last."""


@dataclass(slots=True)
class QaWarp:
    """Decodes and samples an open QA_PIXEL file on ``grid``; only the windows needed are read."""

    qa: Raster
    """The file, opened by :func:`catfast.landsat.open_qa`."""
    grid: Grid
    """Where labels are wanted."""
    config: LabelConfig
    """How bits become labels."""
    inside: int = 0
    """Pixels so far whose centre lies in the QA file's grid."""
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    """How often each code was written so far."""
    _mapper: Mapper = field(init=False, repr=False)
    _all_valid: Labels = field(default_factory=lambda: np.empty((0, 0), np.uint8), init=False, repr=False)

    def __post_init__(self) -> None:
        self._mapper = Mapper(self.qa.info.grid, self.grid)

    def place(self, start: int, stop: int) -> Band:
        """Where rows ``start`` to ``stop`` of the grid lie on the QA band."""
        nodes, step, node_row = self._mapper.nodes(start, stop)
        window = source_window(nodes, step, self.qa.info.grid)
        return Band(start=start, stop=stop, nodes=nodes, step=step, node_row=node_row, window=window)

    def labels(self, band: Band, valid: Labels | None = None) -> Labels:
        """Labels (rows, width) of a band; 255 where ``valid`` (same shape) is 0.

        Raises:
            InputError: the QA file cannot be read, or holds codes of another collection.
        """
        shape = (band.stop - band.start, self.grid.width)
        if band.window is None:
            self.counts[NODATA] += shape[0] * shape[1]
            return np.full(shape, NODATA, np.uint8)
        if valid is None:
            if len(self._all_valid) < shape[0]:
                self._all_valid = np.ones(shape, np.uint8)
            valid = self._all_valid[: shape[0]]
        out = np.empty(shape, np.uint8)
        qa = self.qa.read_window([1], band.window.rows, band.window.columns)[0]
        check_codes(self.qa.info.path, qa)
        inside, counts = _core.warp_qa(
            qa,
            band.nodes,
            valid,
            out,
            step=band.step,
            first_row=band.start,
            node_row=band.node_row,
            origin=(band.window.rows[0], band.window.columns[0]),
            **self.config.rule(),
        )
        self.inside += inside
        self.counts += np.asarray(counts, np.int64)
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Rows of the grid, and what of the QA band lies under them."""

    start: int
    """First row."""
    stop: int
    """The row after the last."""
    nodes: Nodes
    """Source (row, column) at the nodes, (gh, gw, 2)."""
    step: int
    """Pixels between nodes."""
    node_row: int
    """Row of the first nodes, in steps."""
    window: Window | None
    """What is needed of the QA band, None for nothing."""


def source_window(nodes: Nodes, step: int, source: Grid) -> Window | None:
    """The part of ``source`` that holds every footprint of the cells between ``nodes``."""
    rows, columns = nodes[..., 0].ravel(), nodes[..., 1].ravel()
    finite = np.isfinite(rows) & np.isfinite(columns)
    if not finite.all():
        rows, columns = rows[finite], columns[finite]
    if not rows.size:
        return None
    reach = _reach(nodes) / step + 1
    spans = []
    for places, size in ((rows, source.height), (columns, source.width)):
        low = max(float(places.min()) - reach, 0.0)
        high = min(float(places.max()) + reach, float(size))
        if low >= high:
            return None
        spans.append((math.floor(low), math.ceil(high)))
    return Window(*spans)


def _reach(nodes: Nodes) -> float:
    """Largest step between neighbouring nodes, down plus along: twice what half a footprint can span."""
    with np.errstate(invalid="ignore"):
        sides = [np.abs(np.diff(nodes, axis=axis)) for axis in (0, 1)]
        reach = sum(float(side.max(initial=0.0)) for side in sides)
    if math.isfinite(reach):
        return reach
    return sum(float(side[np.isfinite(side)].max(initial=0.0)) for side in sides)
