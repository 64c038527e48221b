"""The files that masking one scene writes, filled row by row."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast.classes import NODATA
from catfast.mask.outputs import confidence_path
from catfast.mask.predict import Classified
from catfast.mask.quicklook import Quicklook
from catfast.raster import CogStyle, Grid, cog_writer


class Products:
    """A mask, and where asked for its confidences and a quicklook.

    Files appear under their names when ``finish`` was called and ``stack`` is left without an error.
    """

    def __init__(
        self, stack: ExitStack, output: Path, grid: Grid, *, classes: int, quicklook: Quicklook | None
    ) -> None:
        self._mask = stack.enter_context(cog_writer(output, grid, 1, nodata=NODATA))
        self._confidence = None
        if classes:
            side = confidence_path(output)
            self._confidence = stack.enter_context(cog_writer(side, grid, classes, nodata=NODATA))
        self._quicklook = quicklook
        self.counts = np.zeros(256, np.int64)
        self.rows = 0

    def append(self, fresh: npt.NDArray[np.float32], part: Classified) -> None:
        """Add finished scene rows, and the network rows (bands, n, width) that are new with them.

        Raises:
            OutputError: the disk did not take them.
        """
        self._mask.append(part.mask[None])
        if self._confidence is not None and part.confidence is not None:
            self._confidence.append(part.confidence)
        if self._quicklook is not None:
            self._quicklook.add_image(fresh)
            self._quicklook.add_mask(part.mask)
        self.counts += part.counts
        self.rows += len(part.mask)

    def finish(self, mask: CogStyle, confidence: CogStyle) -> None:
        """Give the COGs their descriptions, tags and layout.

        Raises:
            OutputError: the disk did not take them.
        """
        self._mask.finish(mask)
        if self._confidence is not None:
            self._confidence.finish(confidence)
