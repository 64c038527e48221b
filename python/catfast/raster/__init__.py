"""The only package that imports rasterio: open GeoTIFFs safely, read bands of rows, write files atomically.

Everything else works on arrays, :class:`Grid` and :class:`RasterInfo`.
"""

from __future__ import annotations

from catfast.raster.grid import Grid, ground_sampling_distance, parse_crs
from catfast.raster.memory import ArrayRaster, StackedRaster
from catfast.raster.provenance import file_sha256, is_made_already
from catfast.raster.read import DEFAULT_MAX_SAMPLES, Raster, RasterInfo, open_raster, read_tags
from catfast.raster.write import (
    CogStyle,
    CogWriter,
    TiffWriter,
    atomic_path,
    cog_writer,
    tiff_writer,
    write_geotiff,
)

__all__ = [
    "DEFAULT_MAX_SAMPLES",
    "ArrayRaster",
    "CogStyle",
    "CogWriter",
    "Grid",
    "Raster",
    "RasterInfo",
    "StackedRaster",
    "TiffWriter",
    "atomic_path",
    "cog_writer",
    "file_sha256",
    "ground_sampling_distance",
    "is_made_already",
    "open_raster",
    "parse_crs",
    "read_tags",
    "tiff_writer",
    "write_geotiff",
]
