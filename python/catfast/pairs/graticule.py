"""Meridians and parallels on a map in EPSG:6931, with their labels; no network, no basemap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from catfast.catalog import CRS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]
"""West, south, east, north of the map, metres in EPSG:6931."""

STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45, 90)
"""Degrees between lines."""
LINES = 6
"""At most about so many lines each way."""


def draw_graticule(axes: Axes, box: Box) -> None:
    """Draw labelled lines of longitude and latitude, as many as are legible."""
    taken: list[complex] = []
    lon, lat = _degrees(*_grid(box))
    pole = box[0] <= 0 <= box[2] and box[1] <= 0 <= box[3]
    south, north = float(lat.min()), 90.0 if pole else float(lat.max())
    for value in _values(south, north, _step(north - south)):
        if value < 90:
            circle = np.linspace(-180, 180, 7201)
            line = _line(axes, circle, np.full_like(circle, value))
            _label(axes, box, line[np.argsort(-line.real - 0.3 * line.imag)], _named(value, "N", "S"), taken)
    middle, step = (0.0, 30.0) if pole else (_mean_angle(lon), 0.0)
    away = (lon - middle + 180) % 360 - 180
    west, east = (-180.0, 179.9) if pole else (float(away.min()), float(away.max()))
    top = 90 - (90 - south) / 25 if pole else 90.0
    for value in _values(middle + west, middle + east, step or _step(east - west)):
        outward = np.linspace(max(south - 1, -89), top, 4001)
        line = _line(axes, np.full_like(outward, value), outward)
        _label(axes, box, line, _named((value + 180) % 360 - 180, "E", "W"), taken)


def _grid(box: Box) -> tuple[Floats, Floats]:
    x, y = np.meshgrid(np.linspace(box[0], box[2], 101), np.linspace(box[1], box[3], 101))
    return x.ravel(), y.ravel()


def _degrees(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    from pyproj import Transformer

    lon, lat = Transformer.from_crs(CRS, "OGC:CRS84", always_xy=True).transform(x, y)
    known = np.isfinite(lon) & np.isfinite(lat)
    return np.asarray(lon)[known], np.asarray(lat)[known]


def _step(span: float) -> float:
    return float(next((step for step in STEPS if span / step <= LINES), STEPS[-1]))


def _values(low: float, high: float, step: float) -> Floats:
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def _named(value: float, above: str, below: str) -> str:
    side = "" if value in (0, -180, 180) else above if value > 0 else below
    return f"{abs(round(value, 2)):g}°{side}"


def _mean_angle(lon: Floats) -> float:
    return float(np.degrees(np.angle(np.exp(1j * np.radians(lon)).mean())))


def _line(axes: Axes, lon: Floats, lat: Floats) -> npt.NDArray[np.complex128]:
    """Draw a line; its places in the plane, x + iy."""
    from pyproj import Transformer

    x, y = Transformer.from_crs("OGC:CRS84", CRS, always_xy=True).transform(lon, lat)
    axes.plot(x, y, color="0.55", linewidth=0.5, zorder=1)
    return np.asarray(np.asarray(x) + 1j * np.asarray(y), np.complex128)


def _label(axes: Axes, box: Box, line: npt.NDArray[np.complex128], name: str, taken: list[complex]) -> None:
    """Name a line at the first of its places that is on the map and free."""
    side = box[2] - box[0]
    margin = 0.04 * side
    inside = (line.real > box[0] + margin) & (line.real < box[2] - margin)
    inside &= (line.imag > box[1] + margin) & (line.imag < box[3] - margin)
    for place in line[inside][::8].tolist():
        if all(abs(place - other) > 0.08 * side for other in taken):
            taken.append(place)
            axes.text(
                place.real,
                place.imag,
                name,
                fontsize=7,
                color="0.3",
                ha="center",
                va="center",
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
                zorder=6,
            )
            return
