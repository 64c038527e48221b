"""Where clouds went between Landsat and PlanetScope: one displacement a pair, or the reason for none."""

from __future__ import annotations

from catfast.labels.displacement.bands import band_files
from catfast.labels.displacement.coarse import Coarse, read_coarse
from catfast.labels.displacement.estimate import estimate
from catfast.labels.displacement.found import Displacement

__all__ = [
    "Coarse",
    "Displacement",
    "band_files",
    "estimate",
    "read_coarse",
]
