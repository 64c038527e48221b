from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catfast.mask.tiling import MARGIN, STRIP_PIXELS, Axis, Tile, batches, fitted, plan_axes, taper

axes = st.builds(
    Axis.plan,
    scene=st.integers(1, 5000),
    factor=st.one_of(st.just(1.0), st.floats(0.2, 12.0)),
    tile=st.sampled_from([64, 96, 512]),
    halo=st.sampled_from([0, 8, 31]),
    multiple_of=st.just(32),
)


@given(axes)
def test_tiles_cover_the_grid_and_only_overlap_as_they_should(axis):
    origins = axis.origins()
    assert origins[0] == 0
    assert origins == sorted(set(origins))
    assert origins[-1] + axis.tile >= axis.network
    assert all(after - before <= axis.tile - 2 * axis.halo for before, after in itertools.pairwise(origins))
    if len(origins) > 1:
        assert origins[-1] + axis.tile == axis.network


@given(axes, st.integers(0, 5000))
def test_whole_network_pixels_need_no_scene_pixel_to_come(axis, scene):
    scene = min(scene, axis.scene)
    whole = axis.whole(scene)
    ends = np.minimum(np.ceil(np.arange(1, axis.network + 1) * axis.factor), axis.scene)
    assert whole == (axis.network if scene == axis.scene else (ends <= scene).sum())
    assert axis.scene_start(whole) <= axis.scene


@given(axes)
def test_every_network_pixel_has_weight(axis):
    weight = np.zeros(axis.network)
    for origin in axis.origins():
        inside = taper(axis.tile, axis.halo)[: axis.network - origin]
        weight[origin : origin + len(inside)] += inside
    assert (weight > 0).all()


@given(axes, st.data())
def test_ready_rows_need_only_final_rows(axis, data):
    final = data.draw(st.integers(0, axis.network))
    ready = axis.ready(final)
    assert 0 <= ready <= axis.scene
    if final < axis.network:
        needed = np.floor((np.arange(axis.scene) + 0.5) / axis.factor - 0.5) + 1
        assert (needed[:ready] <= final - 1).all()
        assert ready == axis.scene or needed[ready] > final - 1 - 1e-6
    else:
        assert ready == axis.scene


@given(axes)
def test_the_grid_covers_the_scene(axis):
    assert axis.scene_end(axis.network) == axis.scene
    assert (axis.network - 1) * axis.factor < axis.scene


def test_a_small_scene_gets_a_small_tile():
    axis = Axis.plan(scene=100, factor=10 / 3, tile=512, halo=64, multiple_of=32)
    assert (axis.network, axis.tile, axis.origins()) == (30, 32, [0])


def test_tiles_are_no_longer_than_it_takes():
    axis = Axis.plan(scene=1710, factor=1, tile=512, halo=64, multiple_of=32)
    assert (axis.tile, axis.origins()) == (448, [0, 320, 640, 960, 1262])


@given(st.integers(1, 5000))
def test_no_tile_is_longer_than_the_models(scene):
    axis = Axis.plan(scene=scene, factor=1, tile=512, halo=64, multiple_of=32)
    assert axis.tile <= 512
    assert axis.tile % 32 == 0


def test_a_scene_of_nearly_the_models_scale_is_not_resampled():
    assert Axis.plan(scene=100, factor=1.02, tile=64, halo=8, multiple_of=32).factor == 1.0
    assert Axis.plan(scene=100, factor=0.3, tile=64, halo=8, multiple_of=32).factor == 1.0


@pytest.mark.parametrize(
    ("widths", "most", "groups"),
    [([], 3, []), ([64] * 7, 3, [3, 3, 1]), ([64, 64, 32, 32, 64], 4, [2, 2, 1])],
)
def test_batches(widths, most, groups):
    tiles = [Tile(row=0, column=number, size=(96, width)) for number, width in enumerate(widths)]
    found = list(batches(tiles, most))
    assert [len(group) for group in found] == groups
    assert all(len({tile.size for tile in group}) == 1 for group in found)
    assert [tile for group in found for tile in group] == tiles


@st.composite
def strips(draw):
    """What was seen of a strip (h, w): a tilted band of columns with holes, or nothing."""
    h, w = draw(st.integers(1, 200)), draw(st.integers(1, 900))
    left, right, slope = draw(st.integers(-50, w)), draw(st.integers(0, w + 50)), draw(st.floats(-2, 2))
    rows, columns = np.arange(h)[:, None], np.arange(w)
    seen = (columns >= left + slope * rows) & (columns < right + slope * rows)
    first, last = sorted(draw(st.tuples(st.integers(0, h), st.integers(0, h))))
    seen[:first] = seen[last:] = False
    hole = draw(st.integers(0, w))
    seen[:, hole : hole + draw(st.integers(0, 400))] = False
    return seen


@given(strips(), st.sampled_from([0, 8, 31]), st.sampled_from([96, 224, 576]))
def test_tiles_cover_what_was_seen_and_its_neighbours(seen, halo, tile):
    tiles = fitted(seen, tile=tile, halo=halo, multiple_of=32)
    weight = np.zeros(seen.shape)
    for found in tiles:
        height, width = found.size
        assert height % 32 == width % 32 == 0
        assert width <= tile
        assert height < max(seen.shape[0], 2 * halo) + 32
        assert found.row == 0 or found.row + height <= seen.shape[0]
        assert found.column == 0 or found.column + width <= seen.shape[1]
        piece = np.s_[found.row : found.row + height, found.column : found.column + width]
        assert seen[piece].any()
        shares = taper(height, halo)[:, None] * taper(width, halo)
        weight[piece] += shares[: weight[piece].shape[0], : weight[piece].shape[1]]
    assert bool(tiles) == seen.any()
    assert (weight[seen] > 0).all()
    side = 2 * MARGIN + 1
    near = np.lib.stride_tricks.sliding_window_view(np.pad(seen, MARGIN), (side, side)).any(axis=(2, 3))
    assert halo < MARGIN or (weight[near] > 0).all()


@given(st.integers(1, 4000), st.sampled_from([0, 8, 32]), st.sampled_from([96, 576]))
def test_tiles_of_a_full_strip_are_few_and_overlap_as_they_should(width, halo, tile):
    tiles = fitted(np.ones((64, width), bool), tile=tile, halo=halo, multiple_of=32)
    assert len(tiles) == len(Axis.plan(scene=width, factor=1, tile=tile, halo=halo, multiple_of=32).origins())
    for before, after in itertools.pairwise(tiles):
        assert after.column <= before.column + before.size[1] - 2 * halo
        assert before.size[1] - after.size[1] in (0, 32)
    assert tiles[-1].column + tiles[-1].size[1] >= width
    assert sum(tile.size[1] for tile in tiles) < max(width, 2 * halo) + 2 * halo * (len(tiles) - 1) + 32


@given(st.integers(1, 40_000), st.integers(1, 40_000), st.floats(1.0, 4.0), st.sampled_from([0, 32, 64]))
def test_rows_of_tiles_do_not_grow_with_the_width(height, width, factor, halo):
    down, across = plan_axes(
        scene=(height, width), factor=(factor, factor), tile=576, halo=halo, multiple_of=32
    )
    assert across == Axis.plan(scene=width, factor=factor, tile=576, halo=halo, multiple_of=32)
    assert down.tile <= 576
    least = max(4 * halo, 2 * halo + 32) + 32
    assert down.tile <= least or (down.tile - 32) * across.network <= STRIP_PIXELS
    if across.network * 576 <= STRIP_PIXELS:
        assert down == Axis.plan(scene=height, factor=factor, tile=576, halo=halo, multiple_of=32)
