"""Patches as windows of scenes: one form for patches that are cut already and for those still in a scene."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Places in a stack of scenes."""

    images: npt.NDArray[np.uint16]
    """(scenes, bands, height, width), C-contiguous."""
    labels: npt.NDArray[np.uint8]
    """(scenes, height, width), C-contiguous."""
    scenes: npt.NDArray[np.int64]
    """Scene of each patch (n,)."""
    rows: npt.NDArray[np.int64]
    """First row of each patch (n,)."""
    cols: npt.NDArray[np.int64]
    """First column of each patch (n,)."""
    size: int
    """Pixels a side."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]]:
        for scene, row, col in zip(self.scenes, self.rows, self.cols, strict=True):
            window = np.s_[row : row + self.size, col : col + self.size]
            yield self.images[scene][:, *window], self.labels[scene][window]


def content_sha256(image: npt.NDArray[Any], label: npt.NDArray[Any]) -> str:
    """Digest of a patch's pixels whatever the format: the image's bytes, little-endian, and the label's."""
    digest = hashlib.sha256(np.ascontiguousarray(image, "<u2").tobytes())
    digest.update(np.ascontiguousarray(label, np.uint8).tobytes())
    return digest.hexdigest()
