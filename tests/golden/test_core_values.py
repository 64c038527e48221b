"""Small cases worked out by hand."""

from __future__ import annotations

import numpy as np

from catfast import _core


def test_area_mean_with_fractional_edges_and_a_hole() -> None:
    dn = np.array([[[10, 20, 30], [40, 50, 60]]], np.uint16)
    valid = np.array([[1, 1, 1], [1, 0, 1]], np.uint8)
    out = np.empty((1, 1, 2), np.float32)
    _core.resample_area(dn, valid, np.array([0.5]), out, factor=(2.0, 1.5), first_row=0, src_row=0)
    left = (10 + 0.5 * 20 + 40) / 2.5
    right = (0.5 * 20 + 30 + 60) / 2.5
    np.testing.assert_allclose(out[0, 0], [0.5 * left, 0.5 * right], rtol=1e-7)


def test_tiles_mirror_without_repeating_the_edge() -> None:
    image = np.array([[[0, 1, 2], [3, 4, np.nan]]], np.float32)
    out = np.empty((1, 1, 4, 5), np.float32)
    norm = {"mean": np.ones(1, np.float32), "std": np.full(1, 2, np.float32)}
    at = np.array([-1], np.int64)
    _core.cut_tiles(image, at, at, out, clip=(0, 3), **norm)
    expected = (np.array([[3, 3, 3, 1, 3], [1, 0, 1, 2, 1], [3, 3, 3, 1, 3], [1, 0, 1, 2, 1]]) - 1) / 2
    np.testing.assert_array_equal(out[0, 0], expected.astype(np.float32))


def test_blend_weighs_by_both_tapers() -> None:
    prob = np.full((2, 1, 2, 2), 0.5, np.float32)
    taper = np.array([1, 3], np.float32)
    acc, weight = np.zeros((1, 2, 3), np.float32), np.zeros((2, 3), np.float32)
    _core.blend_tiles(prob, np.array([0, -1]), np.array([0, 1]), taper, taper, acc, weight)
    np.testing.assert_array_equal(weight, [[1, 3 + 3, 9], [3, 9, 0]])
    np.testing.assert_array_equal(acc[0], weight / 2)


def test_classes_by_centre_with_a_missing_neighbour() -> None:
    acc = np.array([[[0.8, 0.2]], [[0.2, 0.8]]], np.float32)
    valid = np.array([[1, 1, 1, 0]], np.uint8)
    codes = np.array([0, 7], np.uint8)
    out, percent = np.empty((1, 4), np.uint8), np.empty((2, 1, 4), np.uint8)

    def classify(weight: list[float], threshold: float | None = None) -> list[int]:
        return _core.classify_rows(
            acc,
            np.array([weight], np.float32),
            valid,
            out,
            factor=(1.0, 2.0),
            first_row=0,
            grid_row=0,
            codes=codes,
            threshold=threshold,
            cloud=1,
            confidence=percent,
        )

    counts = classify([1, 1])
    assert out.tolist() == [[0, 0, 7, 255]]
    assert percent.tolist() == [[[80, 65, 35, 255]], [[20, 35, 65, 255]]]
    assert (counts[0], counts[7], counts[255], sum(counts)) == (2, 1, 1, 4)
    classify([1, 1], threshold=0.3)
    assert out.tolist() == [[0, 7, 7, 255]]
    classify([0, 1])
    assert out.tolist() == [[0, 7, 7, 255]]
    assert percent[1].tolist() == [[0, 80, 80, 255]]
