"""How far the label of a patch can be trusted."""

from __future__ import annotations

CLOUD_SPEED_M_S = 15.0
"""How fast clouds are taken to move: FIELD's example, 450 m in the 30 s that a pair may be apart."""

SCALE_M = 450.0
"""Displacement at which a label counts half: the same 450 m."""


def label_weight(ignore_fraction: float, dt_s: float, residual_m: float | None = None) -> float:
    """Quality of a patch's label, above 0 and at most 1.

    ``(1 - ignore_fraction) / (1 + d / 450 m)``, d the distance that clouds are expected to be off: 15 m/s
    times ``dt_s``, or the residual of an accepted alignment. What is ignored teaches nothing, so a patch
    counts by what is left. Wrong pixels lie along cloud edges and grow with d, but never make a label
    worthless: the inner parts of clouds and of clear ground stay right.

    Args:
        ignore_fraction: share of valid pixels that are 255, below 1.
        dt_s: seconds from when Landsat passed the footprint, of either sign.
        residual_m: metres that clouds are still off after alignment; None where they were not moved.
    """
    off_m = CLOUD_SPEED_M_S * abs(dt_s) if residual_m is None else residual_m
    return (1 - ignore_fraction) / (1 + off_m / SCALE_M)
