from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.simulate import batch
from catfast.simulate.world.cfmask import dilate
from catfast.simulate.world.regrid import Window


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 3), size=st.integers(8, 50), seed=st.integers(0, 2**32))
def test_any_size_and_seed_gives_a_sound_batch(count, size, seed):
    image, label = batch(count, size, seed=seed)
    assert image.shape == (count, 4, size, size)
    assert label.shape == (count, size, size)
    assert image.dtype == np.float32
    assert label.dtype == np.uint8
    assert np.isfinite(image).all()
    assert label.max() <= 4


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 12), columns=st.integers(1, 12), radius=st.integers(0, 4), seed=st.integers(0, 1000)
)
def test_dilation_is_the_maximum_over_a_square(rows, columns, radius, seed):
    mask = np.random.default_rng(seed).random((rows, columns)) < 0.15
    padded = np.pad(mask, radius)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1, 2 * radius + 1))
    np.testing.assert_array_equal(dilate(mask, radius), windows.any((2, 3)))


@settings(max_examples=60, deadline=None)
@given(top=st.floats(-40, 40), left=st.floats(-40, 40), step=st.floats(0.05, 1.0), size=st.integers(1, 40))
def test_regridding_a_wave_finds_the_wave(top, left, step, size):
    period = 32

    def wave(y, x):
        return np.sin(2 * np.pi * y / period) * np.cos(2 * np.pi * 2 * x / period)

    row, column = np.mgrid[:period, :period]
    fine = Window(top=top, left=left, step=step, size=size, period=period)(
        wave(row, column).astype(np.float32)
    )
    y, x = top + step * np.arange(size), left + step * np.arange(size)
    np.testing.assert_allclose(fine, wave(y[:, None], x[None, :]), atol=0.01)
