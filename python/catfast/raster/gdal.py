"""What reading and writing share: GDAL's settings and how its errors are told."""

from __future__ import annotations

import os
from dataclasses import dataclass

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

GDAL_ERRORS = (RasterioError, CPLE_BaseError)
"""What rasterio raises; GDAL's own errors are not always wrapped in a public class."""

CACHE = 64 << 20
"""GDAL's cache, bytes (rasterio counts so, GDAL itself in megabytes): holds a row of blocks of a scene."""

# Sidecars (.aux.xml, .ovr, .msk) may be stale or hostile: GDAL neither lists the folder nor reads PAM.
# Errors in GDAL's own threads would be printed past Python; what they spoil is found by other means.
SAFE_ENV = {
    "CPL_LOG": os.devnull,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_CACHEMAX": CACHE,
}


def reason(error: BaseException) -> str:
    """What the system said, less the temporary name; else the last line of the text, where GDAL has it."""
    if told := getattr(error, "strerror", None):
        return str(told)
    lines = str(error.__cause__ or error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What reads and writes files."""

    rasterio: str
    """Of rasterio."""
    gdal: str
    """Of the GDAL inside it."""
    proj: str
    """Of the PROJ inside it."""
    drivers: frozenset[str]
    """GDAL's drivers for rasters, by their short names."""


def versions() -> Versions:
    """Versions of rasterio and of what comes with it."""
    with rasterio.Env() as environment:
        drivers = frozenset(environment.drivers())
    return Versions(
        rasterio=rasterio.__version__,
        gdal=rasterio.__gdal_version__,
        proj=rasterio.__proj_version__,
        drivers=drivers,
    )
