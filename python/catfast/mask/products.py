"""The files that masking one scene writes, filled row by row."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast.classes import NODATA
from catfast.mask.domain import Saturation
from catfast.mask.outputs import confidence_path
from catfast.mask.predict import Classified
from catfast.mask.quicklook import Quicklook
from catfast.mask.refine import Codes, Refinement
from catfast.raster import Area, CogStyle, Grid, cog_writer
from catfast.udm2 import UDM2_BANDS, as_udm2

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which files are to be made, and what is done on the way."""

    output: Path
    """The mask."""
    udm2: tuple[int, ...]
    """Code of each class, where the mask is written in the bands of Planet's UDM2; else empty."""
    confidence: int
    """Classes in a second file of confidences; 0 for no such file."""
    refinement: Refinement
    """What is done to finished rows."""
    area: Area | None
    """Where pixels count; None counts all."""
    quicklook: Quicklook | None
    """Gathers a picture."""
    saturated_above: float | None = None
    """Reflectance in all bands above which a pixel counts as saturated; None counts none."""


class Products:
    """A mask, and where asked for its confidences and a quicklook.

    Files appear under their names when ``finish`` was called and ``stack`` is left without an error.
    """

    def __init__(self, stack: ExitStack, grid: Grid, wanted: Wanted) -> None:
        self._wanted, self._height = wanted, grid.height
        bands, nodata = (len(UDM2_BANDS), None) if wanted.udm2 else (1, NODATA)
        self._mask = stack.enter_context(cog_writer(wanted.output, grid, bands, nodata=nodata))
        self._confidence = None
        if wanted.confidence:
            side = confidence_path(wanted.output)
            self._confidence = stack.enter_context(cog_writer(side, grid, wanted.confidence, nodata=NODATA))
        self._waiting: list[Codes] = []
        self._written = 0
        self.counts = np.zeros(256, np.int64)
        """How often each code occurs, in the area."""
        self.rows = 0
        """Scene rows handed in."""
        self.saturation = Saturation(wanted.saturated_above)
        """How much of the scene is saturated."""

    def append(self, fresh: npt.NDArray[np.float32], part: Classified) -> None:
        """Add finished scene rows, and the network rows (bands, n, width) that are new with them.

        Raises:
            OutputError: the disk did not take them.
        """
        if self._confidence is not None and part.confidence is not None:
            self._confidence.append(part.confidence)
        if self._wanted.quicklook is not None:
            self._wanted.quicklook.add_image(fresh)
        self.saturation.add(fresh)
        self.rows += len(part.mask)
        if self._wanted.udm2 and part.confidence is not None:
            self._waiting.append(part.confidence)
        if self._wanted.refinement:
            last = self.rows == self._height
            self._write(self._wanted.refinement.push(part.mask, last=last))
        else:
            self._write(part.mask, part.counts)

    def _write(self, mask: Codes, counts: Counts | None = None) -> None:
        """Add rows as they are to be written; ``counts`` where they are known."""
        if not len(mask):
            return
        start, self._written = self._written, self._written + len(mask)
        self._mask.append(self._as_udm2(mask) if self._wanted.udm2 else mask[None])
        if self._wanted.quicklook is not None:
            self._wanted.quicklook.add_mask(mask)
        if self._wanted.area is not None:
            counts = np.bincount(mask[self._wanted.area.rows(start, self._written)], minlength=256)
        self.counts += np.bincount(mask.ravel(), minlength=256) if counts is None else counts

    def _as_udm2(self, mask: Codes) -> Codes:
        percents = np.concatenate(self._waiting, axis=1)
        self._waiting = [percents[:, len(mask) :]]
        sure = np.zeros(mask.shape, np.uint16)
        for code, percent in zip(self._wanted.udm2, percents[:, : len(mask)], strict=True):
            sure += np.where(mask == code, percent, np.uint8(0))
        return as_udm2(mask, np.minimum(sure, 100).astype(np.uint8))

    def finish(self, mask: CogStyle, confidence: CogStyle) -> None:
        """Give the COGs their descriptions, tags and layout.

        Raises:
            OutputError: the disk did not take them.
        """
        self._mask.finish(mask)
        if self._confidence is not None:
            self._confidence.finish(confidence)
