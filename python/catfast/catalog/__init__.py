"""Stage 1: scene catalogues of Planet and Landsat, from the files that users really have."""

from catfast.catalog.builder import build
from catfast.catalog.config import CatalogConfig, CatalogResult
from catfast.catalog.describe import CatalogInfo, describe
from catfast.catalog.schema import CRS, MARK, geo_metadata
from catfast.catalog.writer import whole_file

__all__ = [
    "CRS",
    "MARK",
    "CatalogConfig",
    "CatalogInfo",
    "CatalogResult",
    "build",
    "describe",
    "geo_metadata",
    "whole_file",
]
