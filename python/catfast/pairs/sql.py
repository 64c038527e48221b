"""The one SQL text, which every engine runs as it is.

An engine provides two views, ``ps_scenes`` and ``l8_scenes``, with the columns of a catalogue but for

- ``t``, the acquisition in epoch milliseconds (BIGINT): casts of timestamps differ between engines;
- ``g``, the footprint in the engine's own geometry type; ``xmin, ymin, xmax, ymax``, its bounds.

The equality join on buckets of time as wide as the window comes first, with each Landsat scene in its own
bucket and the two beside it; bounds are compared in the same join, and geometry is touched for what is left.
"""

from __future__ import annotations

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

_TEXT = """
WITH ps AS (
  SELECT scene_id AS ps_id, t AS ps_t, g AS ps_g, {ps_columns},
         xmin AS ps_xmin, ymin AS ps_ymin, xmax AS ps_xmax, ymax AS ps_ymax,
         t - t % {window} AS ps_bucket
  FROM ps_scenes{ps_filter}
),
l8 AS (
  SELECT scene_id AS l8_id, t AS l8_t, g AS l8_g, {l8_columns},
         xmin AS l8_xmin, ymin AS l8_ymin, xmax AS l8_xmax, ymax AS l8_ymax,
         t - t % {window} + step AS l8_bucket
  FROM l8_scenes CROSS JOIN (VALUES (-{window}), (0), ({window})) AS steps(step){l8_filter}
),
candidates AS (
  SELECT * FROM l8 JOIN ps
  ON ps_bucket = l8_bucket
  AND ps_t - l8_t BETWEEN -{window} AND {window}
  AND ps_xmin <= l8_xmax AND l8_xmin <= ps_xmax AND ps_ymin <= l8_ymax AND l8_ymin <= ps_ymax
),
overlaps AS (
  SELECT ps_id, l8_id, ps_t, l8_t, {pair_columns}, ps_g, l8_g,
         ST_Area(ps_g) AS ps_area, ST_Intersection(ps_g, l8_g) AS common
  FROM candidates
)
SELECT ps_id, l8_id, ps_t, l8_t, {pair_columns},
       ST_Area(common) / ps_area AS overlap, ST_Area(common) / 1000000.0 AS overlap_km2,
       ST_AsBinary(common) AS geometry
FROM overlaps
WHERE ST_Area(common) > 0 AND ST_Area(common) / ps_area >= {min_overlap!r}{within}
"""


def pairs_sql(config: PairsConfig) -> str:
    """The query for a configuration; numbers only are put in, never a user's text."""
    ps = [f"{name} AS ps_{name}" for name in PS_COLUMNS]
    l8 = [f"{name} AS l8_{name}" for name in L8_COLUMNS]
    return _TEXT.format(
        window=config.window_ms,
        min_overlap=float(config.min_overlap),
        within=" AND ST_Within(ps_g, l8_g)" if config.within else "",
        ps_columns=", ".join(ps),
        l8_columns=", ".join(l8),
        pair_columns=", ".join(carried_columns()),
        ps_filter=_filter(config),
        l8_filter=_filter(config),
    )


def carried_columns() -> list[str]:
    """Names in the pairs of the catalogue columns of both."""
    return [f"ps_{name}" for name in PS_COLUMNS] + [f"l8_{name}" for name in L8_COLUMNS]


def _filter(config: PairsConfig) -> str:
    rules = []
    if config.max_cloud is not None:
        rules.append(f"(cloud_cover IS NULL OR cloud_cover <= {float(config.max_cloud)!r})")
    if config.min_sun is not None:
        rules.append(f"(sun_elevation IS NULL OR sun_elevation >= {float(config.min_sun)!r})")
    return f" WHERE {' AND '.join(rules)}" if rules else ""
