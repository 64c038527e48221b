"""Thinning of near-duplicates, balance and drawing, on indexes written by hand."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import shapely

from catfast.patches.choose import balanced, drawn, thin
from catfast.patches.quality import label_weight

T0 = datetime(2023, 6, 1, tzinfo=UTC)


def index_of(rows):
    defaults = {"weight": 0.5, "valid_fraction": 1.0, "ps_acquired": T0}
    filled = [
        defaults | {"geometry": shapely.to_wkb(row["box"])} | {k: v for k, v in row.items() if k != "box"}
        for row in rows
    ]
    return pa.Table.from_pylist(filled)


def box(x, y=0.0):
    return shapely.box(x, y, x + 1_000, y + 1_000)


def test_of_two_frames_of_one_pass_the_better_patch_stays():
    index = index_of(
        [
            {"patch_id": "a", "pair_id": "p", "box": box(0)},
            {"patch_id": "b", "pair_id": "q", "box": box(400), "weight": 0.6},
            {"patch_id": "c", "pair_id": "q", "box": box(2_000)},
        ]
    )
    assert thin(index, 0.5) == {"b", "c"}
    assert thin(index, 0.65) == {"a", "b", "c"}
    assert thin(index, 1.0) == {"a", "b", "c"}


def test_other_days_and_tiles_of_one_pair_are_no_duplicates():
    index = index_of(
        [
            {"patch_id": "a", "pair_id": "p", "box": box(0)},
            {"patch_id": "b", "pair_id": "p", "box": box(100)},
            {"patch_id": "c", "pair_id": "q", "box": box(0), "ps_acquired": T0 + timedelta(days=1)},
        ]
    )
    assert thin(index, 0.5) == {"a", "b", "c"}


def test_thinning_is_greedy_by_worth_and_leaves_no_two_duplicates():
    rng = np.random.default_rng(3)
    places = rng.uniform(0, 6_000, (80, 2))
    rows = [
        {
            "patch_id": f"{k:02d}",
            "pair_id": f"pair{k}",
            "box": box(*place),
            "weight": float(rng.choice([0.3, 0.5])),
        }
        for k, place in enumerate(places)
    ]
    kept = thin(index_of(rows), 0.3)
    by_id = {row["patch_id"]: row for row in rows}

    def same(a, b):
        return a["box"].intersection(b["box"]).area > 0.3e6

    for a, b in itertools.combinations(sorted(kept), 2):
        assert not same(by_id[a], by_id[b])
    for name in set(by_id) - kept:
        rivals = [by_id[other] for other in kept if same(by_id[name], by_id[other])]
        assert any((row["weight"], name) >= (by_id[name]["weight"], row["patch_id"]) for row in rivals)
    assert thin(index_of(rows[::-1]), 0.3) == kept


def shares_of(counts):
    """Patches that are wholly of one class."""
    names = ("clear", "cloud", "shadow", "snow", "water")
    rows = [
        {"patch_id": f"{name}{k}"}
        | {f"{other}_fraction": float(other == name) for other in names if other != "clear"}
        for name, count in counts.items()
        for k in range(count)
    ]
    return pa.Table.from_pylist(rows), [row["patch_id"] for row in rows]


@pytest.mark.parametrize(
    ("counts", "most", "expected"),
    [
        ({"clear": 50, "cloud": 10}, None, {"clear": 10, "cloud": 10}),
        ({"clear": 5, "cloud": 40}, None, {"clear": 5, "cloud": 5}),
        (
            {"clear": 50, "cloud": 30, "shadow": 2, "snow": 60},
            None,
            {"clear": 14, "cloud": 30, "shadow": 2, "snow": 14},
        ),
        ({"clear": 50, "cloud": 30, "snow": 9}, 20, {"clear": 5, "cloud": 10, "snow": 5}),
        ({"clear": 7}, None, {"clear": 7}),
    ],
)
def test_balance(counts, most, expected):
    index, ids = shares_of(counts)
    kept = balanced(index, ids, 0, most)
    assert Counter(name.rstrip("0123456789") for name in kept) == expected
    assert balanced(index, ids[::-1], 0, most) == kept
    if len(kept) < len(ids):
        assert any(balanced(index, ids, seed, most) != kept for seed in range(1, 4))


@pytest.mark.parametrize("most", [1, 2, 3])
def test_balance_keeps_no_more_than_asked_for(most):
    index, ids = shares_of({"clear": 7, "cloud": 3, "snow": 4})
    assert len(balanced(index, ids, 0, most)) == {1: 1, 2: 2, 3: 2}[most]


def test_draws_hang_on_the_seed_alone():
    ids = [f"patch{k}" for k in range(100)]
    first = drawn(ids, 0, 30)
    assert len(first) == 30
    assert drawn(ids[::-1], 0, 30) == first
    assert drawn(ids, 1, 30) != first
    assert drawn(ids, 0, 10) < first
    assert drawn(ids, 0, None) == set(ids)


def test_weight_falls_with_what_is_ignored_and_with_time():
    assert label_weight(0.0, 0.0) == 1
    assert label_weight(0.25, 30.0) == pytest.approx(0.375)
    assert label_weight(0.25, -30.0) == label_weight(0.25, 30.0)
    assert label_weight(0.0, 30.0, residual_m=50.0) == pytest.approx(0.9)
