"""Counts over all cases, and the line that tells them."""

from __future__ import annotations

from collections import Counter

from tests.hostile.attempt import FAULTS

TRIED: Counter[str] = Counter()
"""Cases run, under ``tried``, and their faults."""


def count(faults: dict[str, str]) -> None:
    """Add one case."""
    TRIED.update(["tried", *faults])


def closing_line() -> str:
    """``N tried: 0 crashes, ...``."""
    return f"hostile inputs: {TRIED['tried']} tried: " + ", ".join(f"{TRIED[name]} {name}" for name in FAULTS)
