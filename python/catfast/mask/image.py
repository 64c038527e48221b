"""``catfast.mask(...)``: a file or an array, in one call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy.typing as npt

from catfast.errors import UsageError
from catfast.mask.config import MaskConfig, MaskResult
from catfast.mask.masker import mask_scene
from catfast.mask.memory import mask_array
from catfast.mask.refine import Codes


@overload
def mask_image(
    image: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    config: MaskConfig | None = None,
    **options: Any,
) -> MaskResult: ...


@overload
def mask_image(
    image: npt.NDArray[Any],
    *,
    config: MaskConfig | None = None,
    gsd: float | tuple[float, float] | None = None,
    transform: Sequence[float] | None = None,
    crs: Any = None,
    nodata: float | None = None,
    bands: Sequence[str | None] | None = None,
    **options: Any,
) -> Codes: ...


def mask_image(
    image: str | os.PathLike[str] | npt.NDArray[Any],
    output: str | os.PathLike[str] | None = None,
    *,
    config: MaskConfig | None = None,
    gsd: float | tuple[float, float] | None = None,
    transform: Sequence[float] | None = None,
    crs: Any = None,
    nodata: float | None = None,
    bands: Sequence[str | None] | None = None,
    **options: Any,
) -> MaskResult | Codes:
    """Mask clouds and their shadows in a file or in an array.

    Args:
        image: path of a scene, see :func:`catfast.mask_scene`; or an array (bands, height, width).
        output: the mask file, for a path; ``<stem>_mask.tif`` beside the scene when None.
        config: options.
        gsd: metres a pixel of the array; this and the next are of arrays only, see :func:`mask_array`.
        transform: pixel to CRS coordinates.
        crs: coordinate reference system.
        nodata: value of pixels that were not seen.
        bands: names of the bands.
        options: fields of :class:`catfast.MaskConfig`, instead of or on top of ``config``; ``gsd_m`` among
            them is what the network works at, not the size of the pixels.

    Returns:
        A :class:`catfast.MaskResult` for a path; codes, uint8 (height, width), for an array.

    Raises:
        InputError: the image cannot be masked.
        OutputError: the output exists and was made from something else, or the disk did not take it.
        UsageError: options that do not fit together, or not with that kind of image.
    """
    config = replace(config or MaskConfig(), **options)
    about = {"gsd": gsd, "transform": transform, "crs": crs, "nodata": nodata, "bands": bands}
    if isinstance(image, str | os.PathLike):
        wrong = [name for name, value in about.items() if value is not None]
        if wrong:
            raise UsageError(f"{', '.join(wrong)}: for arrays only, a file says so itself")
        return mask_scene(Path(image), None if output is None else Path(output), config)
    if output is not None:
        raise UsageError("output: for files only, the mask of an array is returned")
    return mask_array(image, config, gsd=gsd, transform=transform, crs=crs, nodata=nodata, bands=bands)
