"""QA_PIXEL files edited as they are read: the clouds alone, moved, and the surface without them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from catfast import _core
from catfast.classes import CLASS_CODES
from catfast.labels.config import LabelConfig
from catfast.labels.displacement.found import Displacement
from catfast.landsat import ALWAYS_SET, FILL, check_codes
from catfast.raster import Memory, Raster

__all__ = ["Decision", "surface_beneath", "where_clouds_went"]

RING = 1
"""Landsat pixels on either side of a cloud's edge that are not to be learnt from."""

DILATED, CIRRUS, CLOUD, SHADOW = (np.uint16(1 << bit) for bit in (1, 2, 3, 4))
CLOUD_CONFIDENCE, CIRRUS_CONFIDENCE = np.uint16(3 << 8), np.uint16(3 << 14)
MEDIUM = np.uint16(2 << 8)
CLOUD_BITS = DILATED | CIRRUS | CLOUD | CLOUD_CONFIDENCE | CIRRUS_CONFIDENCE

Codes = npt.NDArray[np.uint16]
Flags = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """Which pixels a configuration calls cloud."""

    config: LabelConfig

    def cloud(self, qa: Codes) -> Flags:
        """Where ``qa`` (h, w) becomes cloud."""
        rule = self.config.rule()
        codes = np.empty(qa.shape, np.uint8)
        _core.decode_qa(qa, codes, scheme="full", cloud=rule["cloud"], ignore=rule["ignore"])
        return np.asarray(codes == CLASS_CODES["cloud"])


class _Edited(Raster):
    """A QA file whose codes are changed as they are read; an edit sees ``RING`` pixels around its window."""

    def __init__(self, qa: Raster, edit: Callable[[Codes], Codes], transform: Affine) -> None:
        self._qa, self._edit = qa, edit
        grid = dataclasses.replace(qa.info.grid, transform=transform)
        self.info = dataclasses.replace(qa.info, grid=grid)

    def read_window(
        self,
        bands: Sequence[int],
        rows: tuple[int, int],
        columns: tuple[int, int],
        memory: Memory | None = None,
    ) -> Any:
        grid = self._qa.info.grid
        wide = [
            (max(low - RING, 0), min(high + RING, size))
            for (low, high), size in ((rows, grid.height), (columns, grid.width))
        ]
        codes = self._qa.read_window(bands, wide[0], wide[1])[0]
        check_codes(self._qa.info.path, codes)
        top, left = rows[0] - wide[0][0], columns[0] - wide[1][0]
        edited = self._edit(codes)[top : top + rows[1] - rows[0], left : left + columns[1] - columns[0]]
        return np.ascontiguousarray(edited)[None]


def where_clouds_went(qa: Raster, displacement: Displacement, config: LabelConfig) -> Raster:
    """The clouds of ``qa`` at their place in the scene; edges and shadows are fill, all else is clear."""
    decision = Decision(config)

    def edit(codes: Codes) -> Codes:
        cloud, fill = decision.cloud(codes), (codes & FILL) != 0
        ring = _grown(cloud) & _grown(~cloud & ~fill)
        unsure = fill | ring | (((codes & SHADOW) != 0) & ~cloud)
        kept = (codes & CLOUD_BITS) | np.uint16(ALWAYS_SET)
        return np.where(unsure, np.uint16(FILL), kept).astype(np.uint16)

    grid = qa.info.grid
    moved = Affine.translation(displacement.shift_x_m, displacement.shift_y_m) @ grid.transform
    return _Edited(qa, edit, moved)


def surface_beneath(qa: Raster, config: LabelConfig) -> Raster:
    """``qa`` without its clouds, where it was: what they hid, and shadows, are fill.

    What clouds hid is clear, not fill, for ``binary`` and ``fraction``, which tell nothing of the surface.
    """
    decision = Decision(config)
    surface_matters = config.scheme == "full" and config.method != "fraction"

    def edit(codes: Codes) -> Codes:
        cloud = decision.cloud(codes)
        hidden = cloud | ((codes & CLOUD_CONFIDENCE) >= MEDIUM)
        shadow = ((codes & SHADOW) != 0) & ~cloud
        unsure = shadow | ((codes & FILL) != 0) | (hidden & surface_matters)
        kept = (codes & ~CLOUD_BITS) | np.uint16(ALWAYS_SET | 1 << 8)
        return np.where(unsure, np.uint16(FILL), kept).astype(np.uint16)

    return _Edited(qa, edit, qa.info.grid.transform)


def _grown(mask: Flags) -> Flags:
    """``mask`` (h, w) grown by ``RING`` pixels in a square window."""
    padded = np.pad(mask, RING)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * RING + 1,) * 2)
    return np.asarray(windows.any(axis=(2, 3)))
