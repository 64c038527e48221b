"""QA_PIXEL values as Landsat 8 and 9 Collection 2 scenes hold them, and what they must become."""

from __future__ import annotations

import numpy as np
import pytest

from catfast import _core

VECTORS = {
    1: 255,  # fill
    21824: 0,  # clear
    21762: 255,  # dilated
    21826: 255,  # dilated and clear
    21888: 4,  # water
    21952: 4,  # clear and water
    22080: 255,  # medium cloud, bit 3 unset
    22280: 1,  # cloud
    23826: 255,  # dilated and shadow
    23888: 2,  # shadow and clear
    23952: 2,  # shadow and water
    24088: 1,  # cloud and shadow, medium confidence
    24344: 1,  # cloud and shadow
    29986: 255,  # dilated and snow
    30048: 3,  # snow and clear
    54534: 255,  # dilated and cirrus
    54596: 0,  # cirrus and clear
    55052: 1,  # cirrus and cloud
    62820: 3,  # cirrus, snow and clear
}


def decode(**rule: object) -> dict[int, int]:
    qa = np.array([list(VECTORS)], np.uint16)
    out = np.empty(qa.shape, np.uint8)
    _core.decode_qa(qa, out, **rule)  # type: ignore[arg-type]
    return dict(zip(VECTORS, out[0].tolist(), strict=True))


def test_full_scheme() -> None:
    assert decode() == VECTORS


def test_binary_scheme() -> None:
    assert decode(scheme="binary") == {qa: 0 if code in (2, 3, 4) else code for qa, code in VECTORS.items()}


def test_cirrus_counts_only_when_asked() -> None:
    assert decode(ignore=_core.FILL | _core.CIRRUS)[54596] == 255
    assert decode(cloud=_core.CIRRUS)[62820] == 1
    assert decode(ignore=7 | _core.CIRRUS)[55052] == 1


@pytest.mark.parametrize(
    ("flag", "qa", "code"), [("DILATED", 21762, 0), ("DILATED", 29986, 3), ("MEDIUM", 22080, 0)]
)
def test_kinds_can_be_kept_or_called_cloud(flag: str, qa: int, code: int) -> None:
    value = getattr(_core, flag)
    assert decode(ignore=7 & ~value)[qa] == code
    assert decode(cloud=value)[qa] == 1


def test_fill_is_ignored_whatever_is_asked() -> None:
    assert decode(cloud=_core.DILATED | _core.MEDIUM | _core.CIRRUS, ignore=0)[1] == 255
