"""Landsat ids and the codes that a Collection 2 QA band may hold."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from catfast.errors import InputError
from catfast.landsat import check_codes, product_id
from tests.golden.test_core_qa import VECTORS


def test_an_id_is_taken_apart():
    found = product_id("LC09_L1TP_063046_20230714_20230715_02_T1_QA_PIXEL.TIF")
    assert found is not None
    assert found.text == "LC09_L1TP_063046_20230714_20230715_02_T1"
    assert (found.sensor, found.level, found.path, found.row) == ("LC09", "L1TP", 63, 46)
    assert (found.acquired, found.processed) == (date(2023, 7, 14), date(2023, 7, 15))
    assert (found.collection, found.tier) == (2, "T1")


def test_an_id_in_small_letters_is_the_same():
    found = product_id("lc09_l1tp_063046_20230714_20230715_02_t1_qa_pixel.tif")
    assert found is not None
    assert found.text == "LC09_L1TP_063046_20230714_20230715_02_T1"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "scene.tif",
        "LC08_L1TP_063046_20231332_20230715_02_T1",
        "xLC08_L1TP_063046_20230714_20230715_02_T1",
    ],
)
def test_what_is_no_id(name):
    assert product_id(name) is None


def test_collection_2_codes_pass():
    qa = np.array([*VECTORS, 5440, 5896], np.uint16)  # the last two: clear and cloud of Landsat 7
    kept = qa.copy()
    check_codes(Path("qa.tif"), qa)
    assert np.array_equal(qa, kept)


def test_padding_becomes_fill():
    qa = np.array([0, 21824, 1], np.uint16)
    check_codes(Path("qa.tif"), qa)
    assert qa.tolist() == [1, 21824, 1]


@pytest.mark.parametrize("code", [2720, 2724, 2728, 2732, 2752, 2800, 2976, 3744, 3776, 6816, 672, 2, 40960])
def test_other_codes_are_refused(code):
    with pytest.raises(InputError, match=rf"^qa.tif: expected Collection 2 QA_PIXEL codes, found {code}, "):
        check_codes(Path("qa.tif"), np.array([[21824, code]], np.uint16))
