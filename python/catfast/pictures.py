"""Reflectance and class codes as pictures that a person can judge: quicklooks and contact sheets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from catfast.classes import COLOURS, LABELS

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["BACKGROUND", "TEXT", "draw_legend", "paint", "stretch"]

BACKGROUND = (24, 26, 30)
"""RGB behind pictures."""

TEXT = (230, 230, 230)
"""RGB of text."""


def stretch(reflectance: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """8-bit RGB of (height, width, 3), NaN where nothing was seen.

    One stretch for all bands, so that snow stays white and water blue.
    """
    seen = reflectance[np.isfinite(reflectance)]
    low, high = np.percentile(seen, (0.5, 99.5)) if seen.size else (0.0, 1.0)
    low = min(float(low), 0.05)
    scaled = np.clip((np.nan_to_num(reflectance, nan=low) - low) / max(float(high) - low, 1e-3), 0, 1)
    return np.asarray(scaled**0.7 * 255, dtype=np.uint8)


def paint(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """RGB of class codes, one axis more."""
    table = np.zeros((256, 3), np.uint8)
    for code, colour in COLOURS.items():
        table[code] = colour[:3]
    return table[codes]


def draw_legend(sheet: Image.Image, left: int, top: int, codes: Sequence[int]) -> int:
    """Draw colour and name of each code, from ``left`` on, 14 pixels high; where it ends."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(sheet)
    x = left
    for code in codes:
        draw.rectangle((x, top, x + 14, top + 14), fill=COLOURS[code][:3], outline=(160, 160, 160))
        draw.text((x + 20, top + 1), LABELS[code], fill=TEXT)
        x += 36 + int(draw.textlength(LABELS[code]))
    return x
