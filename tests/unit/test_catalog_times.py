"""Times as providers write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest

from catfast.catalog.record import RejectedError
from catfast.catalog.times import EPOCH, epoch_ms, parse_time


@pytest.mark.parametrize(
    ("text", "expected", "naive"),
    [
        ("2022-01-25T07:55:09.676173Z", datetime(2022, 1, 25, 7, 55, 9, 676173, UTC), False),
        ("2022-01-25T09:55:09.5+02:00", datetime(2022, 1, 25, 7, 55, 9, 500000, UTC), False),
        ("2023-03-25 10:35:03.192496+00:00", datetime(2023, 3, 25, 10, 35, 3, 192496, UTC), False),
        ("2023-03-25 10:35:03", datetime(2023, 3, 25, 10, 35, 3, 0, UTC), True),
        ("2023-03-25 10:35:03 UTC", datetime(2023, 3, 25, 10, 35, 3, 0, UTC), False),
        ("2023-03-25 12:35:03 +0200 UTC", datetime(2023, 3, 25, 10, 35, 3, 0, UTC), False),
        ("2023-03-25t10:35:03.5z", datetime(2023, 3, 25, 10, 35, 3, 500000, UTC), False),
        ("2011:010:07:30:29.98794", datetime(2011, 1, 10, 7, 30, 29, 987940, UTC), False),
        ("1641197709676", datetime(2022, 1, 3, 8, 15, 9, 676000, UTC), False),
        (1641197709676, datetime(2022, 1, 3, 8, 15, 9, 676000, UTC), False),
        ("1.641197709676E12", datetime(2022, 1, 3, 8, 15, 9, 676000, UTC), False),
        ("1.641197709676e+12", datetime(2022, 1, 3, 8, 15, 9, 676000, UTC), False),
        ("1641197709", datetime(2022, 1, 3, 8, 15, 9, 0, UTC), False),
        (1641197709676173, datetime(2022, 1, 3, 8, 15, 9, 676173, UTC), False),
    ],
)
def test_times_become_utc(text, expected, naive):
    assert parse_time(text) == (expected, naive)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no_time"),
        ("", "no_time"),
        (float("nan"), "no_time"),
        ("2019-12-01", "no_time"),
        ("2020/01/01", "no_time"),
        ("yesterday", "bad_time"),
        ("9999-12-31T23:59:59Z", "bad_time"),
        ("0001-01-01T00:00:00+02:00", "bad_time"),
        ("2023-02-30T00:00:00Z", "bad_time"),
        ("2023:366:00:00:00", "bad_time"),
        ("2024:000:00:00:00", "bad_time"),
        ("20230601", "no_time"),
        ("42", "bad_time"),
    ],
)
def test_what_is_no_time_is_refused(text, reason):
    with pytest.raises(RejectedError) as caught:
        parse_time(text)
    assert caught.value.reason == reason


def test_milliseconds_are_the_nearest():
    times = [EPOCH + timedelta(microseconds=us) for us in (*range(-2_600, 2_600, 50), 1_499_600, 2**52 + 7)]
    assert epoch_ms(times).tolist() == [
        int((Decimal((time - EPOCH) // timedelta(microseconds=1)) / 1000).to_integral_value(ROUND_HALF_EVEN))
        for time in times
    ]
    assert epoch_ms([]).tolist() == []
