"""Planet's usable data mask to codes and back; flags of real ones."""

from __future__ import annotations

import numpy as np
import rasterio

from catfast.udm2 import as_udm2, udm2_codes


def test_there_and_back():
    codes = np.random.default_rng(0).choice(np.array([0, 1, 2, 3, 255], np.uint8), (50, 40))
    assert np.array_equal(udm2_codes(as_udm2(codes, np.full_like(codes, 80))), codes)


def test_flags_are_told_apart():
    """clear, snow, shadow, light haze, heavy haze, cloud, nothing set, cloud under blackfill."""
    bands = np.zeros((8, 1, 8), np.uint8)
    for band in range(6):
        bands[band, 0, band] = 1
    bands[5, 0, 7], bands[7, 0, 7] = 1, 1
    assert udm2_codes(bands).tolist() == [[0, 3, 2, 0, 1, 1, 255, 255]]


def test_real_ones_hold_what_their_flags_say(shared_data):
    paths = sorted(shared_data.rglob("*udm2*.tif"))
    assert paths
    for path in paths:
        with rasterio.open(path) as dataset:
            bands = dataset.read()
        codes = udm2_codes(bands)
        assert np.array_equal(codes == 1, ((bands[5] | bands[4]) != 0) & ((bands[7] & 1) == 0))
        assert set(np.unique(codes)) <= {0, 1, 2, 3, 255}
