"""cut_tiles and blend_tiles against slow numpy, written from their contracts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from catfast import _core

SIDES = st.integers(1, 9)
PLACES = st.lists(st.tuples(st.integers(-30, 30), st.integers(-30, 30)), max_size=4)


def at(places: list[tuple[int, int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    rows, cols = np.array(places, np.int64).reshape(-1, 2).T
    return np.ascontiguousarray(rows), np.ascontiguousarray(cols)


def slow_tile(image: npt.NDArray, row: int, col: int, size: tuple[int, int]) -> npt.NDArray:
    """A tile of the image that numpy pads by reflection."""
    margin = 50
    padded = np.pad(image, [(0, 0), (margin, margin), (margin, margin)], mode="reflect")
    return padded[:, margin + row :, margin + col :][:, : size[0], : size[1]]


@given(
    st.tuples(st.integers(1, 4), SIDES, SIDES),
    PLACES,
    st.tuples(SIDES, SIDES),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_cut_tiles(
    shape: tuple[int, int, int], places: list[tuple[int, int]], size: tuple[int, int], seed: int, holes: bool
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.normal(0.5, 1, shape).astype(np.float32)
    image[rng.random(shape) < 0.1 * holes] = np.nan
    mean = rng.normal(0, 1, shape[0]).astype(np.float32)
    std = rng.uniform(0.1, 2, shape[0]).astype(np.float32)
    out = np.full((len(places), shape[0], *size), 9, np.float32)
    _core.cut_tiles(image, *at(places), out, mean=mean, std=std, clip=(-0.5, 1.5))
    for tile, (row, col) in zip(out, places, strict=True):
        raw = np.clip(slow_tile(image, row, col, size), -0.5, 1.5)
        scaled = (raw - mean[:, None, None]) / std[:, None, None]
        np.testing.assert_array_equal(tile, np.nan_to_num(scaled.astype(np.float32), nan=0))


@given(st.integers(1, 3), st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), PLACES, st.integers(0, 2**32))
def test_blend_tiles(
    classes: int, size: tuple[int, int], tile: tuple[int, int], places: list[tuple[int, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    prob = rng.random((len(places), classes, *tile), dtype=np.float32)
    taper_y, taper_x = (rng.random(side, dtype=np.float32) for side in tile)
    acc, weight = rng.random((classes, *size), dtype=np.float32), rng.random(size, dtype=np.float32)
    margin = 50
    edge = [(margin, margin), (margin, margin)]
    sums, total = np.pad(acc, [(0, 0), *edge]), np.pad(weight, edge)
    taper = taper_y[:, None] * taper_x
    for (row, col), p in zip(places, prob, strict=True):
        window = (slice(margin + row, margin + row + tile[0]), slice(margin + col, margin + col + tile[1]))
        sums[:, *window] += taper * p
        total[window] += taper
    _core.blend_tiles(prob, *at(places), taper_y, taper_x, acc, weight)
    inside = (slice(margin, margin + size[0]), slice(margin, margin + size[1]))
    np.testing.assert_array_equal(acc, sums[:, *inside])
    np.testing.assert_array_equal(weight, total[inside])


@given(PLACES, st.integers(0, 4), st.integers(0, 2**32))
def test_blend_tiles_by_parts_gives_the_same_bits(places: list[tuple[int, int]], cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    prob = rng.random((len(places), 2, 8, 8), dtype=np.float32)
    taper = rng.random(8, dtype=np.float32)
    results = []
    for parts in ([slice(None)], [slice(cut), slice(cut, None)]):
        acc, weight = np.zeros((2, 20, 20), np.float32), np.zeros((20, 20), np.float32)
        for part in parts:
            _core.blend_tiles(prob[part], *at(places[part]), taper, taper, acc, weight)
        results.append(acc.tobytes() + weight.tobytes())
    assert results[0] == results[1]
