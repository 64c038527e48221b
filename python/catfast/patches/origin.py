"""Where patches are from: their rows of the index, footprints included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catfast.catalog import CRS
from catfast.errors import InputError
from catfast.labels import Displacement, Labeller
from catfast.patches.opening import OpenPair
from catfast.patches.pairlist import Pair
from catfast.patches.quality import label_weight
from catfast.patches.records import PatchRecord
from catfast.patches.statistics import Fractions
from catfast.raster import Grid, Raster

if TYPE_CHECKING:
    from pyproj import Transformer


class Origin:
    """What all records of a pair share."""

    def __init__(self, pair: Pair, opened: OpenPair, labeller: Labeller, size: int) -> None:
        self._pair, self._grid, self._size = pair, opened.raster.info.grid, size
        self._labeller = labeller
        self._dt_s = pair.dt_s if pair.dt_local_s is None else pair.dt_local_s
        self._to_index = _to_index(self._grid)
        names = ("pair_id", "ps_id", "l8_id", "dt_s", "dt_local_s", "sun_elevation", "ps_acquired")
        self._shared = {name: getattr(pair, name) for name in names}
        self._shared |= {"epsg": _epsg(opened.raster), "simulated": opened.kind.simulated}

    def records(self, row: int, columns: Sequence[int], shares: Sequence[Fractions]) -> list[PatchRecord]:
        """Records of the patches that start at a row and these columns."""
        shapes = footprints(self._grid, self._to_index, row, columns, self._size) if columns else []
        shift = _shift(self._labeller.displacement)
        residual_m = shift["shift_spread_m"] if shift["shift_accepted"] else None
        return [
            PatchRecord(
                patch_id=f"{self._pair.pair_id}_{row:05d}_{column:05d}",
                row=row,
                col=column,
                weight=label_weight(found.ignore_fraction, self._dt_s, residual_m),
                transform=_moved(self._grid, row, column),
                geometry=shape,
                **asdict(found),
                **self._shared,
                **shift,
            )
            for column, found, shape in zip(columns, shares, shapes, strict=True)
        ]


def _epsg(raster: Raster) -> int:
    crs = raster.info.grid.crs
    code = crs.to_epsg() if crs else None
    if code is None:
        raise InputError(f"{raster.info.path}: expected a CRS with an EPSG code, found none")
    return int(code)


def _shift(displacement: Displacement | None) -> dict[str, Any]:
    """Columns of the index on how the clouds were moved; null where nobody tried."""
    names = {
        "shift_x_m": "shift_x_m",
        "shift_y_m": "shift_y_m",
        "shift_spread_m": "spread_m",
        "shift_accepted": "accepted",
        "shift_reason": "reason",
    }
    return {column: getattr(displacement, name, None) for column, name in names.items()}


def _moved(grid: Grid, row: int, column: int) -> tuple[float, float, float, float, float, float]:
    a, b, c, d, e, f = grid.transform[:6]
    return a, b, a * column + b * row + c, d, e, d * column + e * row + f


def _to_index(grid: Grid) -> Transformer:
    from pyproj import Transformer

    if grid.crs is None:
        raise ValueError("the grid has no CRS")
    return Transformer.from_crs(grid.crs.to_wkt(), CRS, always_xy=True)


def footprints(grid: Grid, to_index: Transformer, row: int, columns: Sequence[int], size: int) -> list[bytes]:
    """Outlines of tiles that start at a row, WKB in EPSG:6931."""
    import shapely

    a, b, c, d, e, f = grid.transform[:6]
    corners = np.array([(0, 0), (size, 0), (size, size), (0, size), (0, 0)], np.float64)
    column = np.asarray(columns, np.float64)[:, None] + corners[:, 0]
    line = row + np.broadcast_to(corners[:, 1], column.shape)
    x, y = to_index.transform(a * column + b * line + c, d * column + e * line + f)
    rings: npt.NDArray[np.float64] = np.stack([x, y], axis=-1)
    return list(shapely.to_wkb(shapely.polygons(rings)))
