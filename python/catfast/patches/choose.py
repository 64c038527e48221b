"""Which of the patches that were cut stay: near-duplicates thinned, classes balanced, a number drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from catfast.patches.splits import draw

if TYPE_CHECKING:
    import pyarrow as pa

ONE_PASS_S = 600.0
"""PlanetScope scenes of one ground further apart in time are two looks at it, not one twice."""

GROUNDS = ("clear", "shadow", "snow", "water")
"""What a patch without cloud in most of it can be of."""


def thin(index: pa.Table, max_overlap: float) -> set[str]:
    """Ids of the patches that stay, of patches of two pairs that show the same ground in one pass the better.

    Neighbouring frames of a strip overlap, and one scene can be paired with two Landsat scenes. Two patches
    are duplicates where more than `max_overlap` of the smaller is shared; the heavier, then the fuller, then
    the first by id stays. Patches of one pair are never compared: their stride is the user's choice.
    """
    rows = index.select(["patch_id", "pair_id", "weight", "valid_fraction", "ps_acquired"]).to_pylist()
    order = sorted(range(len(rows)), key=lambda k: _worth(rows[k]))
    twins = _twins(index, rows, max_overlap) if max_overlap < 1 else {}
    kept: set[int] = set()
    for place in order:
        if not any(twin in kept for twin in twins.get(place, ())):
            kept.add(place)
    return {rows[place]["patch_id"] for place in kept}


def balanced(index: pa.Table, ids: Iterable[str], seed: int, most: int | None = None) -> set[str]:
    """As many patches with cloud in at least half of their labelled pixels as with less, drawn with a seed.

    Those with less are spread as evenly as they go over what covers most of each: clear, shadow, snow or
    water. With only one of the two sides, or room for one patch, there is nothing to balance: all stay that
    `most` allows.
    """
    wanted = set(ids)
    rows = [row for row in _shares(index) if row["patch_id"] in wanted]
    cloudy = [row["patch_id"] for row in rows if row["cloud_fraction"] >= 0.5]
    strata = defaultdict(list)
    for row in rows:
        if row["cloud_fraction"] < 0.5:
            strata[_ground(row)].append(row["patch_id"])
    others = sum(map(len, strata.values()))
    if not cloudy or not others or most == 1:
        return drawn(wanted, seed, most)
    count = min(len(cloudy), others, (most or len(wanted)) // 2)
    return drawn(cloudy, seed, count) | {
        patch for name, few in _level(strata, count).items() for patch in drawn(strata[name], seed, few)
    }


def drawn(ids: Iterable[str], seed: int, most: int | None) -> set[str]:
    """At most so many of `ids`, drawn with a seed; the same for any order."""
    return set(sorted(ids, key=lambda patch: draw(patch, seed, "patch"))[:most])


def _level(strata: Mapping[str, Sequence[str]], count: int) -> dict[str, int]:
    """How many to take of each, `count` in all: as even as the small ones allow."""
    taken: dict[str, int] = {}
    left = count
    for place, name in enumerate(sorted(strata, key=lambda name: (len(strata[name]), name))):
        taken[name] = min(len(strata[name]), left // (len(strata) - place))
        left -= taken[name]
    return taken


def _shares(index: pa.Table) -> list[dict[str, Any]]:
    names = ["patch_id", *(f"{name}_fraction" for name in ("cloud", "shadow", "snow", "water"))]
    return list(index.select(names).to_pylist())


def _ground(row: Mapping[str, Any]) -> str:
    shares = {name: row[f"{name}_fraction"] or 0.0 for name in GROUNDS[1:]}
    shares["clear"] = 1 - row["cloud_fraction"] - sum(shares.values())
    return max(GROUNDS, key=shares.__getitem__)


def _worth(row: Mapping[str, Any]) -> tuple[float, float, str]:
    return -row["weight"], -row["valid_fraction"], row["patch_id"]


def _twins(index: pa.Table, rows: Sequence[Mapping[str, Any]], limit: float) -> dict[int, list[int]]:
    import shapely

    shapes = np.array(shapely.from_wkb(index["geometry"].to_pylist()), object)
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = np.array([row["pair_id"] for row in rows], object)
    seconds = np.array([row["ps_acquired"].timestamp() if row["ps_acquired"] else np.nan for row in rows])
    with np.errstate(invalid="ignore"):
        one_pass = ~(np.abs(seconds[a] - seconds[b]) > ONE_PASS_S)
    a, b = (side[(pairs[a] != pairs[b]) & one_pass] for side in (a, b))
    smaller = np.minimum(shapely.area(shapes[a]), shapely.area(shapes[b]))
    same = shapely.area(shapely.intersection(shapes[a], shapes[b])) > limit * smaller
    twins = defaultdict(list)
    for one, other in zip(a[same].tolist(), b[same].tolist(), strict=True):
        twins[one].append(other)
    return twins
