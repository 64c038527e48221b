"""The labels of one pair, from two open files, a band of rows at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import CLASS_CODES, NODATA
from catfast.errors import InputError
from catfast.labels.config import LabelConfig
from catfast.labels.displacement import Displacement, band_files, estimate, read_coarse
from catfast.labels.moved import surface_beneath, where_clouds_went
from catfast.labels.warp import Labels, QaWarp
from catfast.planet import Scene
from catfast.raster import Raster


class Labeller:
    """What every user of labels calls: the label file, and the patches, are made of its rows.

    Args:
        qa: the QA_PIXEL file.
        raster: the scene.
        scene: what is in it.
        config: options; with ``align`` the displacement of the clouds is found here, once.
        displacement: one found before for the same pair, in place of finding it again.

    Raises:
        InputError: with ``align``, Landsat's bands 2-5 are missing or a file cannot be read.
    """

    def __init__(
        self,
        qa: Raster,
        raster: Raster,
        scene: Scene,
        config: LabelConfig,
        *,
        displacement: Displacement | None = None,
    ) -> None:
        self._qa, self._raster, self._scene = qa, raster, scene
        if config.align and displacement is None:
            displacement = _displacement(qa, raster, scene, config)
        self.displacement: Displacement | None = displacement
        """Where clouds went, None without ``align``."""
        grid, ground, self._clouds = raster.info.grid, qa, None
        if displacement is not None and displacement.accepted:
            self._clouds = QaWarp(where_clouds_went(qa, displacement, config), grid, config)
            ground = surface_beneath(qa, config)
        self._warp = QaWarp(ground, grid, config)
        self._soft = config.method == "fraction"
        self._counts = np.zeros(256, np.int64)

    @property
    def inside(self) -> int:
        """Pixels so far whose centre lies in the QA file's grid."""
        return self._warp.inside

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each code was given so far, (256,)."""
        return self._warp.counts if self._clouds is None else self._counts

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
        ground = self._warp.labels(band, valid)
        if self._clouds is None:
            return ground
        clouds = self._clouds.labels(self._clouds.place(start, stop), valid)
        return self._counted(_joined(clouds, ground, soft=self._soft))

    def check_inside(self) -> None:
        """To be called after the last row.

        Raises:
            InputError: no pixel of the scene lies on the QA file's grid.
        """
        if not self.inside:
            raise InputError(
                f"{self._raster.info.path}: no pixel of it lies on the grid of {self._qa.info.path}"
            )

    def _counted(self, labels: Labels) -> Labels:
        self._counts += np.bincount(labels.ravel(), minlength=256)
        return labels

    def _valid(self, start: int, stop: int) -> Labels:
        dn = self._raster.read_rows(self._scene.bands, start, stop)
        if dn.dtype != np.uint16:
            dn = dn.astype(np.float32)
        valid = np.empty(dn.shape[1:], np.uint8)
        _core.valid_mask(dn, self._scene.nodata, valid)
        return valid


def _displacement(qa: Raster, raster: Raster, scene: Scene, config: LabelConfig) -> Displacement:
    bands = band_files(qa.info.path, config.landsat_bands)
    pair = read_coarse(qa, bands, raster, scene)
    return Displacement.none("no_overlap") if pair is None else estimate(pair)


def _joined(clouds: Labels, ground: Labels, *, soft: bool) -> Labels:
    """Labels of moved ``clouds`` over ``ground``; with ``soft`` the values are shares of cloud."""
    if soft:
        return np.where(ground == NODATA, ground, clouds)
    return np.where((clouds == CLASS_CODES["cloud"]) | (clouds == NODATA), clouds, ground)
