"""How a mask agrees with another mask of the same scene: a table, and a map."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast import __version__
from catfast.classes import CLASS_CODES, NODATA
from catfast.errors import InputError, Notice, OutputError
from catfast.raster import CogStyle, Raster, cog_writer, open_raster, refuse_input, simulated_tag
from catfast.report.layers import DIFFERENCE, difference
from catfast.udm2 import UDM2_BANDS, udm2_codes

ROWS = 512
"""Rows compared at a time."""

SHIFT_PX = 0.02
"""Grids closer than this, in pixels, are one."""

Codes = npt.NDArray[np.uint8]

MAP_LABELS = {0: "both clear", 1: "both cloud", 2: "cloud in the first only", 3: "cloud in the second only"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Pixels of one mask against pixels of another."""

    first: Path
    """A mask."""
    second: Path
    """The other: a UDM2 or a mask."""
    counts: npt.NDArray[np.int64]
    """Pixels by code of the first and code of the second, (5, 5); where both were seen."""
    seen_by_one: int
    """Pixels that only one of the two holds data for."""
    warnings: tuple[Notice, ...]
    """Named warnings."""

    @property
    def cloud(self) -> dict[str, float | None]:
        """Of cloud against the rest: overall agreement, and intersection over union; None of no pixels."""
        total, cloud = int(self.counts.sum()), CLASS_CODES["cloud"]
        both = int(self.counts[cloud, cloud])
        either = int(self.counts[cloud].sum() + self.counts[:, cloud].sum()) - both
        return {
            "agreement": (total - either + both) / total if total else None,
            "iou": both / either if either else None,
        }

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        names = list(CLASS_CODES)
        return {
            "first": str(self.first),
            "second": str(self.second),
            "pixels": int(self.counts.sum()),
            "seen_by_one": self.seen_by_one,
            "cloud": self.cloud,
            "counts": {
                first: {second: int(self.counts[row, column]) for column, second in enumerate(names)}
                for row, first in enumerate(names)
            },
            "warnings": [{"name": notice.name, "message": notice.message} for notice in self.warnings],
        }


def compare(first: Path, second: Path, map_to: Path | None = None, *, overwrite: bool = False) -> Comparison:
    """Count how two masks of one scene agree; write a map of where they differ about cloud.

    Args:
        first: a mask with catfast's codes, or an 8-band UDM2.
        second: another of either kind.
        map_to: a COG to write: 0 both clear, 1 both cloud, 2 cloud in the first only, 3 in the second only.
        overwrite: replace a file that is there.

    Raises:
        InputError: a file is neither, or the two are not on one grid.
        OutputError: the map is there already, or the disk did not take it.
    """
    if map_to is not None:
        refuse_input(map_to, {"first mask": first, "second mask": second})
        if map_to.exists() and not overwrite:
            raise OutputError(f"{map_to}: exists already: --overwrite replaces it")
    counts, alone = np.zeros((256, 256), np.int64), 0
    with ExitStack() as stack:
        one, two = (stack.enter_context(open_raster(path)) for path in (first, second))
        notices = _check(one, two)
        grid = one.info.grid
        writer = stack.enter_context(cog_writer(map_to, grid, 1, nodata=NODATA)) if map_to else None
        for start in range(0, grid.height, ROWS):
            stop = min(start + ROWS, grid.height)
            a, b = _rows(one, start, stop), _rows(two, start, stop)
            pairs = np.bincount(a.ravel().astype(np.intp) * 256 + b.ravel(), minlength=1 << 16)
            counts += pairs.reshape(256, 256)
            if writer is not None:
                writer.append(difference(a, b)[None])
        alone = int(counts[NODATA].sum() + counts[:, NODATA].sum() - 2 * counts[NODATA, NODATA])
        if writer is not None:
            writer.finish(_style(one, two))
    size = len(CLASS_CODES)
    return Comparison(
        first=first, second=second, counts=counts[:size, :size], seen_by_one=alone, warnings=notices
    )


def _check(one: Raster, two: Raster) -> tuple[Notice, ...]:
    for raster in (one, two):
        info = raster.info
        if info.dtype != "uint8" or info.count not in (1, len(UDM2_BANDS)):
            raise InputError(
                f"{info.path}: expected a mask (1 band of uint8) or a UDM2 (8 bands of uint8), "
                f"found {info.count} of {info.dtype}"
            )
        if not raster.info.grid.has_area:
            raise InputError(f"{info.path}: expected a mask on a grid, found a geotransform without area")
    a, b = one.info.grid, two.info.grid
    if (a.height, a.width, a.crs) != (b.height, b.width, b.crs):
        raise InputError(
            f"{two.info.path}: expected the grid of {one.info.path}, {a.width} x {a.height} pixels "
            f"in {a.crs}, found {b.width} x {b.height} in {b.crs}"
        )
    apart = a.pixels_off(b)
    if apart > 1:
        raise InputError(
            f"{two.info.path}: expected the grid of {one.info.path}, found one {apart:.1f} pixels off"
        )
    if apart <= SHIFT_PX:
        return ()
    return (
        Notice("shifted", f"{two.info.path} lies {apart:.2f} pixels beside {one.info.path}: taken as it is"),
    )


def _rows(raster: Raster, start: int, stop: int) -> Codes:
    if raster.info.count == len(UDM2_BANDS):
        return udm2_codes(raster.read_rows(range(1, len(UDM2_BANDS) + 1), start, stop))
    codes: Codes = raster.read_rows([1], start, stop)[0]
    wrong = (codes >= len(CLASS_CODES)) & (codes != NODATA)
    if wrong.any():
        raise InputError(
            f"{raster.info.path}: expected codes 0-4 and 255 of a mask, found {int(codes[wrong][0])}"
        )
    return codes


def _style(first: Raster, second: Raster) -> CogStyle:
    names = {"CATFAST_FIRST": first.info.path.name, "CATFAST_SECOND": second.info.path.name}
    return CogStyle(
        descriptions=("where two masks differ",),
        tags={"CATFAST_VERSION": __version__, **names, **simulated_tag(first.info.tags, second.info.tags)},
        band_tags={f"CATEGORY_{code}": label for code, label in MAP_LABELS.items()},
        colours={**{code: (*rgb, 255) for code, rgb in DIFFERENCE.items()}, NODATA: (0, 0, 0, 0)},
    )
