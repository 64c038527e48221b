"""One displacement a pair, accepted only where estimates that fail differently agree.

A: the cloud mask against the scene. C: the brightness of Landsat's clouds against what of the scene Landsat
does not explain. E: as C for the mask alone, without the pixels that Landsat saw in shadow. Each is the peak
of a partial correlation (:mod:`catfast.labels.displacement.correlate`). Bands are weighed as they tell cloud
from ground in Landsat (Fisher's discriminant).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catfast.labels.displacement.coarse import MARGIN_M, Coarse
from catfast.labels.displacement.correlate import Peak, Shifts, partial_correlation, peak_of, quadrants
from catfast.labels.displacement.found import Displacement

__all__ = ["estimate"]

AGREE_M, SPREAD_M = 60.0, 150.0
"""Farthest that estimates lie apart, and that each moves when a quadrant is left out."""

SMALLEST_M, LARGEST_M = 60.0, 1950.0
"""Shifts that labels are moved by: below, what is wrong is less than a ring; above, no cloud goes in 30 s."""

CLOUDY = (0.02, 0.98)
"""Share of the footprint that must be cloud."""

SMALLEST_PX = 5_000
"""Pixels seen by both: about 2 km x 2 km."""

CLOUD, SHADOW, FILL = np.uint16(1 << 3), np.uint16(1 << 4), np.uint16(1)

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def estimate(pair: Coarse, largest_m: float = LARGEST_M) -> Displacement:
    """The displacement of the clouds of a pair.

    Args:
        pair: both scenes on Landsat's grid.
        largest_m: the farthest that wind, height and views can move a cloud.
    """
    inside = pair.inside
    if np.count_nonzero(inside) < SMALLEST_PX:
        return Displacement.none("too_little")
    cloud = ((pair.qa & CLOUD) != 0) & ((pair.qa & FILL) == 0)
    if not CLOUDY[0] <= cloud[inside].mean() <= CLOUDY[1]:
        return Displacement.none("no_cloud")
    peaks = _peaks(pair, cloud)
    if peaks is None:
        return Displacement.none("no_texture")
    return _judged(peaks, pair.pixel_m, min(largest_m, LARGEST_M))


def _peaks(pair: Coarse, cloud: Flags) -> list[list[Peak]] | None:
    """Peaks of A, C and E, each of the whole footprint and with a quadrant left out."""
    inside = pair.inside
    landsat, planet = _standard(pair.landsat, inside), _standard(pair.planet, inside)
    weights = _discriminant(landsat[:, inside & cloud], landsat[:, inside & ~cloud])
    if weights is None:
        return None
    seen, target = (_mixed(weights, bands) for bands in (landsat, planet))
    level = seen[inside & ~cloud].mean()
    bright = np.where(cloud, seen - level, 0.0).astype(np.float32)
    mask = cloud.astype(np.float32)
    static = [*landsat, mask, *(mask * band for band in landsat)]
    parts = quadrants(inside)
    lit = np.where(_grown((pair.qa & SHADOW) != 0, 2), np.int8(-1), parts)
    reach = int(MARGIN_M / pair.pixel_m) - 1
    shifts = Shifts((inside.shape[0], inside.shape[1]), reach)
    steps = np.arange(-reach, reach + 1)
    allowed = np.hypot(steps[:, None], steps) <= reach
    surfaces = (
        partial_correlation(target, mask, [], parts, shifts),
        partial_correlation(target, bright, static, parts, shifts),
        partial_correlation(target, mask, static, lit, shifts),
    )
    return [[peak_of(surface, allowed) for surface in surfaces_of] for surfaces_of in surfaces]


def _judged(peaks: list[list[Peak]], pixel_m: float, largest_m: float) -> Displacement:
    best = [found[0] for found in peaks]
    spread = max(found[0].distance(other) for found in peaks for other in found[1:]) * pixel_m
    apart = max(a.distance(b) for a in best for b in best) * pixel_m
    x = float(np.mean([peak.column for peak in best])) * pixel_m
    y = -float(np.mean([peak.row for peak in best])) * pixel_m
    length = float(np.hypot(x, y))
    reason = "accepted"
    if apart > AGREE_M:
        reason = "disagree"
    elif spread > SPREAD_M:
        reason = "spread"
    elif length < SMALLEST_M:
        reason = "too_small"
    elif length > largest_m:
        reason = "too_large"
    return Displacement(
        shift_x_m=x, shift_y_m=y, spread_m=float(spread), accepted=reason == "accepted", reason=reason
    )


def _standard(bands: Floats, inside: Flags) -> Floats:
    """Bands (4, h, w) with zero mean and unit variance over ``inside``."""
    values = bands[:, inside].astype(np.float64)
    mean, spread = values.mean(axis=1), np.maximum(values.std(axis=1), 1e-9)
    return np.asarray((bands - mean[:, None, None]) / spread[:, None, None], np.float32)


def _mixed(weights: npt.NDArray[np.float64], bands: Floats) -> Floats:
    return np.asarray(np.tensordot(weights, bands, axes=1), np.float32)


def _discriminant(cloud: Floats, clear: Floats) -> npt.NDArray[np.float64] | None:
    """Weights (4,) of the bands that best tell ``cloud`` (4, n) from ``clear`` (4, m)."""
    within = np.cov(cloud) + np.cov(clear) + 1e-3 * np.eye(len(cloud))
    weights = np.linalg.solve(within, cloud.mean(axis=1) - clear.mean(axis=1))
    total = float(np.abs(weights).sum())
    return weights / total if np.isfinite(total) and total > 1e-9 else None


def _grown(mask: Flags, radius: int) -> Flags:
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(mask, radius), (2 * radius + 1,) * 2)
    return np.asarray(windows.any(axis=(2, 3)))
