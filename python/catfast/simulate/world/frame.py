"""Where a scene lies and whence it is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

__all__ = ["Frame", "View"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A north-up raster in UTM with a tilted square of valid pixels in its middle."""

    epsg: int
    """Code of the UTM zone."""
    west: float
    """Easting of the outer edge, metres."""
    north: float
    """Northing of the outer edge, metres."""
    px_m: float
    """Size of a pixel, metres."""
    size: int
    """Rows and columns."""
    tilt: float
    """Turn of the valid square, radians clockwise."""

    @property
    def centre(self) -> tuple[float, float]:
        """Easting and northing of the middle."""
        half = self.size * self.px_m / 2
        return self.west + half, self.north - half

    @property
    def half_side_m(self) -> float:
        """Half the side of the valid square, which touches the edges of the raster."""
        spread = abs(math.cos(self.tilt)) + abs(math.sin(self.tilt))
        return (self.size - 2) * self.px_m / 2 / spread

    def footprint(self) -> list[tuple[float, float]]:
        """Return the corners (easting, northing) of the valid square, clockwise and closed."""
        (x, y), half = self.centre, self.half_side_m
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        corners = [(-half, half), (half, half), (half, -half), (-half, -half), (-half, half)]
        return [(x + a * cos + b * sin, y - a * sin + b * cos) for a, b in corners]

    def valid(self) -> npt.NDArray[np.bool_]:
        """Return a boolean (size, size) array: inside the valid square."""
        offset = ((np.arange(self.size, dtype=np.float32) + 0.5) - self.size / 2) * self.px_m
        east, south = offset[None, :], offset[:, None]
        cos, sin = np.float32(math.cos(self.tilt)), np.float32(math.sin(self.tilt))
        along, across = np.abs(east * cos + south * sin), np.abs(south * cos - east * sin)
        return (along <= self.half_side_m) & (across <= self.half_side_m)

    def lonlat(self) -> list[tuple[float, float]]:
        """Return the corners of the valid square as longitudes and latitudes, anticlockwise and closed."""
        to_degrees = Transformer.from_crs(self.epsg, 4326, always_xy=True)
        return [to_degrees.transform(x, y) for x, y in reversed(self.footprint())]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The direction a scene is seen from."""

    off_nadir: float
    """Angle at the ground from the vertical to the satellite, radians."""
    azimuth: float
    """Direction from the ground to the satellite, radians clockwise from grid north."""

    def parallax(self, height_m: float) -> tuple[float, float]:
        """Return metres (east, north) by which a cloud at `height_m` seems moved: away from the satellite."""
        reach = height_m * math.tan(self.off_nadir)
        return -reach * math.sin(self.azimuth), -reach * math.cos(self.azimuth)
