"""Guided edges of classify_rows against slow numpy in f64, written from its contract."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from catfast import _core
from tests.class_reference import ROUNDING, Grid, classify, spread


@st.composite
def cases(draw: st.DrawFn) -> Grid:
    classes, height, width = draw(st.tuples(st.integers(2, 5), st.integers(1, 9), st.integers(1, 9)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weight = rng.uniform(0.1, 2, (height, width)).astype(np.float32)
    holes = draw(st.sampled_from([0, 0.1]))
    weight[rng.random(weight.shape) < holes] = 0
    sharp = draw(st.sampled_from([0.05, 1.0]))
    probability = rng.dirichlet(np.full(classes, sharp), (height, width)).transpose(2, 0, 1)
    coarse = rng.uniform(0, 0.8, (height, width)).astype(np.float32)
    coarse[rng.random(weight.shape) < holes] = np.nan
    return {"acc": np.ascontiguousarray(probability * weight, np.float32), "weight": weight, "coarse": coarse}


def decisions(case: Grid, threshold: float | None) -> npt.NDArray:
    """Class of each cell, -1 where it has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.nan_to_num(case["acc"] / case["weight"])
    others = case["acc"].copy()
    if threshold is not None:
        others[1] = -1
    found = others.argmax(0)
    if threshold is not None:
        found[p[1] >= np.float32(threshold)] = 1
    return np.where((case["weight"] > 0) & np.isfinite(case["coarse"]), found, -1)


def slow_slopes(case: Grid, threshold: float | None) -> npt.NDArray:
    found = decisions(case, threshold)
    slopes = np.zeros(case["acc"].shape)
    for y, x in np.ndindex(found.shape):
        near = np.s_[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        if (found[near] < 0).any() or (found[near] == found[y, x]).all():
            continue
        light = case["coarse"][near].astype(float)
        light = light - light.mean()
        p = case["acc"][:, *near].astype(float) / case["weight"][near]
        slopes[:, y, x] = (light * p).mean(axis=(1, 2)) / ((light**2).mean() + 3e-5)
    return slopes


FACTORS = st.sampled_from([1.0, 2.0, 10 / 3]) | st.floats(1, 8)
THRESHOLDS = st.none() | st.floats(0, 1)


def brightness(case: Grid, factor: tuple[float, float]) -> npt.NDArray[np.uint16]:
    size = [max(1, int(side * f)) for side, f in zip(case["weight"].shape, factor, strict=True)]
    return np.random.default_rng(0).integers(0, 9000, size).astype(np.uint16)


@given(cases(), st.tuples(FACTORS, FACTORS), THRESHOLDS)
def test_guided_edges(case: Grid, factor: tuple[float, float], threshold: float | None) -> None:
    fine = brightness(case, factor)
    _, percent, _ = classify(case, np.ones_like(fine, np.uint8), factor, threshold, (0, len(fine)), fine)
    present = (case["weight"] > 0).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(present > 0, case["acc"].astype(float) / case["weight"], 0)
        share = spread(present, fine.shape, factor)
        plain = np.where(share < ROUNDING, np.nan, spread(p, fine.shape, factor) / share)
    slopes = spread(slow_slopes(case, threshold), fine.shape, factor)
    expected = spread(np.nan_to_num(case["coarse"].astype(float)), fine.shape, factor)
    p = plain + 1.5 * slopes * (fine * 1e-4 - expected)
    seen = np.isfinite(p).all(axis=0)
    cut = 100 * p.clip(0, 1)
    kept = np.zeros_like(cut[0]) if threshold is None else cut[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = cut * (100 - kept) / (cut.sum(0) - kept)
    if threshold is not None:
        shared[1] = kept
    # Probabilities on the edge of two whole per cents may round to either; those far out are cut off, and
    # what the others have too much then they share, twice rounded, where it is more than rounding.
    near_cut, near_shared = np.abs(percent - cut) <= 0.51, np.abs(percent - shared) <= 1.01 + len(cut) / 2
    over = cut.sum(0) - 100
    assert np.all(near_cut[:, seen & (over < 0.01)])
    assert np.all((near_cut | near_shared)[:, seen])
    assert np.all(percent.sum(0, dtype=int)[seen] <= 100 + len(cut) // 2)


@given(cases(), st.tuples(FACTORS, FACTORS), THRESHOLDS, st.floats(0, 1))
def test_guided_edges_by_parts(
    case: Grid, factor: tuple[float, float], threshold: float | None, cut: float
) -> None:
    fine = brightness(case, factor)
    at = round(cut * len(fine))
    valid, spans = np.ones_like(fine, np.uint8), [(0, at), (at, len(fine)), (0, len(fine))]
    top, bottom, whole = (classify(case, valid, factor, threshold, span, fine) for span in spans)
    np.testing.assert_array_equal(np.concatenate([top[0], bottom[0]]), whole[0])
    np.testing.assert_array_equal(np.concatenate([top[1], bottom[1]], axis=1), whole[1])


@given(st.integers(0, 2**32), st.sampled_from([np.uint16, np.float32]), st.integers(3, 5))
def test_brightness(seed: int, kind: type, bands: int) -> None:
    rng = np.random.default_rng(seed)
    dn = rng.uniform(0, 20_000, (bands, 5, 70)).astype(kind)
    gain, offset = tuple(rng.uniform(1e-5, 4e-4, 3)), rng.uniform(-0.1, 0.1)
    out = np.empty((5, 70), np.uint16)
    _core.brightness(dn, out, gain=gain, offset=offset)
    mean = (dn[:3] * np.array(gain)[:, None, None]).mean(axis=0) + offset
    assert np.abs(out - (mean * 1e4).clip(0, 65_535)).max() <= 0.51 + 65_535 * 1e-6
