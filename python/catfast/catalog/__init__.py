"""Stage 1: scene catalogues of Planet and Landsat, from the files that users really have."""

from catfast.catalog.builder import build
from catfast.catalog.config import CatalogConfig, CatalogResult
from catfast.catalog.describe import CatalogInfo, describe
from catfast.catalog.schema import CRS, MARK, geo_metadata
from catfast.catalog.writer import PLOT_SOFTWARE, check_output, whole_file

__all__ = [
    "CRS",
    "MARK",
    "PLOT_SOFTWARE",
    "CatalogConfig",
    "CatalogInfo",
    "CatalogResult",
    "build",
    "check_output",
    "describe",
    "geo_metadata",
    "whole_file",
]
