from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catfast.mask.tiling import STRIP_PIXELS, Axis, batches, plan_axes

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


@given(axes)
def test_every_network_pixel_has_weight(axis):
    weight = np.zeros(axis.network)
    for origin in axis.origins():
        inside = axis.taper()[: axis.network - origin]
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


@pytest.mark.parametrize(("count", "size", "groups"), [(0, 3, 0), (7, 3, 3), (6, 3, 2)])
def test_batches(count, size, groups):
    items = list(range(count))
    found = list(batches(items, size))
    assert len(found) == groups
    assert [item for group in found for item in group] == items


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
