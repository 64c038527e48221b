"""A PNG of image and mask side by side, gathered while the mask is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from catfast.classes import NODATA
from catfast.mask.tiling import Axis
from catfast.pictures import BACKGROUND, TEXT, draw_legend, paint, stretch
from catfast.raster import atomic_path

if TYPE_CHECKING:  # a tenth of the imports of a mask, of which few ask for a picture
    from PIL import Image

SIDE = 1000
"""Longest side of one picture, pixels."""

GAP = 12
LEGEND = 40


class Quicklook:
    """Takes network rows of reflectance and scene rows of mask; keeps every nth of both."""

    def __init__(self, down: Axis, across: Axis, caption: str) -> None:
        self._caption = caption
        self._step = max(1, math.ceil(max(down.network, across.network) / SIDE))
        self._rows = np.arange(0, down.network, self._step)
        columns = np.arange(0, across.network, self._step)
        self._mask_rows = _nearest_scene(self._rows, down)
        self._mask_columns = _nearest_scene(columns, across)
        self._image = np.full((len(self._rows), len(columns), 3), np.nan, np.float32)
        self._mask = np.full((len(self._rows), len(columns)), NODATA, np.uint8)
        self._seen_rows = 0
        self._seen_mask_rows = 0

    def add_image(self, reflectance: npt.NDArray[np.float32]) -> None:
        """The next network rows, (bands blue, green, red, ..., n, width)."""
        first = self._seen_rows
        self._seen_rows += reflectance.shape[1]
        picked = (self._rows >= first) & (self._rows < self._seen_rows)
        chosen = reflectance[[2, 1, 0]][:, self._rows[picked] - first, :: self._step]
        self._image[picked] = np.moveaxis(chosen, 0, -1)

    def add_mask(self, mask: npt.NDArray[np.uint8]) -> None:
        """The next scene rows of codes, (n, width)."""
        first = self._seen_mask_rows
        self._seen_mask_rows += len(mask)
        picked = (self._mask_rows >= first) & (self._mask_rows < self._seen_mask_rows)
        self._mask[picked] = mask[self._mask_rows[picked] - first][:, self._mask_columns]

    def picture(self) -> Image.Image:
        """Image left, mask right, caption and legend below."""
        from PIL import Image, ImageDraw

        image, mask = stretch(self._image), paint(self._mask)
        height, width = self._mask.shape
        scale = max(1, 320 // max(height, width))
        size = (width * scale, height * scale)
        sheet = Image.new("RGB", (2 * size[0] + 3 * GAP, size[1] + GAP + LEGEND), BACKGROUND)
        sheet.paste(Image.fromarray(image).resize(size, Image.Resampling.NEAREST), (GAP, GAP))
        sheet.paste(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST), (size[0] + 2 * GAP, GAP))
        ImageDraw.Draw(sheet).text((GAP, size[1] + GAP + 15), self._caption, fill=TEXT)
        codes = sorted(set(np.unique(self._mask)) - {NODATA})
        draw_legend(sheet, sheet.width // 2 + GAP // 2, size[1] + GAP + 14, codes)
        return sheet

    def save(self, path: Path, tags: Mapping[str, str]) -> None:
        """Write the PNG, with ``tags`` as its texts.

        Raises:
            OutputError: the disk did not take it.
        """
        from PIL.PngImagePlugin import PngInfo

        texts = PngInfo()
        for key, value in tags.items():
            texts.add_text(key, value.encode("utf-8", "backslashreplace").decode())
        with atomic_path(path) as temporary:
            self.picture().save(temporary, format="PNG", pnginfo=texts)


def picture_tags(path: Path) -> dict[str, str]:
    """Texts of a PNG; none of a file that is no readable one."""
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            return {str(key): text for key, text in picture.info.items() if isinstance(text, str)}
    except (OSError, ValueError, SyntaxError):
        return {}


def _nearest_scene(network: npt.NDArray[np.int64], axis: Axis) -> npt.NDArray[np.int64]:
    """Scene pixel at the centre of each network pixel."""
    return np.minimum(((network + 0.5) * axis.factor).astype(np.int64), axis.scene - 1)
