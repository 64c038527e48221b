"""The labels of one pair, from two open files, a band of rows at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.errors import InputError
from catfast.labels.config import LabelConfig
from catfast.labels.warp import Labels, QaWarp
from catfast.planet import Scene
from catfast.raster import Raster


class Labeller:
    """What every user of labels calls: the label file, and the patches, are made of its rows."""

    def __init__(self, qa: Raster, raster: Raster, scene: Scene, config: LabelConfig) -> None:
        self._qa, self._raster, self._scene = qa, raster, scene
        self._warp = QaWarp(qa, raster.info.grid, config)

    @property
    def inside(self) -> int:
        """Pixels so far whose centre lies in the QA file's grid."""
        return self._warp.inside

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each code was given so far, (256,)."""
        return self._warp.counts

    def rows(self, start: int, stop: int, valid: Labels | None = None) -> Labels:
        """Labels (stop - start, width) of rows of the scene.

        Args:
            start: first row.
            stop: the row after the last.
            valid: 0 where the scene has no data, (stop - start, width); None reads the scene for it.

        Raises:
            InputError: a file cannot be read, or the QA file holds codes of another collection.
        """
        band = self._warp.place(start, stop)
        if valid is None and band.window is not None:
            valid = self._valid(start, stop)
        return self._warp.labels(band, valid)

    def check_inside(self) -> None:
        """To be called after the last row.

        Raises:
            InputError: no pixel of the scene lies on the QA file's grid.
        """
        if not self.inside:
            raise InputError(
                f"{self._raster.info.path}: no pixel of it lies on the grid of {self._qa.info.path}"
            )

    def _valid(self, start: int, stop: int) -> Labels:
        dn = self._raster.read_rows(self._scene.bands, start, stop)
        if dn.dtype != np.uint16:
            dn = dn.astype(np.float32)
        valid = np.empty(dn.shape[1:], np.uint8)
        _core.valid_mask(dn, self._scene.nodata, valid)
        return valid
