"""Landsat's ground track: where a path and row of the World Reference System 2 lies, and when it was passed.

Landsat 4, 5, 7, 8 and 9 fly the same orbit: 233 paths in 16 days, 248 rows an orbit, inclination 98.2
degrees, row 60 at the equator going south, path 1 crossing it there at 64.60 W (USGS, Landsat Data Users
Handbook). Rows 1 to 122 go south, rows from 123 on go north. The circle stands for the orbit: its centres lie
within 4 km of those that USGS publishes for all northern rows, 0.3 s of flight, and the four corners of real
Landsat 8 and 9 scenes are seen in time with each other within 0.15 s (``tests/real/test_real_wrs2.py``).
"""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt

__all__ = ["UNSTEERED", "footprints", "path_row", "row_centres", "seconds_after_centre"]

PATHS, ROWS, CYCLE_DAYS = 233, 248, 16
INCLINATION = math.radians(98.2)
PATH_1_LONGITUDE = -64.60
EQUATOR_ROW = 60
EARTH_TURN = CYCLE_DAYS / PATHS
"""Radians that the Earth turns while the satellite goes one radian."""
ORBIT_SECONDS = CYCLE_DAYS * 86_400 / PATHS
FLATTENING = 1 / 298.257223563
EARTH_RADIUS_M = 6_371_007.0
HALF_WIDTH_M, HALF_LENGTH_M = 92_500.0, 90_000.0
"""A scene is 185 km across the track and 180 km along it (USGS, Landsat 8 Data Users Handbook)."""
UNSTEERED = frozenset({"landsat-4", "landsat-5", "landsat-7"})
"""Platforms of WRS-2 that do not steer in yaw."""

_ID = re.compile(r"L[A-Z](?:0[4-9]_(?:[A-Z0-9]{4}_)?|[4-9])(\d{3})(\d{3})_?\d{7}")
_STEPS = np.linspace(-1, 1, 9)
_ITERATIONS = 8

Floats = npt.NDArray[np.float64]


def path_row(scene_id: str) -> tuple[int, int] | None:
    """Path and row in a Landsat id: a product's, a Collection 1 scene's or Earth Engine's; None without.

    Landsat 1 to 3 count by another system, WRS-1: None.
    """
    match = _ID.match(scene_id)
    if match is None:
        return None
    path, row = int(match[1]), int(match[2])
    return (path, row) if 1 <= path <= PATHS and 1 <= row <= ROWS else None


def row_centres(path: npt.ArrayLike, row: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Longitudes and geodetic latitudes (degrees) of nominal scene centres."""
    return _geodetic(_track(_node(path), _angle(row))[0])


def footprints(path: npt.ArrayLike, row: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Longitudes and latitudes, (n, k) degrees, of closed rings round nominal scenes of 185 x 180 km.

    The edges across the track are straight, those along it bend with the track.
    """
    node, angle = np.atleast_1d(_node(path)), np.atleast_1d(_angle(row))
    along = np.concatenate([_STEPS, _STEPS[::-1], _STEPS[:1]]) * (HALF_LENGTH_M / EARTH_RADIUS_M)
    side = np.concatenate([np.ones(9), -np.ones(9), np.ones(1)]) * (HALF_WIDTH_M / EARTH_RADIUS_M)
    place, swept = _track(node[:, None], angle[:, None] + along)
    across = np.cross(swept + EARTH_TURN * _carried(place), place)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    return _geodetic(place * np.cos(side)[:, None] + across * np.sin(side)[:, None])


def seconds_after_centre(
    path: npt.ArrayLike,
    row: npt.ArrayLike,
    lon: npt.ArrayLike,
    lat: npt.ArrayLike,
    steered: npt.ArrayLike = True,
) -> Floats:
    """Seconds from a scene's centre to when the same pass saw each place (degrees); all arrays (n,).

    A place is seen when the scan line reaches it. Landsat 8 and 9 steer in yaw, so that the line is square to
    the track over the turning Earth; that of Landsat 4, 5 and 7 (`steered` false) is square to the orbit,
    which at the edge of the swath makes up to 0.9 s (USGS, Landsat 8 Data Users Handbook, 2.2).
    """
    node, centre = _node(path), _angle(row)
    place = _unit(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    turn = np.where(steered, EARTH_TURN, 0.0)
    angle = centre
    for _ in range(_ITERATIONS):
        track, swept = _track(node, angle)
        ahead = swept + turn[..., None] * _carried(track)
        angle = angle + np.sum(place * ahead, axis=-1) / np.sum(ahead * ahead, axis=-1)
    return np.asarray((centre - angle) * (ORBIT_SECONDS / (2 * np.pi)), np.float64)


def _node(path: npt.ArrayLike) -> Floats:
    """Longitude, radians, at which a path crosses the equator going south."""
    return np.radians(PATH_1_LONGITUDE - (np.asarray(path, np.float64) - 1) * 360 / PATHS)


def _angle(row: npt.ArrayLike) -> Floats:
    """Angle, radians, from the equator to a row against the direction of flight."""
    return (EQUATOR_ROW - np.asarray(row, np.float64)) * (2 * np.pi / ROWS)


def _track(node: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """Geocentric unit vectors of the ground track, and their derivative by the angle were the Earth still."""
    sine, cosine = np.sin(angle), np.cos(angle)
    tilt, lean = -np.cos(INCLINATION), np.sin(INCLINATION)
    place = _turn(cosine, tilt * sine, node + EARTH_TURN * angle, lean * sine)
    swept = _turn(-sine, tilt * cosine, node + EARTH_TURN * angle, lean * cosine)
    return place, swept


def _carried(place: Floats) -> Floats:
    """How the turning Earth carries a place: its derivative by longitude."""
    return np.stack([-place[..., 1], place[..., 0], np.zeros_like(place[..., 0])], axis=-1)


def _turn(x: Floats, y: Floats, lon: Floats, z: Floats) -> Floats:
    """A vector turned east by `lon`."""
    sine, cosine = np.sin(lon), np.cos(lon)
    return np.stack(np.broadcast_arrays(x * cosine - y * sine, x * sine + y * cosine, z), axis=-1)


def _unit(lon: Floats, lat: Floats) -> Floats:
    geocentric = np.arctan((1 - FLATTENING) ** 2 * np.tan(np.radians(lat)))
    flat = np.cos(geocentric)
    return _turn(flat, np.zeros_like(flat), np.radians(lon), np.sin(geocentric))


def _geodetic(place: Floats) -> tuple[Floats, Floats]:
    lon = np.degrees(np.arctan2(place[..., 1], place[..., 0]))
    flat = np.hypot(place[..., 0], place[..., 1])
    lat = np.degrees(np.arctan2(place[..., 2], (1 - FLATTENING) ** 2 * flat))
    return lon, lat
