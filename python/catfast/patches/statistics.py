"""How much of a patch is seen, and of which class: what filters, balance and the index need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import CLASS_CODES, NODATA
from catfast.patches.windows import Places, Windows

FULL_FRACTION = 200
"""The code of a soft label that is all cloud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fractions:
    """Shares of one patch, under the names of the index."""

    valid_fraction: float
    """Seen pixels of all."""
    cloud_fraction: float | None
    """Cloud of labelled pixels (soft labels: of their area); None where none is labelled."""
    snow_fraction: float | None
    """Snow and ice, likewise; None where the labels do not tell."""
    shadow_fraction: float | None
    """Cloud shadow, likewise."""
    water_fraction: float | None
    """Water, likewise."""
    ignore_fraction: float
    """Ignored pixels of seen ones, 0 where none is seen."""


def label_counts(
    image: npt.NDArray[np.uint16],
    label: npt.NDArray[np.uint8],
    rows: Sequence[int] | Places,
    cols: Sequence[int] | Places,
    size: int,
) -> npt.NDArray[np.int64]:
    """How often each label code lies on a seen pixel, for patches of a scene.

    Args:
        image: uint16 (bands, height, width), 0 where nothing was seen.
        label: uint8 (height, width).
        rows: first row of each patch (n,), inside the image.
        cols: first column of each patch (n,).
        size: pixels a side.

    Returns:
        Counts (n, 256); a row's sum is the number of seen pixels.

    Raises:
        ValueError: arrays of another shape or type, or a patch that is not inside.
    """
    windows = Windows.of_scene(image, label, rows, cols, size)
    counts = np.empty((len(windows), 256), np.int64)
    _core.patch_counts(*windows.arguments(), counts, size=size)
    return counts


def fractions(counts: npt.NDArray[np.int64], size: int, *, scheme: str, soft: bool) -> Fractions:
    """Shares from the counts (256,) of one patch of ``size`` x ``size`` pixels."""
    valid = int(counts.sum())
    ignored = int(counts[NODATA])
    labelled = valid - ignored
    shares: dict[str, float | None] = dict.fromkeys(("cloud", "snow", "shadow", "water"))
    if labelled and soft:
        shares["cloud"] = float(np.arange(NODATA) @ counts[:NODATA]) / (FULL_FRACTION * labelled)
    elif labelled:
        told = shares if scheme == "full" else ("cloud",)
        shares |= {name: int(counts[CLASS_CODES[name]]) / labelled for name in told}
    return Fractions(
        valid_fraction=valid / size**2,
        ignore_fraction=ignored / valid if valid else 0.0,
        **{f"{name}_fraction": share for name, share in shares.items()},
    )
