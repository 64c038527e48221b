"""The one SQL text, which every engine runs as it is.

An engine provides two views, ``ps_scenes`` and ``l8_scenes``, with the columns of a catalogue but for

- ``t``, the acquisition in epoch milliseconds (BIGINT): casts of timestamps differ between engines;
- ``g``, the footprint in the engine's own geometry type; ``xmin, ymin, xmax, ymax``, its bounds.

The equality join on buckets of time as wide as the window comes first, with each Landsat scene in its own
bucket and the two beside it, and bounds are compared in the same join. It carries ids, times and bounds only:
footprints and the other columns are fetched by id for the few candidates that it leaves. Whether the overlap
is large enough is asked of its rows: a filter here makes engines intersect each candidate three times.
"""

from __future__ import annotations

import math

from catfast.catalog import CRS
from catfast.pairs.config import PairsConfig

PS_COLUMNS = ("platform", "cloud_cover", "snow_cover", "sun_elevation", "path", "instrument")
L8_COLUMNS = (
    "platform",
    "cloud_cover",
    "snow_cover",
    "sun_elevation",
    "wrs_path",
    "wrs_row",
    "path",
    "instrument",
)
"""Catalogue columns that go on into the pairs, with the prefixes ``ps_`` and ``l8_``."""

FAR_M = 2e7
"""Beyond any place of the plane."""

_TEXT = """
WITH ps AS (
  SELECT scene_id AS ps_id, t AS ps_t,
         xmin AS ps_xmin, ymin AS ps_ymin, xmax AS ps_xmax, ymax AS ps_ymax,
         t - t % {window} AS ps_bucket
  FROM ps_scenes{ps_filter}
),
l8 AS (
  SELECT scene_id AS l8_id, t AS l8_t,
         xmin AS l8_xmin, ymin AS l8_ymin, xmax AS l8_xmax, ymax AS l8_ymax,
         t - t % {window} + step AS l8_bucket
  FROM l8_scenes CROSS JOIN (VALUES (-{window}), (0), ({window})) AS steps(step){l8_filter}
),
candidates AS (
  SELECT ps_id, l8_id, ps_t, l8_t FROM l8 JOIN ps
  ON ps_bucket = l8_bucket
  AND ps_t - l8_t BETWEEN -{window} AND {window}
  AND ps_xmin <= l8_xmax AND l8_xmin <= ps_xmax AND ps_ymin <= l8_ymax AND l8_ymin <= ps_ymax
),
overlaps AS (
  SELECT ps_id, l8_id, ps_t, l8_t, {fetched_columns}, p.g AS ps_g, l.g AS l8_g,
         ST_Area(p.g) AS ps_area, ST_Intersection(p.g, l.g) AS common
  FROM candidates
  JOIN l8_scenes l ON l.scene_id = l8_id
  JOIN ps_scenes p ON p.scene_id = ps_id
)
SELECT ps_id, l8_id, ps_t, l8_t, {pair_columns},
       ST_Area(common) / ps_area AS overlap, ST_Area(common) / 1000000.0 AS overlap_km2,
       ST_AsBinary(common) AS geometry
FROM overlaps{within}
"""


def pairs_sql(config: PairsConfig) -> str:
    """The query for a configuration; numbers only are put in, never a user's text."""
    fetched = [f"p.{name} AS ps_{name}" for name in PS_COLUMNS] + [
        f"l.{name} AS l8_{name}" for name in L8_COLUMNS
    ]
    return _TEXT.format(
        window=config.window_ms,
        within=" WHERE ST_Within(ps_g, l8_g)" if config.within else "",
        fetched_columns=", ".join(fetched),
        pair_columns=", ".join(carried_columns()),
        ps_filter=_where(_scene_rules(config) + _place_rules(config)),
        l8_filter=_where(_scene_rules(config)),
    )


def carried_columns() -> list[str]:
    """Names in the pairs of the catalogue columns of both."""
    return [f"ps_{name}" for name in PS_COLUMNS] + [f"l8_{name}" for name in L8_COLUMNS]


def _scene_rules(config: PairsConfig) -> list[str]:
    rules = []
    if config.max_cloud is not None:
        rules.append(f"(cloud_cover IS NULL OR cloud_cover <= {float(config.max_cloud)!r})")
    if config.min_sun is not None:
        rules.append(f"(sun_elevation IS NULL OR sun_elevation >= {float(config.min_sun)!r})")
    return rules


def _place_rules(config: PairsConfig) -> list[str]:
    """Latitude is distance from the pole in EPSG:6931; of the middle of the bounds, by plain arithmetic."""
    if config.latitude is None:
        return []
    far, near = (_metres_from_pole(latitude) for latitude in config.latitude)
    square = "((xmin + xmax) * (xmin + xmax) + (ymin + ymax) * (ymin + ymax)) / 4.0"
    return [f"{square} BETWEEN {near * near!r} AND {far * far!r}"]


def _metres_from_pole(latitude: float) -> float:
    from pyproj import Transformer

    x, y = Transformer.from_crs("OGC:CRS84", CRS, always_xy=True).transform(0.0, latitude)
    distance = math.hypot(x, y)
    return distance if math.isfinite(distance) else FAR_M


def _where(rules: list[str]) -> str:
    return f" WHERE {' AND '.join(rules)}" if rules else ""
