"""The recipe's real chips: clear images are read, and leave the folds of the others as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from recipes.chips import CLEAR_SOURCE, folds, load_checks, load_chips
from recipes.default_model import unseen
from recipes.settings import IGNORE, NOT_CLOUD


@pytest.fixture(scope="module")
def chips(shared_data: Path):
    return load_chips(shared_data, clear=True)


def test_clear_images_are_reflectance_without_a_cloud(chips):
    clear = [chip for chip in chips if chip.source == CLEAR_SOURCE]
    assert len(clear) == 4
    for chip in clear:
        assert chip.image.shape == (4, *chip.label.shape)
        assert 0.03 < np.median(chip.image) < 0.3, chip.name
        assert set(np.unique(chip.label)) <= {NOT_CLOUD, IGNORE}
    left_out = {chip.name: (chip.label == IGNORE).mean() for chip in clear}
    assert [name.split(",")[0] for name, share in left_out.items() if share] == ["Dolomites"]


def test_clear_images_do_not_move_the_folds_of_other_chips(chips, shared_data):
    plain = folds(load_chips(shared_data), 3)
    names = [[chip.name for chip in part if chip.source != CLEAR_SOURCE] for part in folds(chips, 3)]
    assert names == [[chip.name for chip in part] for part in plain]


def test_a_check_that_was_taught_is_no_check(chips, shared_data):
    checks = load_checks(shared_data)
    assert len(checks) == 6
    assert [check.name for check in unseen(checks, chips)] == [
        "PlanetScope at 9 m",
        "dark soil, Sentinel-2",
        "overcast, Sentinel-2",
    ]
