"""The warp kernel from Python: any affine placement against numpy, whatever the window and the rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast import _core
from tests.label_files import CODE_OF, noise

EDGE = 1e-6


def nodes_of(corner, down, along, step, first, last, width):
    low = first // step
    k = np.arange(low, (last - 1) // step + 2) * step + 0.5
    n = np.arange(-(-width // step) + 1) * step + 0.5
    place = np.asarray(corner) + k[:, None, None] * np.asarray(down) + n[:, None] * np.asarray(along)
    return np.ascontiguousarray(place), low


def warp(qa, world, shape, step, first=0, origin=(0, 0), **rule):
    nodes, low = nodes_of(*world, step, first, first + shape[0], shape[1])
    out = np.empty(shape, np.uint8)
    place = {"step": step, "first_row": first, "node_row": low, "origin": origin}
    counts = _core.warp_qa(qa, nodes, np.ones(shape, np.uint8), out, **place, **rule)
    return out, counts


numbers = st.floats(-3, 3).map(lambda x: round(x, 6))
worlds = st.tuples(
    st.tuples(st.floats(-5, 25), st.floats(-5, 25)), st.tuples(numbers, numbers), st.tuples(numbers, numbers)
)


@settings(deadline=None, max_examples=60)
@given(worlds, st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 8, 64]), st.integers(0, 9))
def test_nearest_is_numpys(world, height, width, step, seed):
    qa = noise((20, 23), seed)
    found, (inside, counts) = warp(qa, world, (height, width), step)
    i, j = np.mgrid[:height, :width][..., None] + 0.5
    place = np.asarray(world[0]) + i * world[1] + j * world[2]
    cell = np.floor(place).astype(int)
    holds = ((cell >= 0) & (cell < qa.shape)).all(axis=-1)
    row, column = np.moveaxis(cell.clip(0, (19, 22)), -1, 0)
    expected = np.where(holds, CODE_OF[qa][row, column], 255)
    clear = (np.abs(place - np.round(place)) > EDGE).all(axis=-1)
    assert np.array_equal(found[clear], expected[clear])
    assert np.bincount(found.ravel(), minlength=256).tolist() == counts
    if clear.all():
        assert inside == holds.sum()


@settings(deadline=None, max_examples=40)
@given(
    worlds,
    st.sampled_from(["nearest", "majority", "bilinear", "fraction"]),
    st.integers(1, 29),
    st.integers(0, 9),
)
def test_rows_and_windows_change_nothing(world, method, cut, seed):
    qa = np.full((60, 60), 1, np.uint16)
    qa[20:40, 20:40] = noise((20, 20), seed)
    world = (np.add(world[0], 20), *world[1:])
    whole, _ = warp(qa, world, (30, 31), 8, method=method)
    upper, _ = warp(qa, world, (cut, 31), 8, method=method)
    lower, _ = warp(qa, world, (30 - cut, 31), 8, first=cut, method=method)
    assert np.array_equal(np.concatenate([upper, lower]), whole)
    part, _ = warp(qa[15:45, 16:44].copy(), world, (30, 31), 8, origin=(15, 16), method=method)
    assert np.array_equal(part, whole), "fill around counts as what lies outside the window"


@settings(deadline=None, max_examples=40)
@given(worlds, st.integers(0, 9))
def test_fraction_is_the_mean_of_dense_points(world, seed):
    qa = noise((20, 20), seed)
    found, _ = warp(qa, world, (6, 7), 4, method="fraction")
    points = 40
    part = (np.arange(points) + 0.5) / points
    i = (np.arange(6)[:, None] + part).reshape(-1)
    j = (np.arange(7)[:, None] + part).reshape(-1)
    place = np.asarray(world[0]) + i[:, None, None] * world[1] + j[:, None] * np.asarray(world[2])
    cell = np.floor(place).astype(int)
    holds = ((cell >= 0) & (cell < 20)).all(axis=-1)
    row, column = np.moveaxis(cell.clip(0, 19), -1, 0)
    code = np.where(holds, CODE_OF[qa][row, column], 255).reshape(6, points, 7, points)
    seen, cloud = (code != 255).mean(axis=(1, 3)), (code == 1).mean(axis=(1, 3))
    flat = abs(np.cross([*world[1], 0], [*world[2], 0])[2]) < 1e-3
    sure = (seen > 0.3) & (not flat)
    assert (found[sure] != 255).all()
    error = found[sure] - 200 * cloud[sure] / seen[sure]
    assert (np.abs(error) < 40).all()
    assert np.abs(error).mean() < 6 if sure.any() else True
