"""One displacement a pair, accepted only where estimates that fail differently agree, then made exact.

At 60 m, over all shifts: A, the cloud mask against the scene; C, the brightness of Landsat's clouds against
what of the scene Landsat does not explain; E, as C for the mask alone, without the pixels that Landsat saw
in shadow. Each is the peak of a partial correlation (:mod:`catfast.labels.displacement.correlate`), bands
weighed as they tell cloud from ground in Landsat (Fisher's discriminant). Where they agree, the displacement
is the one nearby, at 30 m, at which the scene's own bands tell the mask best: the most exact of all, but sure
of nothing. Where they nearly agree, they are made again at 30 m around that place.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.labels.displacement.coarse import MARGIN_M, Coarse
from catfast.labels.displacement.correlate import (
    Peak,
    Shifts,
    multiple_correlation,
    partial_correlation,
    peak_of,
    quadrants,
)
from catfast.labels.displacement.found import Displacement

__all__ = ["estimate"]

AGREE_M, SPREAD_M = 60.0, 150.0
"""Farthest that estimates lie apart, and that each moves when a quadrant is left out."""

SMALLEST_M, LARGEST_M = 60.0, 1950.0
"""Shifts that labels are moved by: below, what is wrong is less than a ring; above, no cloud goes in 30 s."""

SEARCH_M, NEAR_M = 60.0, 120.0
"""Pixels that all shifts are searched with, and how far around what is found 30 m are looked at."""

NEARLY_M = 240.0
"""Estimates that lie and move no farther apart at 60 m are made again at 30 m: nearer to the truth."""

CLOUDY = (0.02, 0.98)
"""Share of the footprint that must be cloud."""

CLOUDY_SHADOW = 0.5
"""Where, from clear ground (0) to cloud (1), shadows may stand in the brightness that tells cloud best.

Beyond, as where stratus is darker than the snow below, all estimates take a cloud and its shadow for one
cloud and err alike, towards the shadow. Of 240 simulated pairs 9 are beyond, the one that moved labels for
the worse among them; none of the others was ever accepted.
"""

SHADOW_PX = 50
"""Pixels of shadow that this is told from."""

SMALLEST_PX = 5_000
"""Pixels seen by both: about 2 km x 2 km."""

CLOUD, SHADOW, FILL = np.uint16(1 << 3), np.uint16(1 << 4), np.uint16(1)

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def estimate(pair: Coarse, largest_m: float = LARGEST_M) -> Displacement:
    """The displacement of the clouds of a pair, to a tenth of a metre.

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
    step = max(round(SEARCH_M / pair.pixel_m), 1)
    peaks = _peaks(pair, cloud, step)
    if peaks is None:
        return Displacement.none("no_texture")
    if _shadows_look_cloudy(pair, cloud):
        return Displacement.none("shadow")
    found = _agreed(peaks, step * pair.pixel_m)
    nearly = max(_apart(peaks) * step * pair.pixel_m, found.spread_m) <= NEARLY_M
    if nearly and not found.accepted:
        around = round(-found.shift_y_m / pair.pixel_m), round(found.shift_x_m / pair.pixel_m)
        closer = _peaks(pair, cloud, 1, around)
        found = found if closer is None else _agreed(closer, pair.pixel_m)
    return _refined(pair, cloud, found, min(largest_m, LARGEST_M)) if found.accepted else found


def _peaks(
    pair: Coarse, cloud: Flags, step: int, around: tuple[int, int] | None = None
) -> list[list[Peak]] | None:
    """Peaks of A, C and E, each of the whole footprint and with a quadrant left out; pixels of ``step``.

    Those of all shifts, or those near the rows and columns ``around``.
    """
    inside, shadow = _means(pair.inside, step) == 1, _means((pair.qa & SHADOW) != 0, step) > 0
    landsat, planet = (_standard(_means(bands, step), inside) for bands in (pair.landsat, pair.planet))
    mask = _means(cloud, step)
    cloudy = mask > 0.5
    weights = _discriminant(landsat[:, inside & cloudy], landsat[:, inside & ~cloudy])
    if weights is None:
        return None
    seen, target = (np.asarray(np.tensordot(weights, bands, axes=1)) for bands in (landsat, planet))
    bright = mask * (seen - seen[inside & ~cloudy].mean())
    static = [*landsat, mask, *(mask * band for band in landsat)]
    parts = quadrants(inside)
    lit = np.where(_grown(shadow), np.int8(-1), parts)
    reach = int((MARGIN_M if around is None else NEARLY_M) / (step * pair.pixel_m)) - 1
    middle = (0, 0) if around is None else around
    shifts = Shifts(parts, reach, middle)
    steps = np.arange(-reach, reach + 1)
    allowed = np.hypot(steps[:, None], steps) <= reach
    surfaces = (
        partial_correlation(target, mask, [], parts, shifts),
        partial_correlation(target, bright, static, parts, shifts),
        partial_correlation(target, mask, static, lit, shifts),
    )
    return [[peak_of(each, allowed).moved(middle) for each in of_one] for of_one in surfaces]


