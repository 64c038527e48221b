"""Percentile intervals over scenes: scenes are drawn with replacement, their pixel counts pooled anew.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. All contenders see the same
draws, so that differences between them are paired.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catfast.evaluate.scores import one_class

__all__ = ["Resampler", "interval"]

LEVEL = 0.95
"""Share of samples inside an interval."""

_CHUNK = 256


class Resampler:
    """Draws of scenes, the same for every contender."""

    def __init__(self, scenes: int, samples: int, seed: int) -> None:
        self._scenes = scenes
        self.samples = samples
        """How many draws."""
        self.seed = seed
        """Of the generator."""

    def pooled(self, units: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sums of ``units`` (scenes, c, c) over each draw: (samples, c, c); none of fewer than two scenes."""
        flat = units.reshape(self._scenes, -1)
        rng = np.random.default_rng(self.seed)
        samples = self.samples if self._scenes > 1 else 0
        even = np.full(self._scenes, 1 / max(self._scenes, 1))
        parts = [np.zeros((0, flat.shape[1]))]
        for start in range(0, samples, _CHUNK):
            times = rng.multinomial(self._scenes, even, size=min(_CHUNK, samples - start))
            parts.append(times @ flat)
        return np.concatenate(parts).reshape(-1, *units.shape[1:])

    def scores(self, units: npt.NDArray[np.float64], index: int) -> dict[str, npt.NDArray[np.float64]]:
        """Figures of one class, (samples,) each, of units (scenes, c, c)."""
        return one_class(self.pooled(units), index)


def interval(samples: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Low and high end of the middle 95 %; NaN where no sample has the figure."""
    known = samples[np.isfinite(samples)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
