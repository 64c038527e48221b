"""The only package that imports rasterio: open GeoTIFFs safely, read bands of rows, write files atomically.

Everything else works on arrays, :class:`Grid` and :class:`RasterInfo`.
"""

from __future__ import annotations

from catfast.raster.area import Area, footprint_lonlat
from catfast.raster.arrays import ArrayRaster, StackedRaster
from catfast.raster.atomic import atomic_path, fsync_folder, output_errors
from catfast.raster.gdal import Versions, versions
from catfast.raster.grid import Grid, centre_lonlat, ground_sampling_distance, parse_crs
from catfast.raster.memory import Memory, free_large_at_once
from catfast.raster.patchtiff import PatchStyle, TiffTemplate, patch_template, read_patch
from catfast.raster.provenance import file_sha256, is_made_already, refuse_input, simulated_tag
from catfast.raster.read import DEFAULT_MAX_SAMPLES, VERIFY, Raster, RasterInfo, open_raster, read_tags
from catfast.raster.write import (
    CogStyle,
    CogWriter,
    TiffWriter,
    cog_writer,
    prepare_cog_writer,
    tiff_writer,
    write_geotiff,
)

__all__ = [
    "DEFAULT_MAX_SAMPLES",
    "VERIFY",
    "Area",
    "ArrayRaster",
    "CogStyle",
    "CogWriter",
    "Grid",
    "Memory",
    "PatchStyle",
    "Raster",
    "RasterInfo",
    "StackedRaster",
    "TiffTemplate",
    "TiffWriter",
    "Versions",
    "atomic_path",
    "centre_lonlat",
    "cog_writer",
    "file_sha256",
    "footprint_lonlat",
    "free_large_at_once",
    "fsync_folder",
    "ground_sampling_distance",
    "is_made_already",
    "open_raster",
    "output_errors",
    "parse_crs",
    "patch_template",
    "prepare_cog_writer",
    "read_patch",
    "read_tags",
    "refuse_input",
    "simulated_tag",
    "tiff_writer",
    "versions",
    "write_geotiff",
]
