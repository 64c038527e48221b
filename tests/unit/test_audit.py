"""What `make audit` says of packages, from pip-audit's own records."""

from __future__ import annotations

from tests.audit import told

SOUND = {"name": "click", "version": "8.1.7", "vulns": []}
WEAK = {"name": "pillow", "version": "9.0.0", "vulns": [{"id": "PYSEC-2022-10"}, {"id": "PYSEC-2022-9"}]}
UNKNOWN = {"name": "numpy", "version": "2.0.0", "skip_reason": "not found on PyPI"}


def test_a_list_that_cannot_be_reached_is_said_to_be():
    assert told([UNKNOWN, UNKNOWN]) == (
        False,
        "package advisories: not looked at, PyPI's list for the 2 packages cannot be reached from here",
    )


def test_packages_that_were_looked_up_are_counted():
    assert told([SOUND, UNKNOWN]) == (
        False,
        "package advisories: 1 of 2 packages looked up, 0 with a known weakness",
    )


def test_a_weakness_is_named():
    weak, said = told([SOUND, WEAK])
    assert weak
    assert said.splitlines() == [
        "pillow 9.0.0: PYSEC-2022-10, PYSEC-2022-9",
        "package advisories: 2 of 2 packages looked up, 1 with a known weakness",
    ]
