"""From the 30 m grid that a ground is drawn on to PlanetScope's 3 m, wherever things have moved to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Window", "regrid"]

Floats = npt.NDArray[np.float32]


class Window:
    """A finer grid on top of a periodic coarse one: `size` samples a side, `step` coarse pixels apart.

    `top` and `left` are the coarse coordinates of the first sample's centre; 0 is the middle of the first
    coarse pixel.
    """

    def __init__(self, *, top: float, left: float, step: float, size: int, period: int) -> None:
        self._rows, self._row_index = _weights(top, step, size, period)
        self._columns, self._column_index = _weights(left, step, size, period)

    def __call__(self, field: Floats) -> Floats:
        """Interpolate `field` (..., period, period) to (..., size, size)."""
        part = np.take(np.take(field, self._row_index, axis=-2), self._column_index, axis=-1)
        return np.asarray(self._rows @ part @ self._columns.T, dtype=np.float32)


def regrid(field: Floats, *, top: float, left: float, step: float, size: int) -> Floats:
    """Interpolate a periodic `field` (..., n, n) on one window; see :class:`Window`."""
    return Window(top=top, left=left, step=step, size=size, period=field.shape[-1])(field)


def _weights(first: float, step: float, size: int, period: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return cubic convolution weights (size, k) and the k coarse indexes that they apply to.

    Keys' kernel with a = -1/2 (IEEE Trans. ASSP 29, 1981), the one GDAL and Landsat's own processing use.
    """
    place = first + step * np.arange(size)
    base = np.floor(place).astype(np.int64)
    t = place - base
    taps = np.stack(
        [
            -0.5 * t + t**2 - 0.5 * t**3,
            1 - 2.5 * t**2 + 1.5 * t**3,
            0.5 * t + 2 * t**2 - 1.5 * t**3,
            -0.5 * t**2 + 0.5 * t**3,
        ],
        axis=1,
    )
    start = int(base[0]) - 1
    weights = np.zeros((size, int(base[-1]) + 3 - start), dtype=np.float32)
    for k in range(4):
        weights[np.arange(size), base - 1 - start + k] = taps[:, k]
    return weights, (start + np.arange(weights.shape[1])) % period
