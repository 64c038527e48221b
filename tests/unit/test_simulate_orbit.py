from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime

import pytest

from catfast.simulate.world.orbit import nearest_row, passes, row_centre
from catfast.sun import sun_distance, sun_position

# From the MTL files of LC08_L2SP_008059_20191201_20200825_02_T1 and LC08_L1GT_089074_20220506_20220512_02_T2.
REAL = [
    (8, 59, datetime(2019, 12, 1, 15, 13, 51, 861099, UTC), 136.31696044, 57.08727307, 0.9860755),
    (89, 74, datetime(2022, 5, 6, 23, 39, 59, 285133, UTC), 39.80724521, 43.24426868, 1.0089),
]
# Times of real Landsat 8 scenes of 2023: path, row, scene centre.
PASSES = [
    (199, 12, datetime(2023, 3, 25, 10, 35, 5, tzinfo=UTC)),
    (168, 18, datetime(2023, 4, 17, 7, 25, 35, tzinfo=UTC)),
    (208, 5, datetime(2023, 7, 14, 11, 27, 47, tzinfo=UTC)),
    (57, 1, datetime(2023, 8, 29, 19, 53, 17, tzinfo=UTC)),
    (98, 14, datetime(2023, 9, 30, 0, 11, 58, tzinfo=UTC)),
]


@pytest.mark.parametrize(("path", "row", "when", "azimuth", "elevation", "distance"), REAL)
def test_the_sun_stands_where_real_metadata_says(path, row, when, azimuth, elevation, distance):
    assert sun_position(when, *row_centre(path, row)) == pytest.approx((azimuth, elevation), abs=0.06)
    assert sun_distance(when) == pytest.approx(distance, abs=1e-4)


@pytest.mark.parametrize(("path", "row", "when"), PASSES)
def test_landsat_passes_when_it_really_did(path, row, when):
    place = nearest_row(*row_centre(path, row))
    assert (place.path, place.row) == (path, row)
    times = passes(place, datetime(2023, 3, 1, tzinfo=UTC), datetime(2023, 11, 1, tzinfo=UTC))
    assert min(abs((t - when).total_seconds()) for t in times) < 60
    assert [(b - a).days for a, b in itertools.pairwise(times)] == [16] * (len(times) - 1)


def test_rows_run_from_the_arctic_to_the_equator():
    lats = [row_centre(1, row)[1] for row in range(1, 61)]
    assert lats == sorted(lats, reverse=True)
    assert lats[-1] == pytest.approx(0, abs=1e-6)
    assert 80 < lats[0] < 82
    assert row_centre(1, 60)[0] == pytest.approx(-64.6)


def test_the_midnight_sun():
    azimuth, elevation = sun_position(datetime(2023, 6, 21, 0, 0, tzinfo=UTC), 0.0, 78.0)
    assert elevation == pytest.approx(90 - 78 - (90 - 23.44), abs=0.1) or elevation == pytest.approx(
        11.4, abs=0.1
    )
    assert math.cos(math.radians(azimuth)) > 0.99  # due north
