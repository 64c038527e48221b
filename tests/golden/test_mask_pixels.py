"""Masks of today against those that were stored with the version of their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.pixels import WAYS, made_up, mask_of, stored

MOST = 0.001
"""Share of the pixels seen that another processor, or another onnxruntime, may give another class."""


@pytest.mark.parametrize("way", WAYS)
def test_pixels_do_not_change_unless_their_version_does(tmp_path, way):
    with Image.open(stored(way)) as picture:
        expected = np.asarray(picture)
    seen = made_up().any(axis=0)
    assert np.array_equal(expected != 255, seen)
    assert all((expected[seen] == code).mean() > 0.01 for code in (0, 1, 2)), "each class must be there"
    differing = (mask_of(tmp_path, WAYS[way]) != expected)[seen].mean()
    assert differing <= MOST, (
        f"{differing:.2%} of the pixels differ: raise PIXELS_VERSION in catfast/mask/outputs.py, so that "
        "masks of before are not taken for done, and store anew: python -m tests.pixels"
    )
