"""Margins and dropped specks against brute force in numpy, and the same however rows are handed over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.errors import UsageError
from catfast.mask.refine import Refinement


def grown(codes: np.ndarray, radius: float, gsd: tuple[float, float]) -> np.ndarray:
    """Each pixel compared with every cloud and shadow pixel."""
    out = codes.copy()
    rows, columns = np.indices(codes.shape)
    for code in (2, 1):
        for row, column in np.argwhere(codes == code):
            far = ((rows - row) * gsd[0]) ** 2 + ((columns - column) * gsd[1]) ** 2
            out[(far <= radius**2) & (codes != 255)] = code
    return out


def without_small(codes: np.ndarray, least: int) -> np.ndarray:
    """Flood fill from each pixel."""
    out, seen = codes.copy(), np.zeros(codes.shape, bool)
    for start in map(tuple, np.argwhere((codes == 1) | (codes == 2))):
        if seen[start]:
            continue
        region, todo = [], [start]
        seen[start] = True
        while todo:
            row, column = todo.pop()
            region.append((row, column))
            for r in range(max(row - 1, 0), min(row + 2, codes.shape[0])):
                for c in range(max(column - 1, 0), min(column + 2, codes.shape[1])):
                    if not seen[r, c] and codes[r, c] == codes[start]:
                        seen[r, c] = True
                        todo.append((r, c))
        if len(region) < least:
            out[tuple(zip(*region, strict=True))] = 0
    return out


def handed_over(refinement: Refinement, codes: np.ndarray, step: int) -> np.ndarray:
    parts = [codes[start : start + step] for start in range(0, len(codes), step)]
    done = [refinement.push(part, last=part is parts[-1]) for part in parts]
    return np.concatenate(done)


@st.composite
def masks(draw) -> np.ndarray:
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 30)))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    shares = draw(st.sampled_from([(0.95, 0.03, 0.01, 0.01), (0.4, 0.3, 0.2, 0.1), (0.7, 0.1, 0.2, 0.0)]))
    return rng.choice(np.array([0, 1, 2, 255], np.uint8), shape, p=shares)


@given(masks(), st.floats(0, 40), st.sampled_from([(3.0, 3.0), (3.0, 6.0), (10.0, 3.1)]), st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_a_margin_is_a_disc_in_metres(codes, radius, gsd, step):
    refinement = Refinement.plan(gsd, min_area_m2=0, buffer_m=radius)
    out = handed_over(refinement, codes, step) if refinement else codes
    assert np.array_equal(out, grown(codes, radius, gsd))


@given(masks(), st.integers(0, 30), st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_regions_below_the_least_area_are_dropped(codes, least, step):
    refinement = Refinement.plan((2.0, 3.0), min_area_m2=6.0 * least, buffer_m=0)
    out = handed_over(refinement, codes, step) if refinement else codes
    assert np.array_equal(out, without_small(codes, least))


@pytest.mark.parametrize("gsd_m", [0.1, 0.3, 3.0, 3.7])
def test_binary_fractions_take_no_pixel(gsd_m):
    """Three pixels of 3.7 m are 11.100000000000001 m."""
    codes = np.zeros((9, 9), np.uint8)
    codes[4, 4] = 1
    for pixels in (1, 2, 3):
        refinement = Refinement.plan((gsd_m, gsd_m), min_area_m2=0, buffer_m=round(pixels * gsd_m, 6))
        assert np.array_equal(handed_over(refinement, codes, 9), grown(codes, pixels, (1.0, 1.0)))
    codes[4, 3:6] = 1
    for pixels, kept in ((3, 3), (4, 0)):
        refinement = Refinement.plan((gsd_m, gsd_m), min_area_m2=round(pixels * gsd_m**2, 6), buffer_m=0)
        assert handed_over(refinement, codes, 9).sum() == kept


def test_long_scenes_go_through_in_windows():
    codes = np.random.default_rng(3).choice(
        np.array([0, 1, 2, 255], np.uint8), (3000, 7), p=[0.6, 0.2, 0.1, 0.1]
    )
    one = Refinement.plan((3.0, 3.0), min_area_m2=45, buffer_m=9)
    other = Refinement.plan((3.0, 3.0), min_area_m2=45, buffer_m=9)
    assert np.array_equal(handed_over(one, codes, 3000), handed_over(other, codes, 100))
    third = Refinement.plan((3.0, 3.0), min_area_m2=45, buffer_m=9)
    assert np.array_equal(handed_over(third, codes, 512), grown(without_small(codes, 5), 9, (3, 3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"min_area_m2": 90_010, "buffer_m": 0},
            "--min-area of 90010 m2 is too large here: at most 90000 m2",
        ),
        ({"min_area_m2": 0, "buffer_m": 6_003}, "--buffer of 6003 m is too wide here: at most 6000 m"),
    ],
)
def test_what_memory_could_not_hold_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Refinement.plan((3.0, 3.0), **options)
