"""Headers of patch files, made by GDAL, that only wait for their pixels; and reading such a file whole."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.io import MemoryFile

from catfast.errors import InputError
from catfast.raster.gdal import GDAL_ERRORS, SAFE_ENV, reason
from catfast.raster.write import dress

# TIFF 6.0 and GeoTIFF 1.1 (OGC 19-008r4): tags whose values are a patch's own.
_STRIP_OFFSETS, _STRIP_BYTES, _TIEPOINT, _MATRIX = 273, 279, 33922, 34264
_LONG = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchStyle:
    """What all images, or all labels, of a store have in common."""

    count: int
    """Bands."""
    dtype: str
    """``uint16`` or ``uint8``."""
    nodata: int
    """Value of pixels that were not seen."""
    descriptions: tuple[str, ...]
    """Band descriptions."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Dataset tags."""
    band_tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of band 1."""
    colours: Mapping[int, tuple[int, int, int, int]] | None = None
    """Colour table of a single-band file: value to RGBA."""


@dataclass(frozen=True, slots=True)
class TiffTemplate:
    """A GeoTIFF without its one strip: zstd level 1, predictor 2, pixels interleaved.

    A file is ``header``, with the places below filled in, followed by the compressed strip.
    """

    header: bytes
    """All bytes before the strip, little-endian classic TIFF."""
    strip_offset_at: int
    """Where the uint32 offset of the strip stands."""
    strip_bytes_at: int
    """Where the uint32 length of the strip stands."""
    x_at: int
    """Where the float64 x of the upper left corner stands."""
    y_at: int
    """Where the float64 y of the upper left corner stands."""


def patch_template(
    style: PatchStyle, size: int, epsg: int, linear: tuple[float, float, float, float]
) -> TiffTemplate:
    """The template of patches of ``size`` x ``size`` pixels.

    Args:
        style: what the patches have in common.
        size: pixels a side.
        epsg: code of the CRS.
        linear: a, b, d, e of the affine transform; its c and f are each patch's own.

    Raises:
        InputError: PROJ does not know the CRS.
    """
    a, b, d, e = linear
    try:
        crs = CRS.from_epsg(epsg)
    except GDAL_ERRORS as error:
        raise InputError(f"EPSG:{epsg} is not a CRS that PROJ knows: {reason(error)}") from error
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": size,
        "height": size,
        "count": style.count,
        "dtype": style.dtype,
        "nodata": style.nodata,
        "crs": crs,
        # GDAL leaves out a transform that looks like none: any corner but 0, 0 will do.
        "transform": Affine(a, b, 1.0, d, e, 1.0),
        "compress": "zstd",
        "zstd_level": 1,
        "predictor": 2,
        "interleave": "pixel",
        "photometric": "minisblack",
        "blockysize": size,
        "sparse_ok": True,
        "bigtiff": "no",
    }
    if style.colours is not None:
        profile["photometric"] = "palette"
    with rasterio.Env(**SAFE_ENV), MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dress(dataset, style)
        return _template(memory.read())


def _template(file: bytes) -> TiffTemplate:
    """Find the places to fill in; the strip's two numbers become uint32 inside their entries."""
    header = bytearray(file + b"\0" * (-len(file) % 16))
    (directory,) = struct.unpack_from("<I", header, 4)
    (entries,) = struct.unpack_from("<H", header, directory)
    at = {}
    for place in range(directory + 2, directory + 2 + 12 * entries, 12):
        (tag,) = struct.unpack_from("<H", header, place)
        at[tag] = place
    for tag in (_STRIP_OFFSETS, _STRIP_BYTES):
        struct.pack_into("<HII", header, at[tag] + 2, _LONG, 1, 0)
    corner, x, y = (_TIEPOINT, 3, 4) if _TIEPOINT in at else (_MATRIX, 3, 7)
    (values,) = struct.unpack_from("<I", header, at[corner] + 8)
    return TiffTemplate(
        bytes(header), at[_STRIP_OFFSETS] + 8, at[_STRIP_BYTES] + 8, values + 8 * x, values + 8 * y
    )


def read_patch(path: Path) -> npt.NDArray[Any]:
    """All bands of a small GeoTIFF, shape (bands, height, width).

    Raises:
        InputError: it is missing, or cannot be decoded.
    """
    try:
        with rasterio.Env(**SAFE_ENV), rasterio.open(path, driver="GTiff") as dataset:
            return np.asarray(dataset.read())
    except GDAL_ERRORS as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error
