"""Mask pixels that are in memory already: the same codes as from a file of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from catfast.errors import InputError, UsageError
from catfast.mask.config import MaskConfig
from catfast.mask.masker import Masker
from catfast.mask.refine import Codes
from catfast.planet import Scene, describe_scene
from catfast.raster import ArrayRaster, Grid, parse_crs

NAME = Path("array")
"""What errors call pixels that have no file."""

UNTOLD = ("assumed_reflectance",)
"""Notices that say no more than the contract of :func:`mask_array`."""


def mask_array(
    pixels: npt.ArrayLike,
    config: MaskConfig | None = None,
    *,
    gsd: float | tuple[float, float] | None = None,
    transform: Sequence[float] | None = None,
    crs: Any = None,
    nodata: float | None = None,
    bands: Sequence[str | None] | None = None,
) -> Codes:
    """Codes of an image in memory: 0 clear, 1 cloud, 2 cloud shadow, 255 nodata.

    Args:
        pixels: (bands, height, width): 4 bands blue, green, red, nir, or a SuperDove's 8; reflectance as
            floats (NaN where nothing was seen), or counts with ``reflectance_scale`` in ``config``. What a
            masked array hides was not seen.
        config: options; those that write files do not apply.
        gsd: metres a pixel, or (down the rows, along the columns); or give ``transform`` and ``crs``.
        transform: the affine pixel to CRS transform, its first six numbers.
        crs: what PROJ knows: an authority code, WKT, or an object of rasterio's or pyproj's.
        nodata: value of pixels that were not seen; 0 for integers when None. NaN always means that.
        bands: their names, where their order is another.

    Returns:
        uint8 (height, width).

    Raises:
        InputError: the pixels cannot be masked.
        UsageError: arguments that do not fit together, or that only a file can have.
    """
    config = config or MaskConfig()
    _check_config(config)
    raster = _raster(_plain(pixels, nodata), _affine(gsd, transform), crs, nodata, bands)
    scene = describe_scene(raster, reflectance_scale=config.reflectance_scale)
    for notice in scene.notices:
        if notice.name not in UNTOLD and not (gsd and notice.name == "no_transform"):
            warnings.warn(f"{notice.message} ({notice.name})", stacklevel=3)
    if gsd is not None:
        scene = replace(scene, gsd_m=_both(gsd))
    return _codes(Masker(config), raster, scene)


def _plain(pixels: npt.ArrayLike, nodata: float | None) -> npt.NDArray[Any]:
    """The array itself; what a masked array hides becomes nodata."""
    if not isinstance(pixels, np.ma.MaskedArray):
        return np.asarray(pixels)
    hidden = (nodata or 0) if pixels.dtype.kind in "iu" else np.nan
    return np.asarray(pixels.filled(hidden))


def _check_config(config: MaskConfig) -> None:
    asked = {
        "confidence": config.confidence,
        "quicklook": config.quicklook,
        "qml": config.qml,
        "stac": config.stac,
        "aoi": config.aoi,
        "format": config.format != "mask",
    }
    wrong = [name for name, given in asked.items() if given]
    if wrong:
        raise UsageError(f"{', '.join(wrong)}: for files only, not for an array")


def _both(gsd: float | tuple[float, float]) -> tuple[float, float]:
    """Metres down and across."""
    down, across = gsd if isinstance(gsd, tuple) else (gsd, gsd)
    if not (0 < down < np.inf and 0 < across < np.inf):
        raise UsageError(f"gsd must be finite numbers above 0, not {gsd}")
    return float(down), float(across)


def _affine(gsd: float | tuple[float, float] | None, transform: Sequence[float] | None) -> Affine:
    if gsd is not None and transform is not None:
        raise UsageError("gsd and transform exclude each other")
    return Affine.identity() if transform is None else Affine(*tuple(transform)[:6])


def _raster(
    pixels: npt.NDArray[Any],
    transform: Affine,
    crs: Any,
    nodata: float | None,
    bands: Sequence[str | None] | None,
) -> ArrayRaster:
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise InputError(f"{NAME}: expected pixels (bands, height, width), found shape {pixels.shape}")
    if bands is not None and len(bands) != len(pixels):
        raise UsageError(f"bands must name all {len(pixels)} bands, not {len(bands)}")
    if nodata is None and pixels.dtype.kind in "iu":
        nodata = 0
    try:
        placed = None if crs is None else parse_crs(crs)
    except ValueError as error:
        raise UsageError(f"crs: expected what PROJ knows: {error}") from error
    grid = Grid(width=pixels.shape[2], height=pixels.shape[1], transform=transform, crs=placed)
    return ArrayRaster(pixels, grid, NAME, nodata=nodata, descriptions=bands)


def _codes(masker: Masker, raster: ArrayRaster, scene: Scene) -> Codes:
    height = raster.info.grid.height
    codes = np.empty((height, raster.info.grid.width), np.uint8)
    refinement = masker.refinement(scene)
    seen = done = 0
    with closing(masker.classified(raster, scene)) as parts:
        for _, part in parts:
            seen += len(part.mask)
            rows = refinement.push(part.mask, last=seen == height)
            codes[done : done + len(rows)] = rows
            done += len(rows)
    return codes
