"""Windows that a scene is read by: each pixel once, bounded in memory, and no bit depends on them."""

from __future__ import annotations

import itertools
import math
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.mask.rows import SceneRows
from catfast.mask.tiling import Axis
from catfast.mask.windows import KEPT_BYTES, PIXEL_BYTES, Windows
from catfast.planet import describe_scene
from catfast.raster import ArrayRaster, Grid, RasterInfo

BLOCKS = st.sampled_from([(128, 128), (256, 256), (512, 512), (1, 0), (16, 0)])


def info_of(height: int, width: int, block: tuple[int, int], dtype: str) -> RasterInfo:
    grid = Grid(width=width, height=height, transform=Affine.identity(), crs=None)
    raster = ArrayRaster(np.broadcast_to(np.zeros(1, dtype), (4, height, width)), grid, Path("a"))
    rows, columns = block
    fields = {name: getattr(raster.info, name) for name in RasterInfo.__slots__}
    return RasterInfo(**{**fields, "block_rows": rows, "block_columns": columns or width})


def covers(spans: list[tuple[int, int]], length: int) -> bool:
    edges = [0, *(stop for _, stop in spans)]
    return edges[-1] == length and [start for start, _ in spans] == edges[:-1]


@given(
    height=st.integers(1, 40_000),
    width=st.integers(1, 400_000),
    block=BLOCKS,
    dtype=st.sampled_from(["uint16", "float32", "uint8"]),
    kept=st.sampled_from([2.4, 4.44, 17.0]),
)
def test_windows_cover_the_scene_and_are_bounded(height, width, block, dtype, kept):
    windows = Windows.plan(info_of(height, width, block, dtype), 4, kept=kept)
    assert covers(windows.rows, height)
    assert covers(windows.columns, width)
    rows = max(stop - start for start, stop in windows.rows)
    columns = max(stop - start for start, stop in windows.columns)
    assert rows <= 64 or rows * width * kept <= KEPT_BYTES
    pixel = 4 * max(2, np.dtype(dtype).itemsize)
    assert rows <= 64 or math.ceil(rows / block[0]) * block[0] * (columns - block[1]) * pixel <= PIXEL_BYTES
    if block[1]:
        assert all(start % block[1] == 0 for start, _ in windows.columns)
    if width <= 6_000 and dtype == "uint16":
        assert len(windows.columns) <= math.ceil(block[0] / 256)
        assert rows == height or rows % block[0] == 0


def cuts(length: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    edges = st.sets(st.integers(1, length), max_size=5).map(lambda found: sorted({0, length, *found}))
    return edges.map(lambda found: list(itertools.pairwise(found)))


def made(
    dn: npt.NDArray, factor: tuple[float, float], windows: Windows, takes: list[int]
) -> list[npt.NDArray]:
    """All network rows, validity and brightness."""
    grid = Grid(width=dn.shape[2], height=dn.shape[1], transform=Affine.identity(), crs=None)
    raster = ArrayRaster(dn, grid, Path("a"), nodata=0)
    axes = [Axis(scene=dn.shape[k + 1], factor=factor[k], tile=64, halo=16) for k in (0, 1)]
    scene = describe_scene(raster, reflectance_scale=1e-4)
    with closing(SceneRows(raster, scene, axes[0], axes[1], guided=True, windows=windows)) as rows:
        parts = []
        while takes and sum(part.shape[1] for part in parts) + takes[0] < axes[0].network:
            parts.append(rows.order(takes[0]).result())
            takes = takes[1:]
        parts.append(rows.take(axes[0].network - sum(part.shape[1] for part in parts)))
        height = dn.shape[1]
        return [np.concatenate(parts, axis=1), rows.take_validity(height), rows.take_brightness(height)]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_bit_depends_on_the_windows(data):
    height, width = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
    factors = st.sampled_from([1.0, 10 / 3, 2.0, 10 / 3.7, 7.77])
    factor = (data.draw(factors), data.draw(factors))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    dn = rng.integers(0, 9000, (4, height, width)).astype(data.draw(st.sampled_from(["uint16", "float32"])))
    dn[:, rng.random((height, width)) < 0.2] = 0
    whole = made(dn, factor, Windows([(0, height)], [(0, width)]), [])
    windows = Windows(data.draw(cuts(height)), data.draw(cuts(width)))
    parts = made(dn, factor, windows, data.draw(st.lists(st.integers(1, 20), max_size=4)))
    for one, other in zip(whole, parts, strict=True):
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    assert np.array_equal(whole[1] > 0, (dn != 0).any(axis=0))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_the_reflectance_of_windows_is_the_mean_of_what_lies_under_it():
    rng = np.random.default_rng(3)
    dn = rng.integers(1, 9000, (4, 60, 90), np.uint16)
    found, _, _ = made(dn, (3.0, 3.0), Windows([(0, 7), (7, 60)], [(0, 40), (40, 61), (61, 90)]), [])
    expected = 1e-4 * dn.reshape(4, 20, 3, 30, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
