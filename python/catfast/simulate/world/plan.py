"""What is settled about a pair before its first pixel: where, when, under which names and angles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from pyproj import Transformer

from catfast.simulate.world.config import WorldConfig
from catfast.simulate.world.frame import Frame, View
from catfast.simulate.world.orbit import (
    GROUND_SPEED_M_S,
    ORBIT_HEIGHT_M,
    Row,
    nearest_row,
    passes,
    row_centre,
)
from catfast.simulate.world.sites import SITES, Site
from catfast.sun import sun_position

__all__ = ["L8_PX_M", "PS_PX_M", "PairPlan", "plan_world"]

PS_PX_M, L8_PX_M = 3.0, 30.0
YEAR = 2023
LOWEST_SUN = 14.0
LANDSAT_PX, SMALL_LANDSAT_PX = 1024, 512
SMALL_PX = 512
"""Up to this size of PlanetScope the Landsat scene is a small one too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """One pair: two scenes of one ground at nearly one time."""

    ground: str
    """Name of the ground, unique in the world."""
    seed: int
    """Seed of its fields."""
    site: Site
    """What is there."""
    row: Row
    """Landsat's path and row."""
    ps: Frame
    """PlanetScope's raster."""
    l8: Frame
    """Landsat's raster."""
    ps_time: datetime
    """PlanetScope's acquisition."""
    l8_time: datetime
    """Landsat's scene centre time."""
    dt_local_s: float
    """PlanetScope minus the time at which Landsat passed the PlanetScope footprint, seconds."""
    ps_view: View
    """Where PlanetScope looked from."""
    l8_view: View
    """Where Landsat looked from."""
    sun: tuple[float, float]
    """Azimuth and elevation of the sun, degrees, at the time of Landsat."""
    winds: tuple[tuple[float, float], tuple[float, float]]
    """Wind (east, north) in m/s at the lower and the upper clouds."""
    product: str
    """``SR``, ``AnalyticMS`` or ``AnalyticMS_8b``."""
    satellite: str
    """PlanetScope satellite id."""
    instrument: str
    """PlanetScope instrument."""

    @property
    def dt_s(self) -> float:
        """PlanetScope minus the time of Landsat's scene centre, seconds."""
        return (self.ps_time - self.l8_time).total_seconds()

    @property
    def ps_id(self) -> str:
        """PlanetScope item id; SuperDoves have hundredths of a second in theirs."""
        stamp = self.ps_time.strftime("%Y%m%d_%H%M%S")
        hundredths = f"_{self.ps_time.microsecond // 10_000:02d}" if self.instrument == "PSB.SD" else ""
        return f"{stamp}{hundredths}_{self.satellite}"

    @property
    def l8_id(self) -> str:
        """Landsat product id."""
        made = (self.l8_time + timedelta(days=11)).strftime("%Y%m%d")
        day = self.l8_time.strftime("%Y%m%d")
        return f"LC08_L1TP_{self.row.path:03d}{self.row.row:03d}_{day}_{made}_02_T1"


def plan_world(config: WorldConfig) -> list[PairPlan]:
    """Plan the pairs of a world, each on another site or, when sites run out, another part of one."""
    rng = np.random.default_rng(config.seed)
    order = rng.permutation(len(SITES))
    return [_plan_pair(rng, config, k, SITES[order[k % len(SITES)]]) for k in range(config.pairs)]


