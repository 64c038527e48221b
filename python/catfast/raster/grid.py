"""Pixel grids: where the pixels of a raster lie and how large they are on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where the pixels of a raster lie."""

    width: int
    """Columns."""
    height: int
    """Rows."""
    transform: Affine
    """Pixel to CRS coordinates."""
    crs: CRS | None
    """Coordinate reference system, None when the file has none."""

    @property
    def has_area(self) -> bool:
        """Whether pixels have an extent: all numbers of the transform finite, and no side of length 0."""
        return all(map(math.isfinite, self.transform)) and self.transform.determinant != 0

    def pixels_off(self, other: Grid) -> float:
        """By how many pixels of this grid, at most, the corners of another of its size lie beside its own."""
        corners = [(0, 0), (self.width, 0), (0, self.height)]
        return max(
            abs(float(value) - wanted)
            for corner in corners
            for value, wanted in zip(~self.transform @ (other.transform @ corner), corner, strict=True)
        )


def parse_crs(text: str) -> CRS:
    """The CRS of an authority code such as ``EPSG:32604`` or of a WKT.

    Raises:
        ValueError: PROJ does not know it.
    """
    return CRS.from_user_input(text)


def ground_sampling_distance(grid: Grid) -> tuple[float, float]:
    """Metres a pixel at the middle of the grid: (down the rows, along the columns).

    Projected grids use the CRS unit, to 12 digits, so that turned pixels of 3 m are 3 m long; geographic ones
    the geodesic on WGS84 between pixel neighbours.

    Raises:
        ValueError: no CRS, one that is neither projected nor geographic, or a transform without area.
    """
    transform, crs = grid.transform, grid.crs
    if crs is None or not (crs.is_projected or crs.is_geographic):
        raise ValueError("the CRS is neither projected nor geographic")
    if not grid.has_area:
        raise ValueError(f"the geotransform {tuple(transform)[:6]} has no area")
    if crs.is_projected:
        down, across = math.hypot(transform.b, transform.e), math.hypot(transform.a, transform.d)
        metres = crs.linear_units_factor[1]
        return float(f"{down * metres:.12g}"), float(f"{across * metres:.12g}")
    centre = (grid.width / 2, grid.height / 2)
    return _geodesic(transform, centre, (0, 1)), _geodesic(transform, centre, (1, 0))


def centre_lonlat(grid: Grid) -> tuple[float, float] | None:
    """Longitude and latitude of the middle of a grid, degrees; None where nothing says where it lies."""
    if grid.crs is None or grid.transform.is_identity:
        return None
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(grid.crs.to_wkt(), "OGC:CRS84", always_xy=True)
    lon, lat = to_degrees.transform(*(grid.transform @ (grid.width / 2, grid.height / 2)))
    return (float(lon), float(lat)) if math.isfinite(lon) and math.isfinite(lat) else None


def _geodesic(transform: Affine, pixel: tuple[float, float], step: tuple[int, int]) -> float:
    from pyproj import Geod

    lon0, lat0 = transform @ pixel
    lon1, lat1 = transform @ (pixel[0] + step[0], pixel[1] + step[1])
    return float(Geod(ellps="WGS84").inv(lon0, lat0, lon1, lat1)[2])
