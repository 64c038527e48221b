"""Every case of the catalogue is answered as it deserves."""

from __future__ import annotations

import pytest

from tests.hostile import tally
from tests.hostile.attempt import attempt
from tests.hostile.box import Box
from tests.hostile.cases import CASES


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_hostile_input_gets_the_answer_it_deserves(case, sound, tmp_path):
    tried = attempt(case, Box(tmp_path / "box", sound))
    tally.count(case.name, tried)
    assert not tried.faults


def test_the_catalogue_is_as_long_as_promised():
    assert len(CASES) >= 130
