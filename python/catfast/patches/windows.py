"""Patches as windows of scenes: one form for patches that are cut already and for those still in a scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
Arguments = tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8], Places, Places, Places]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Places in a stack of scenes; the kernels check that all fits."""

    images: npt.NDArray[np.uint16]
    """(scenes, bands, height, width), 0 in all bands where nothing was seen."""
    labels: npt.NDArray[np.uint8]
    """(scenes, height, width)."""
    scenes: Places
    """Scene of each patch (n,)."""
    rows: Places
    """First row of each patch (n,)."""
    cols: Places
    """First column of each patch (n,)."""
    size: int
    """Pixels a side."""

    @classmethod
    def of_patches(cls, images: npt.NDArray[np.uint16], labels: npt.NDArray[np.uint8], size: int) -> Self:
        """Patches that are cut: images (n, bands, size, size), labels (n, size, size).

        Raises:
            ValueError: they have another size.
        """
        if images.shape[2:] != (size, size):
            raise ValueError(f"images: expected patches of {size} x {size} pixels, found {images.shape[2:]}")
        zero = np.zeros(len(images), np.int64)
        return cls(
            images=np.ascontiguousarray(images),
            labels=np.ascontiguousarray(labels),
            scenes=np.arange(len(images), dtype=np.int64),
            rows=zero,
            cols=zero,
            size=size,
        )

    @classmethod
    def of_scene(
        cls,
        image: npt.NDArray[np.uint16],
        label: npt.NDArray[np.uint8],
        rows: Sequence[int] | Places,
        cols: Sequence[int] | Places,
        size: int,
    ) -> Self:
        """Places in one scene: image (bands, height, width), label (height, width)."""
        return cls(
            images=np.ascontiguousarray(image)[None],
            labels=np.ascontiguousarray(label)[None],
            scenes=np.zeros(len(rows), np.int64),
            rows=np.array(rows, np.int64),
            cols=np.array(cols, np.int64),
            size=size,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def chosen(self, places: Places) -> Self:
        """Some of the windows, in that order."""
        return type(self)(
            images=self.images,
            labels=self.labels,
            scenes=self.scenes[places],
            rows=self.rows[places],
            cols=self.cols[places],
            size=self.size,
        )

    def arguments(self) -> Arguments:
        """What the kernels take first."""
        return self.images, self.labels, self.scenes, self.rows, self.cols
