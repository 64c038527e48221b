"""Any catalogue: the pairs are those of brute force, whatever the row groups."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.catalog import CatalogConfig, build
from catfast.catalog.duplicates import Seen
from catfast.pairs import PairsConfig, mine
from tests.scenes import T0_MS, brute_force, rows, square, write_catalogue

place = st.tuples(st.floats(-180, 180), st.floats(70, 89.99), st.floats(0, 1.5))
times = st.integers(0, 180_000)
scenes = st.lists(st.tuples(place, times), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None)
@given(planet=scenes, landsat=scenes, window=st.sampled_from([1, 999, 30_000, 45_500]))
def test_pairs_are_those_of_brute_force(planet, landsat, window):
    ps = [square(lon, lat, 40_000, turn) for (lon, lat, turn), _ in planet], [T0_MS + t for _, t in planet]
    l8 = [square(lon, lat, 200_000, turn) for (lon, lat, turn), _ in landsat], [T0_MS + t for _, t in landsat]
    expected = brute_force(ps, l8, max_dt_ms=window, min_overlap=0.1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        left = write_catalogue(folder / "ps.parquet", *ps)
        right = write_catalogue(folder / "l8.parquet", *l8, platform="landsat-8")
        config = PairsConfig(max_dt_s=window / 1000, min_overlap=0.1)
        mine(left, right, folder / "a.parquet", config)
        found = rows(folder / "a.parquet")
        build("planet", [left], folder / "cut.parquet", CatalogConfig(batch_size=2))
        mine(folder / "cut.parquet", right, folder / "b.parquet", config)
        assert pq.read_table(folder / "b.parquet").equals(pq.read_table(folder / "a.parquet"))
    got = {(int(row["ps_id"][-5:]), int(row["l8_id"][-5:])): row["overlap"] for row in found}
    assert got == pytest.approx(expected, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefghijkl"), max_size=6), max_size=12))
def test_the_first_of_an_id_is_new(batches):
    seen, known = Seen(), set()
    for batch in batches:
        expected = []
        for scene_id in batch:
            expected.append(scene_id not in known)
            known.add(scene_id)
        assert seen.first(batch).tolist() == expected
