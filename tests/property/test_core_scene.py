"""decode_qa, valid_mask and resample_area against slow numpy, written from their contracts."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from catfast import _core

FACTORS = st.sampled_from([1.0, 2.0, 10 / 3, 10 / 3.125, 30 / 3.7]) | st.floats(1, 12)
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(1, 30))


def slow_decode(qa: npt.NDArray[np.uint16], scheme: str, cloud: int, ignore: int) -> npt.NDArray[np.uint8]:
    bit = [(qa >> n) & 1 == 1 for n in range(16)]
    named = {_core.DILATED: bit[1], _core.MEDIUM: (qa >> 8) & 3 == 2, _core.CIRRUS: bit[2]}

    def any_of(flags: int) -> npt.NDArray[np.bool_]:
        chosen = [holds for flag, holds in named.items() if flags & flag]
        return functools.reduce(np.logical_or, chosen, np.zeros(qa.shape, bool))

    out = np.select(
        [bit[0], bit[3] | any_of(cloud), any_of(ignore), bit[4], bit[5], bit[7]], [255, 1, 255, 2, 3, 4], 0
    )
    return (np.where(np.isin(out, [2, 3, 4]), 0, out) if scheme == "binary" else out).astype(np.uint8)


@given(
    hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=20)),
    st.sampled_from(["full", "binary"]),
    st.integers(0, 7).map(lambda flags: flags * 2),
    st.integers(0, 15),
)
def test_decode_qa(qa: npt.NDArray[np.uint16], scheme: str, cloud: int, ignore: int) -> None:
    out = np.full(qa.shape, 9, np.uint8)
    _core.decode_qa(qa, out, scheme=scheme, cloud=cloud, ignore=ignore)
    np.testing.assert_array_equal(out, slow_decode(qa, scheme, cloud, ignore))


PIXELS = st.sampled_from([0, 0, 0, 1, 7, 255, 65535, -9999, 0.5, np.nan, np.inf, -np.inf])
NODATA = st.sampled_from([None, 0.0, 7.0, 65535.0, -9999.0, 0.5, np.nan, np.inf])


@given(st.data(), st.sampled_from([np.uint16, np.float32]), SHAPES, NODATA)
def test_valid_mask(
    data: st.DataObject, dtype: type, shape: tuple[int, int, int], nodata: float | None
) -> None:
    fill = st.sampled_from([0, 0, 7, 65535, 3]) if dtype is np.uint16 else PIXELS
    dn = data.draw(hnp.arrays(dtype, shape, elements=fill))
    out = np.full(shape[1:], 9, np.uint8)
    valid, infinite = _core.valid_mask(dn, nodata, out)
    values = dn.astype(float)
    same = np.all(values == (0.0 if nodata is None else nodata), axis=0)
    inf = np.isinf(values).any(axis=0) & ~same
    expected = ~(same | np.isnan(values).any(axis=0) | inf)
    np.testing.assert_array_equal(out, expected.astype(np.uint8))
    assert (valid, infinite) == (expected.sum(), inf.sum())


def shares(cells: int, pixels: int, factor: float) -> npt.NDArray[np.float64]:
    """Overlap of each cell with each pixel, in pixels: (cells, pixels)."""
    edge, pixel = np.arange(cells)[:, None] * factor, np.arange(pixels)
    share = np.minimum(edge + factor, pixel + 1) - np.maximum(edge, pixel)
    return np.where(share > 1e-8, share, 0)


def slow_area(
    dn: npt.NDArray, valid: npt.NDArray[np.uint8], gain: npt.NDArray, size: tuple[int, int], factor: tuple
) -> npt.NDArray[np.float64]:
    down, across = (shares(size[k], dn.shape[1 + k], factor[k]) for k in (0, 1))
    values = np.where(valid > 0, dn.astype(float), 0)
    total = down @ (valid > 0) @ across.T
    with np.errstate(invalid="ignore"):
        return gain[:, None, None] * (down @ values @ across.T) / total


def area(scene: dict[str, npt.NDArray], factor: tuple[float, float], first: int, last: int) -> npt.NDArray:
    """Rows first to last of the grid, from no more scene rows than they cover."""
    bands, height, width = scene["dn"].shape
    start = min(height, int(np.floor(first * factor[0] + 1e-9)))
    stop = min(height, int(np.ceil(last * factor[0] - 1e-9)))
    out = np.zeros((bands, last - first, int(np.ceil(width / factor[1]))), np.float32)
    dn = np.ascontiguousarray(scene["dn"][:, start:stop])
    _core.resample_area(
        dn, scene["valid"][start:stop], scene["gain"], out, factor=factor, first_row=first, src_row=start
    )
    return out


@st.composite
def scenes(draw: st.DrawFn) -> dict[str, npt.NDArray]:
    shape = draw(SHAPES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dn = rng.integers(0, 65536, shape).astype(draw(st.sampled_from([np.uint16, np.float32])))
    valid = (rng.random(shape[1:]) < draw(st.sampled_from([0.1, 0.8, 1.0]))).astype(np.uint8)
    dn = np.where(valid > 0, dn, np.nan).astype(dn.dtype) if dn.dtype == np.float32 else dn
    return {"dn": dn, "valid": valid, "gain": rng.uniform(1e-5, 1, shape[0])}


@given(scenes(), st.tuples(FACTORS, FACTORS))
def test_resample_area(scene: dict[str, npt.NDArray], factor: tuple[float, float]) -> None:
    rows = int(np.ceil(scene["dn"].shape[1] / factor[0]))
    out = area(scene, factor, 0, rows)
    expected = slow_area(**scene, size=out.shape[1:], factor=factor)
    np.testing.assert_allclose(out, expected, rtol=1e-6, equal_nan=True)


@given(scenes(), st.tuples(FACTORS, FACTORS), st.floats(0, 1))
def test_resample_area_by_parts_gives_the_same_bits(
    scene: dict[str, npt.NDArray], factor: tuple[float, float], cut: float
) -> None:
    rows = int(np.ceil(scene["dn"].shape[1] / factor[0]))
    at = round(cut * rows)
    parts = [area(scene, factor, 0, at), area(scene, factor, at, rows)]
    assert np.concatenate(parts, axis=1).tobytes() == area(scene, factor, 0, rows).tobytes()


@settings(max_examples=20)
@given(scenes())
def test_resample_area_at_factor_one_is_the_scene(scene: dict[str, npt.NDArray]) -> None:
    out = area(scene, (1.0, 1.0), 0, scene["dn"].shape[1])
    expected = np.where(scene["valid"] > 0, scene["dn"] * scene["gain"][:, None, None], np.nan)
    np.testing.assert_array_equal(out, expected.astype(np.float32))


@pytest.mark.parametrize("factor", [2.0, 10 / 3, 100.0])
def test_resample_area_keeps_precision_on_a_wide_scene(factor: float) -> None:
    rng = np.random.default_rng(1)
    scene = {
        "dn": rng.uniform(1e3, 1e6, (2, 200, 5000)).astype(np.float32),
        "valid": (rng.random((200, 5000)) < 0.9).astype(np.uint8),
        "gain": np.array([1e-4, 1.0]),
    }
    rows = int(np.ceil(200 / factor))
    out = area(scene, (factor, factor), 0, rows)
    np.testing.assert_allclose(
        out, slow_area(**scene, size=out.shape[1:], factor=(factor, factor)), rtol=2e-7
    )
