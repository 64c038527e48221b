"""What a user may ask of :func:`catfast.pairs.mine`, and what comes back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast.errors import Notice, UsageError
from catfast.paths import take_texts
from catfast.workers import refuse_idle_master

ENGINES = ("sedonadb", "spark")
TIME_REFERENCES = ("centre", "local")
LOCAL_SLACK_S = 15.0
"""A footprint inside a Landsat scene was passed at most this long before or after its centre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsConfig:
    """Options of pairing; the defaults are the paper's window and a useful overlap."""

    max_dt_s: float = 30.0
    """Longest time between the two scenes, seconds; a pair exactly so far apart counts."""
    min_overlap: float = 0.05
    """Smallest share of the PlanetScope footprint inside the Landsat one."""
    within: bool = False
    """Only PlanetScope footprints wholly within the Landsat one: the paper's rule."""
    time_reference: str = "centre"
    """``max_dt_s`` counts from the Landsat scene ``centre``, or from its pass over the overlap: ``local``."""
    engine: str = "sedonadb"
    """``sedonadb``, in this process, or ``spark``."""
    master: str | None = None
    """Spark's master: ``spark://host:port``, ...; a cluster must see the catalogues. None: ``local[*]``."""
    max_cloud: float | None = None
    """Leave out scenes of either side with more cloud than this, per cent; unknown cloud is kept."""
    min_sun: float | None = None
    """Leave out scenes of either side with a lower sun, degrees; unknown sun is kept."""
    latitude: tuple[float, float] | None = None
    """Only PlanetScope scenes between these latitudes, degrees: the middle of their bounds in EPSG:6931."""
    id_lists: Path | None = None
    """Write the ids of both sides, and the overlaps as GeoJSON, into this folder."""
    limit_per_scene: int | None = None
    """Keep for each Landsat scene the pairs nearest in time, at most this many."""
    plot: Path | None = None
    """Draw footprints on a polar map, and a histogram of the times apart, into this PNG."""
    overwrite: bool = False
    """Replace an output whatever it is; without it, a pairs file only."""

    def __post_init__(self) -> None:
        take_texts(self, "id_lists", "plot")
        if not (math.isfinite(self.max_dt_s) and 0 < self.max_dt_s <= 86_400):
            raise UsageError(f"--max-dt must be above 0 and at most 86400 s, not {self.max_dt_s:g}")
        if not 0 <= self.min_overlap <= 1:
            raise UsageError(f"--min-overlap must be from 0 to 1, not {self.min_overlap:g}")
        if self.max_cloud is not None and not 0 <= self.max_cloud <= 100:
            raise UsageError(f"--max-cloud must be from 0 to 100 per cent, not {self.max_cloud:g}")
        if self.min_sun is not None and not -90 <= self.min_sun <= 90:
            raise UsageError(f"--min-sun must be from -90 to 90 degrees, not {self.min_sun:g}")
        if self.latitude is not None and not -90 <= self.latitude[0] < self.latitude[1] <= 90:
            low, high = self.latitude
            raise UsageError(
                f"--latitude must be two of -90 to 90 degrees, the lower first, not {low:g} {high:g}"
            )
        if self.limit_per_scene is not None and self.limit_per_scene < 1:
            raise UsageError(f"--limit-per-scene must be at least 1, not {self.limit_per_scene}")
        for option, choice, choices in (
            ("--engine", self.engine, ENGINES),
            ("--time-reference", self.time_reference, TIME_REFERENCES),
        ):
            if choice not in choices:
                raise UsageError(f"{option} must be one of {', '.join(choices)}, not {choice}")
        refuse_idle_master(self.engine, self.master)

    @property
    def max_dt_ms(self) -> int:
        """``max_dt_s`` in whole milliseconds, the resolution of catalogues."""
        return math.floor(round(self.max_dt_s * 1000, 6))

    @property
    def window_ms(self) -> int:
        """Longest time from the scene centre at which a pair may still count."""
        slack = LOCAL_SLACK_S if self.time_reference == "local" else 0.0
        return self.max_dt_ms + round(slack * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsResult:
    """What was found."""

    output: Path
    """The pairs."""
    pairs: int
    """Rows written."""
    planet_scenes: int
    """PlanetScope scenes in any pair."""
    landsat_scenes: int
    """Landsat scenes in any pair."""
    over_local: int
    """Pairs whose ``dt_local_s`` is longer than ``max_dt_s``."""
    engine: str
    """The engine."""
    warnings: tuple[Notice, ...]
    """Named warnings."""
    seconds: float
    """Wall time."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "output": str(self.output),
            "pairs": self.pairs,
            "planet_scenes": self.planet_scenes,
            "landsat_scenes": self.landsat_scenes,
            "over_local": self.over_local,
            "engine": self.engine,
            "warnings": [{"name": notice.name, "message": notice.message} for notice in self.warnings],
            "seconds": round(self.seconds, 3),
        }
