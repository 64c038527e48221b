"""Figures, edges, calibration and intervals against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.evaluate.bootstrap import Resampler, interval
from catfast.evaluate.boundary import DISTANCES, BoundaryCounter, dilate, edges
from catfast.evaluate.scores import calibration, expected_calibration_error, fold, one_class, overall
from catfast.evaluate.tally import Tally

SEEDS = st.integers(0, 2**32 - 1)


def near(flags: np.ndarray, radius: float) -> np.ndarray:
    """Whether a flag lies within a radius, by every distance there is."""
    rows, columns = np.nonzero(flags)
    found = np.zeros(flags.shape, bool)
    for row, column in np.ndindex(flags.shape):
        found[row, column] = bool((np.hypot(rows - row, columns - column) <= radius).any())
    return found


def slow_edges(cloud: np.ndarray, known: np.ndarray) -> np.ndarray:
    found = np.zeros(cloud.shape, bool)
    for row, column in np.argwhere(cloud & known):
        for other in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            inside = 0 <= other[0] < cloud.shape[0] and 0 <= other[1] < cloud.shape[1]
            found[row, column] |= inside and known[other] and not cloud[other]
    return found


def truth_and_answer(seed: int, count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(np.array([0, 1, 2, 3, 4, 5, 255], np.uint8), count)
    return truth, rng.choice(np.array([0, 1, 2, 255], np.uint8), count)


class TestFigures:
    @settings(max_examples=30, deadline=None)
    @given(SEEDS)
    def test_cloud_against_the_rest_is_what_its_definition_counts(self, seed):
        truth, answer = truth_and_answer(seed)
        tally = Tally()
        tally.count(truth, answer, None)
        found = one_class(fold(tally.confusion, ("clear", "cloud")), 1)

        seen = (truth != 255) & (answer != 255)
        cloud, called = np.isin(truth, (1, 5))[seen], (answer == 1)[seen]
        hit, false, missed = (cloud & called).sum(), (~cloud & called).sum(), (cloud & ~called).sum()
        wanted = {
            "oa": (cloud == called).mean(),
            "balanced_oa": (called[cloud].mean() + (~called)[~cloud].mean()) / 2,
            "precision": hit / (hit + false),
            "recall": hit / (hit + missed),
            "f1": 2 * hit / (2 * hit + false + missed),
            "iou": hit / (hit + false + missed),
        }
        assert {name: float(value) for name, value in found.items()} == pytest.approx(wanted)
        assert tally.confusion.sum() == (truth != 255).sum()
        assert tally.errors == false + missed

    def test_all_classes_fold_snow_and_water_into_clear(self):
        truth, answer = truth_and_answer(5)
        tally = Tally()
        tally.count(truth, answer, None)
        classes = ("clear", "cloud", "shadow")
        seen = (truth != 255) & (answer != 255)
        place = np.array([0, 1, 2, 0, 0, 1])
        wanted = np.zeros((3, 3))
        np.add.at(wanted, (place[truth[seen]], answer[seen]), 1)
        matrix = fold(tally.confusion, classes)
        assert np.array_equal(matrix, wanted)
        recall = np.diag(wanted) / wanted.sum(1)
        assert float(overall(matrix)["balanced_oa"]) == pytest.approx(recall.mean())

    def test_what_cannot_be_said_is_nan(self):
        none = one_class(np.array([[5.0, 0.0], [0.0, 0.0]]), 1)
        assert math.isnan(none["iou"])
        assert math.isnan(none["recall"])
        assert float(none["oa"]) == 1.0
        assert float(none["balanced_oa"]) == 1.0

    def test_pooling_is_not_a_mean_of_ious(self):
        large, small = Tally(), Tally()
        large.count(np.ones(900, np.uint8), np.ones(900, np.uint8), None)
        small.count(np.ones(100, np.uint8), np.zeros(100, np.uint8), None)
        large.add(small)
        assert float(one_class(fold(large.confusion, ("clear", "cloud")), 1)["iou"]) == pytest.approx(0.9)


class TestEdges:
    @settings(max_examples=15, deadline=None)
    @given(SEEDS)
    def test_dilation_is_every_distance_tried(self, seed):
        flags = np.random.default_rng(seed).random((17, 23)) < 0.03
        for radius in DISTANCES:
            assert np.array_equal(dilate(flags, radius), near(flags, radius))

    @settings(max_examples=8, deadline=None)
    @given(SEEDS, st.integers(1, 40))
    def test_rows_that_stream_count_as_the_whole_does(self, seed, step):
        rng = np.random.default_rng(seed)
        truth, answer = (np.repeat(np.repeat(rng.random((100, 4)) < 0.5, 7, 0), 7, 1) for _ in range(2))
        known = rng.random(truth.shape) < 0.98
        counter = BoundaryCounter()
        for start in range(0, len(truth), step):
            part = slice(start, start + step)
            counter.add(truth[part], answer[part], known[part])
        both = slow_edges(answer, known), slow_edges(truth, known)
        assert np.array_equal(edges(answer, known), both[0])
        wanted = [
            [own.sum(), *((own & dilate(other, distance)).sum() for distance in DISTANCES)]
            for own, other in (both, both[::-1])
        ]
        assert counter.finish().tolist() == wanted


class TestCalibration:
    def test_ece_is_its_definition(self):
        rng = np.random.default_rng(3)
        percent = rng.integers(0, 101, 5000).astype(np.uint8)
        truth = (rng.random(5000) < (percent / 100) ** 2).astype(np.uint8)
        tally = Tally()
        tally.count(truth, np.zeros(5000, np.uint8), percent)
        bins = calibration(tally.reliability)
        place = np.minimum(percent // 10, 9)
        wanted = sum(
            (place == b).mean() * abs(percent[place == b].mean() / 100 - truth[place == b].mean())
            for b in range(10)
        )
        assert expected_calibration_error(bins) == pytest.approx(wanted)
        assert sum(part["pixels"] for part in bins) == 5000

    def test_unseen_pixels_and_pixels_without_truth_are_left_out(self):
        tally = Tally()
        tally.count(np.array([0, 1, 255], np.uint8), np.zeros(3, np.uint8), np.array([255, 90, 10], np.uint8))
        assert tally.reliability.sum() == tally.reliability[90, 1] == 1


class TestIntervals:
    def test_draws_are_sums_over_scenes_drawn_with_replacement(self):
        units = np.random.default_rng(0).integers(0, 50, (7, 2, 2)).astype(float)
        pooled = Resampler(7, 600, seed=4).pooled(units)
        assert pooled.shape == (600, 2, 2)
        rng = np.random.default_rng(4)
        first = rng.multinomial(7, [1 / 7] * 7, size=256)
        assert pooled[:256].reshape(256, 4) == pytest.approx(first @ units.reshape(7, 4))
        again = Resampler(7, 600, seed=4).pooled(units)
        assert np.array_equal(pooled, again)

    def test_interval_of_a_mean_is_near_the_normal_one(self):
        rng = np.random.default_rng(1)
        rate = rng.random(200)
        units = np.zeros((200, 2, 2))
        units[:, 1, 1], units[:, 1, 0] = 1000 * rate, 1000 * (1 - rate)
        low, high = interval(Resampler(200, 4000, seed=0).scores(units, 1)["recall"])
        spread = 1.96 * rate.std() / math.sqrt(200)
        assert (low, high) == pytest.approx((rate.mean() - spread, rate.mean() + spread), abs=0.004)

    def test_one_scene_has_no_interval(self):
        assert all(map(math.isnan, interval(Resampler(1, 100, seed=0).scores(np.ones((1, 2, 2)), 1)["iou"])))
