"""Scenes unlike all that a model saw in training: they are masked, with a named warning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast.acquisition import Acquisition, find_acquisition
from catfast.errors import Notice
from catfast.models import Domain
from catfast.raster import Grid

SATURATED_TAG = "CATFAST_SATURATED_PERCENT"
"""Where a mask remembers the share of saturated pixels, so that a skipped scene is warned of again."""


class Saturation:
    """Counts pixels of the network's grid that are brighter than a limit in all bands."""

    def __init__(self, above: float | None) -> None:
        self._above = above
        self._seen = self._bright = 0

    def add(self, reflectance: npt.NDArray[np.float32]) -> None:
        """The next rows, (bands, n, width), NaN where nothing was seen."""
        if self._above is None:
            return
        darkest = reflectance.min(axis=0)
        self._seen += int(np.count_nonzero(darkest == darkest))
        self._bright += int(np.count_nonzero(darkest > self._above))

    @property
    def percent(self) -> float | None:
        """Of the pixels seen; None where there is no limit, or no pixel."""
        return round(100 * self._bright / self._seen, 4) if self._seen else None


def outside_domain(domain: Domain, scene: Path, grid: Grid, saturated: float | None) -> list[Notice]:
    """A warning for each way in which a scene lies outside of what the model saw in training.

    Args:
        domain: what that was.
        scene: the file; Planet's metadata is looked for beside it.
        grid: where its pixels lie.
        saturated: per cent of its pixels that are saturated, None where that was not counted.
    """
    found = find_acquisition(scene, grid)
    told = {
        "low_sun": _low_sun(domain, found),
        "latitude": _latitude(domain, found),
        "sensor": _sensor(domain, found),
        "saturated": _saturated(domain, saturated),
    }
    return [Notice(name, message) for name, message in told.items() if message]


def _low_sun(domain: Domain, found: Acquisition) -> str | None:
    lowest, sun = domain.min_sun_elevation, found.sun_elevation
    if lowest is None or sun is None or sun >= lowest:
        return None
    return f"the sun stands {sun:.1f} degrees high, in the model's training at least {lowest:g}"


def _latitude(domain: Domain, found: Acquisition) -> str | None:
    if domain.latitude is None or found.latitude is None:
        return None
    south, north = domain.latitude
    if south <= found.latitude <= north:
        return None
    return (
        f"its latitude is {found.latitude:.1f} degrees, in the model's training from {south:g} to {north:g}"
    )


def _sensor(domain: Domain, found: Acquisition) -> str | None:
    if not domain.sensors or found.instrument is None:
        return None
    if found.instrument in {name.upper() for name in domain.sensors}:
        return None
    seen = ", ".join(domain.sensors)
    return f"the model saw no image of {found.instrument} in training, only of {seen}"


def _saturated(domain: Domain, percent: float | None) -> str | None:
    above, most = domain.saturated_above, domain.saturated_percent
    if above is None or most is None or percent is None or percent <= most:
        return None
    return (
        f"{percent:.1f} % of its pixels are brighter than {above:g} in all bands, "
        f"in the model's training at most {most:g} %"
    )
