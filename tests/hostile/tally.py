"""Counts over all cases, and the line that tells them."""

from __future__ import annotations

from collections import Counter

from tests.hostile.attempt import FAULTS, Attempt

TRIED: Counter[str] = Counter()
"""Cases run, under ``tried``, and their faults."""


BOMBS: dict[str, float] = {}
"""Seconds until each file of 200,000 x 200,000 pixels was refused."""


def count(name: str, tried: Attempt) -> None:
    """Add one case."""
    TRIED.update(["tried", *tried.faults])
    if "bomb" in name and "zip_bomb" not in name:
        BOMBS[name] = tried.seconds


def closing_line() -> str:
    """``N tried: 0 crashes, ...``."""
    counts = ", ".join(f"{TRIED[name]} {name}" for name in FAULTS)
    slowest = f"; slowest of {len(BOMBS)} bombs {max(BOMBS.values()):.2f} s" if BOMBS else ""
    return f"hostile inputs: {TRIED['tried']} tried: {counts}{slowest}"