def _shadows_look_cloudy(pair: Coarse, cloud: Flags) -> bool:
    """Whether Landsat's shadows look more like its clouds than like clear ground."""
    shadow = pair.inside & ((pair.qa & SHADOW) != 0) & ~cloud
    clear = pair.inside & ~cloud & ~shadow
    cloud = pair.inside & cloud
    if min(np.count_nonzero(shadow), np.count_nonzero(clear)) < SHADOW_PX:
        return False
    landsat = _standard(pair.landsat, pair.inside)
    weights = _discriminant(landsat[:, cloud], landsat[:, pair.inside & ~cloud])
    if weights is None:
        return False
    bright, dark, ground = (
        float(weights @ landsat[:, where].mean(axis=1, dtype=np.float64)) for where in (cloud, shadow, clear)
    )
    return dark - ground > CLOUDY_SHADOW * (bright - ground)


def _agreed(peaks: list[list[Peak]], pixel_m: float) -> Displacement:
    """The mean of the peaks, accepted where they agree."""
    best = [found[0] for found in peaks]
    spread = max(found[0].distance(other) for found in peaks for other in found[1:]) * pixel_m
    apart = _apart(peaks) * pixel_m
    x = sum(peak.column for peak in best) / len(best) * pixel_m
    y = -sum(peak.row for peak in best) / len(best) * pixel_m
    reason = "disagree" if apart > AGREE_M else "spread" if spread > SPREAD_M else "accepted"
    return Displacement(
        shift_x_m=round(x, 1),
        shift_y_m=round(y, 1),
        spread_m=round(spread, 1),
        accepted=reason == "accepted",
        reason=reason,
    )


def _apart(peaks: list[list[Peak]]) -> float:
    """Pixels between those of the whole footprint that are farthest apart."""
    return max(a[0].distance(b[0]) for a in peaks for b in peaks)


def _refined(pair: Coarse, cloud: Flags, found: Displacement, largest_m: float) -> Displacement:
    """The displacement near ``found`` at which the scene's bands tell Landsat's mask best."""
    parts, pixel_m = quadrants(pair.inside), pair.pixel_m
    around = round(-found.shift_y_m / pixel_m), round(found.shift_x_m / pixel_m)
    shifts = Shifts(parts, round(NEAR_M / pixel_m), around)
    surface = multiple_correlation(pair.planet, cloud.astype(np.float32), parts, shifts)
    peak = peak_of(surface, np.ones(surface.shape, bool))
    x, y = (around[1] + peak.column) * pixel_m, -(around[0] + peak.row) * pixel_m
    if math.hypot(x - found.shift_x_m, y - found.shift_y_m) > AGREE_M:
        return replace(found, accepted=False, reason="disagree")
    length = math.hypot(x, y)
    reason = "too_small" if length < SMALLEST_M else "too_large" if length > largest_m else "accepted"
    return replace(
        found, shift_x_m=round(x, 1), shift_y_m=round(y, 1), accepted=reason == "accepted", reason=reason
    )


def _means(image: npt.NDArray[Any], step: int) -> Floats:
    """Means of ``step`` x ``step`` pixels of (..., h, w); what is left over at the far edges is cut off."""
    height, width = (n // step * step for n in image.shape[-2:])
    corners = [(row, column) for row in range(step) for column in range(step)]
    parts = [image[..., r:height:step, c:width:step].astype(np.float32) for r, c in corners]
    return np.asarray(sum(parts) / np.float32(len(parts)), np.float32)


def _standard(bands: Floats, inside: Flags) -> Floats:
    """Bands (4, h, w) with zero mean and unit variance over ``inside``."""
    values = bands[:, inside].astype(np.float64)
    mean, spread = values.mean(axis=1), np.maximum(values.std(axis=1), 1e-9)
    return np.asarray((bands - mean[:, None, None]) / spread[:, None, None], np.float32)


def _discriminant(cloud: Floats, clear: Floats) -> Floats | None:
    """Weights (4,) of the bands that best tell ``cloud`` (4, n) from ``clear`` (4, m)."""
    if min(cloud.shape[1], clear.shape[1]) < 2:
        return None
    within = _covariance(cloud) + _covariance(clear) + 1e-3 * np.eye(len(cloud))
    weights = np.linalg.solve(within, cloud.mean(axis=1) - clear.mean(axis=1))
    total = float(np.abs(weights).sum())
    return np.asarray(weights / total, np.float32) if np.isfinite(total) and total > 1e-9 else None


def _covariance(values: Floats) -> npt.NDArray[np.float64]:
    """Of (b, n), (b, b); by einsum, whose sums do not depend on threads."""
    off = values - values.mean(axis=1, dtype=np.float64, keepdims=True)
    return np.asarray(np.einsum("in,jn->ij", off, off) / (values.shape[1] - 1))


def _grown(mask: Flags) -> Flags:
    """``mask`` (h, w) grown by a pixel in a square window."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(mask, 1), (3, 3))
    return np.asarray(windows.any(axis=(2, 3)))
