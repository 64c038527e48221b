"""Seeded random numbers as arrays of numpy or torch: the one thing the array API standard leaves out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace

__all__ = ["Array", "Draws"]

Array = Any
"""An array of the namespace in use: ``numpy.ndarray`` or ``torch.Tensor``, float32 unless said otherwise."""

_COLUMN = (1, 1)


class Draws:
    """Random numbers of one seed, as float32 arrays of one namespace on one device.

    The same seed gives the same numbers within one namespace and device; numpy and torch differ.

    Args:
        seed: a non-negative integer.
        xp: the ``numpy`` (default) or ``torch`` module.
        device: a torch device, e.g. ``"cuda"``; must be None or "cpu" for numpy.

    Raises:
        ValueError: another device was named for numpy.
    """

    def __init__(self, seed: int, xp: Any = None, device: Any = None) -> None:
        xp = np if xp is None else xp
        self._numpy = xp.__name__.endswith("numpy")
        if self._numpy and device not in (None, "cpu"):
            raise ValueError(f"numpy works on the CPU alone, but the device asked for is {device!r}")
        self.xp: Any = array_namespace(xp.zeros(1))
        """The array API namespace (that of array-api-compat)."""
        self.device: Any = None if self._numpy else device
        if self._numpy:
            self._generator: Any = np.random.Generator(np.random.SFC64(seed))
        else:
            self._generator = xp.Generator(device=device or "cpu").manual_seed(seed)

    def array(self, values: Any) -> Array:
        """Return `values` as a float32 array of this namespace and device."""
        return self.xp.asarray(values, dtype=self.xp.float32, device=self.device)

    def normal(self, shape: Sequence[int]) -> Array:
        """Return standard normal numbers."""
        if self._numpy:
            return self._generator.standard_normal(tuple(shape), dtype=np.float32)
        return self.xp.randn(tuple(shape), generator=self._generator, device=self.device)

    def unit(self, shape: Sequence[int]) -> Array:
        """Return numbers uniform in [0, 1)."""
        if self._numpy:
            return self._generator.random(tuple(shape), dtype=np.float32)
        return self.xp.rand(tuple(shape), generator=self._generator, device=self.device)

    def uniform(self, count: int, low: float, high: float, tail: Sequence[int] = _COLUMN) -> Array:
        """Return `count` numbers uniform in [low, high), shaped (count, *tail) to broadcast over pixels."""
        return self.unit((count, *tail)) * (high - low) + low

    def log_uniform(self, count: int, low: float, high: float, tail: Sequence[int] = _COLUMN) -> Array:
        """Return `count` numbers whose logarithm is uniform, shaped (count, *tail)."""
        return self.xp.exp(self.uniform(count, math.log(low), math.log(high), tail))

    def chance(self, count: int, share: float, tail: Sequence[int] = _COLUMN) -> Array:
        """Return 1.0 for about `share` of `count` scenes and 0.0 for the rest, shaped (count, *tail)."""
        return self.xp.astype(self.unit((count, *tail)) < share, self.xp.float32)

    def pick(self, weights: Sequence[float], shape: Sequence[int]) -> Array:
        """Return int64 indexes into `weights`, each drawn with a chance in proportion to its weight."""
        steps = np.cumsum(np.asarray(weights, dtype=np.float64))
        edges = self.array(steps[:-1] / steps[-1])
        above = self.unit(tuple(shape))[..., None] >= edges
        return self.xp.sum(self.xp.astype(above, self.xp.int64), axis=-1)
