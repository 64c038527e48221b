"""classify_rows against slow numpy in f64, written from its contract."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import example, given
from hypothesis import strategies as st

from tests.class_reference import CODES, ROUNDING, Grid, classify, spread

FACTORS = st.sampled_from([1.0, 2.0, 10 / 3]) | st.floats(1, 8)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    shape = draw(st.tuples(st.integers(2, 5), st.integers(1, 8), st.integers(1, 8)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weight = rng.uniform(0.1, 2, shape[1:]).astype(np.float32)
    weight[rng.random(weight.shape) < draw(st.sampled_from([0, 0.3]))] = 0
    probability = rng.dirichlet(np.ones(shape[0]), shape[1:]).transpose(2, 0, 1)
    return {"acc": np.ascontiguousarray(probability * weight, np.float32), "weight": weight}


def slow_probability(
    grid: Grid, size: tuple[int, int], factor: tuple[float, float]
) -> tuple[npt.NDArray, npt.NDArray]:
    """Interpolated probabilities (C, H, W), NaN where no neighbour has weight; where rounding says which."""
    present = grid["weight"] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(present, grid["acc"].astype(float) / grid["weight"], 0)
        share = spread(present, size, factor)
        return spread(p, size, factor) / share, (share > 0) & (share < ROUNDING)


def masks(grid: Grid, factor: tuple[float, float]) -> npt.NDArray[np.uint8]:
    size = [max(1, int(side * f)) for side, f in zip(grid["weight"].shape, factor, strict=True)]
    return (np.random.default_rng(0).random(size) < 0.9).astype(np.uint8)


@example(
    {
        "acc": np.array([[[0.28], [0]], [[0.31], [0]]], np.float32),
        "weight": np.array([[0.59], [0]], np.float32),
    },
    (1.0000000000000002, 1.0),
    None,
)
@given(grids(), st.tuples(FACTORS, FACTORS), st.none() | st.floats(0, 1))
def test_classify_rows(grid: Grid, factor: tuple[float, float], threshold: float | None) -> None:
    valid = masks(grid, factor)
    out, percent, counts = classify(grid, valid, factor, threshold, (0, len(valid)))
    p, unsure = slow_probability(grid, valid.shape, factor)
    lost = np.isnan(p).any(axis=0)
    p[:, lost] = 0
    others = p.copy()
    if threshold is not None:
        others[1] = -1
    expected = np.argmax(others, axis=0)
    if threshold is not None:
        expected[(p[1] >= threshold) & ~lost] = 1
    expected_codes = np.where(valid > 0, CODES[expected], 255)
    top = np.sort(others, axis=0)
    close = top[-1] - top[-2] < 1e-5
    if threshold is not None:
        close |= np.abs(p[1] - threshold) < 1e-5
    wrong = (out != expected_codes) & ~(close & ~lost & (valid > 0))
    assert not (wrong & ~unsure).any()
    assert np.all(percent[:, valid == 0] == 255)
    assert np.all(np.abs(percent - 100 * p)[:, (valid > 0) & ~unsure] <= 0.501)
    assert counts == np.bincount(out.ravel(), minlength=256).tolist()


@given(grids(), st.tuples(FACTORS, FACTORS), st.none() | st.floats(0, 1), st.floats(0, 1))
def test_classify_rows_by_parts_gives_the_same_codes(
    grid: Grid, factor: tuple[float, float], threshold: float | None, cut: float
) -> None:
    valid = masks(grid, factor)
    at = round(cut * len(valid))
    spans = [(0, at), (at, len(valid)), (0, len(valid))]
    top, bottom, whole = (classify(grid, valid, factor, threshold, span) for span in spans)
    np.testing.assert_array_equal(np.concatenate([top[0], bottom[0]]), whole[0])
    np.testing.assert_array_equal(np.concatenate([top[1], bottom[1]], axis=1), whole[1])
    assert (np.array(top[2]) + bottom[2]).tolist() == whole[2]


@given(st.floats(0, 1, width=32), FACTORS)
def test_a_constant_probability_reaches_itself_as_threshold(probability: float, factor: float) -> None:
    weight = np.ones((4, 5), np.float32)
    grid = {"acc": np.full((2, 4, 5), probability, np.float32), "weight": weight}
    valid = np.ones((9, 11), np.uint8)
    out, _, _ = classify(grid, valid, (factor, factor), probability, (0, 9))
    assert np.all(out == 1)