def _plan_pair(rng: np.random.Generator, config: WorldConfig, k: int, site: Site) -> PairPlan:
    """Plan pair number `k` on `site`."""
    lap = k // len(SITES)
    row = nearest_row(site.lon + 9.0 * lap, site.lat)
    l8_time, sun = _daylight_pass(rng, row, site)
    epsg = 32601 + int((row.lon + 180) // 6) % 60
    l8, across, heading = _landsat_frame(rng, config, row, epsg)
    ps, east, north = _planetscope_frame(rng, config, l8)
    dt = round(float(rng.choice((-1, 1)) * rng.uniform(5.0, 28.0)), 3)
    ps_time = l8_time + timedelta(seconds=dt)
    ahead = east * math.sin(heading) + north * math.cos(heading)
    side = math.copysign(1.0, across)
    product = ("SR", "AnalyticMS", "SR", "AnalyticMS_8b")[k % 4]
    dove = product == "AnalyticMS" and k % 8 == 1
    return PairPlan(
        ground=f"ground_{k + 1:02d}_{site.name}",
        seed=int(rng.integers(2**31)),
        site=site,
        row=row,
        ps=ps,
        l8=l8,
        ps_time=ps_time,
        l8_time=l8_time,
        dt_local_s=dt - ahead / GROUND_SPEED_M_S,
        ps_view=View(off_nadir=math.radians(rng.uniform(0.3, 4.8)), azimuth=rng.uniform(0, 2 * math.pi)),
        l8_view=View(off_nadir=math.atan(abs(across) / ORBIT_HEIGHT_M), azimuth=heading - side * math.pi / 2),
        sun=sun,
        winds=(_wind(rng, 3.0, 16.0), _wind(rng, 8.0, 28.0)),
        product=product,
        satellite=f"10{rng.integers(16, 96):02x}" if dove else f"24{rng.integers(16, 160):02x}",
        instrument="PS2" if dove else "PSB.SD",
    )


def _daylight_pass(rng: np.random.Generator, row: Row, site: Site) -> tuple[datetime, tuple[float, float]]:
    """Return the time of one of the site's passes with enough sun, and the sun's azimuth and elevation.

    Whole milliseconds: catalogues keep no more, and what lies between two times is then what lies between
    the two that they keep.
    """
    start = datetime(YEAR, site.months[0], 1, tzinfo=UTC)
    times = passes(row, start, datetime(YEAR, site.months[1] + 1, 1, tzinfo=UTC))
    suns = [sun_position(t, row.lon, row.lat) for t in times]
    bright = [k for k, sun in enumerate(suns) if sun[1] >= LOWEST_SUN] or [
        int(np.argmax([s[1] for s in suns]))
    ]
    chosen = bright[int(rng.integers(len(bright)))]
    jitter = timedelta(seconds=float(rng.uniform(-30, 30)))
    time = times[chosen] + jitter
    return time.replace(microsecond=time.microsecond // 1000 * 1000), suns[chosen]


def _landsat_frame(
    rng: np.random.Generator, config: WorldConfig, row: Row, epsg: int
) -> tuple[Frame, float, float]:
    """Return Landsat's raster, how far it lies right of the ground track (metres) and the track's heading.

    Its middle lies on the scan line of the row's centre, so that its centre time is that of the row.
    """
    to_utm = Transformer.from_crs(4326, epsg, always_xy=True)
    (x0, y0), (x1, y1) = (to_utm.transform(*row_centre(row.path, row.row + step)) for step in (-0.2, 0.2))
    heading = math.atan2(x1 - x0, y1 - y0)
    across = float(rng.uniform(15e3, 70e3) * rng.choice((-1, 1)))
    x, y = to_utm.transform(row.lon, row.lat)
    x, y = x + across * math.cos(heading), y - across * math.sin(heading)
    size = SMALL_LANDSAT_PX if config.size_px <= SMALL_PX else LANDSAT_PX
    while size * L8_PX_M < 3.2 * config.size_px * PS_PX_M:
        size += SMALL_LANDSAT_PX
    # Collection 2 puts the middle of a pixel, not its edge, on multiples of 30 m.
    west, north = (L8_PX_M * round(v / L8_PX_M) + L8_PX_M / 2 for v in (x - size * 15, y + size * 15))
    tilt = (heading + math.pi / 4) % (math.pi / 2) - math.pi / 4
    frame = Frame(epsg=epsg, west=west, north=north, px_m=L8_PX_M, size=size, tilt=tilt)
    return frame, across, heading


def _planetscope_frame(
    rng: np.random.Generator, config: WorldConfig, l8: Frame
) -> tuple[Frame, float, float]:
    """Return PlanetScope's raster inside Landsat's, and metres (east, north) from middle to middle."""
    half = config.size_px * PS_PX_M / 2
    room = max(0.0, l8.half_side_m - math.sqrt(2) * half) / math.sqrt(2)
    east, north = rng.uniform(-room, room, 2)
    x, y = l8.centre
    west, top = (PS_PX_M * round(v / PS_PX_M) for v in (x + east - half, y + north + half))
    tilt = float(rng.choice((-1, 1)) * rng.uniform(math.radians(10), math.radians(16)))
    frame = Frame(epsg=l8.epsg, west=west, north=top, px_m=PS_PX_M, size=config.size_px, tilt=tilt)
    return frame, float(frame.centre[0] - x), float(frame.centre[1] - y)


def _wind(rng: np.random.Generator, low: float, high: float) -> tuple[float, float]:
    """Return a wind (east, north) in m/s."""
    speed, towards = rng.uniform(low, high), rng.uniform(0, 2 * math.pi)
    return float(speed * math.sin(towards)), float(speed * math.cos(towards))
