"""Correlation of two images over all shifts at once, given what does not move.

For every shift d the partial correlation of a target P(x) with a signal S(x - d) is found, the influence of a
few static images B(x) removed from both: what ground, and clouds where Landsat saw them, explain of P counts
for nothing. All sums run over the footprint, in four quadrants, so that each quadrant can be left out for the
price of an addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Peak", "Shifts", "partial_correlation", "peak_of", "quadrants"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

QUADRANTS = 4


@dataclass(frozen=True, slots=True)
class Peak:
    """Where a correlation is largest."""

    row: float
    """Pixels down, parts of a pixel included."""
    column: float
    """Pixels to the right."""
    height: float
    """The correlation there."""

    def distance(self, other: Peak) -> float:
        """Pixels between two peaks."""
        return float(np.hypot(self.row - other.row, self.column - other.column))


class Shifts:
    """Sums of products over all shifts of up to ``reach`` pixels, by FFT.

    Args:
        shape: rows and columns of the images.
        reach: the largest shift, pixels.
    """

    def __init__(self, shape: tuple[int, int], reach: int) -> None:
        self.reach = reach
        self._size = tuple(_smooth(n + reach) for n in shape)
        steps = np.arange(-reach, reach + 1)
        self._pick = np.ix_(*(steps % n for n in self._size))

    def spectrum(self, image: Floats) -> npt.NDArray[np.complexfloating]:
        """The spectrum of an image, padded so that shifts do not wrap."""
        return np.fft.rfft2(image, s=self._size)

    def sums(self, still: npt.NDArray[np.complexfloating], moved: npt.NDArray[np.complexfloating]) -> Doubles:
        """Sum over x of still(x) moved(x - d) for every d, (2 reach + 1, 2 reach + 1), from spectra."""
        product = np.fft.irfft2(still * np.conj(moved), s=self._size)
        return product[self._pick].astype(np.float64)


def quadrants(inside: Flags) -> npt.NDArray[np.int8]:
    """Which of four parts with alike areas each pixel is in, -1 outside."""
    rows, columns = np.nonzero(inside)
    part = (rows > np.median(rows)).astype(np.int8) * 2 + (columns > np.median(columns))
    found = np.full(inside.shape, -1, np.int8)
    found[rows, columns] = part
    return found


def partial_correlation(
    target: Floats, signal: Floats, static: Sequence[Floats], parts: npt.NDArray[np.int8], shifts: Shifts
) -> Doubles:
    """Partial correlation of ``target`` and the shifted ``signal``, whole and with each quadrant left out.

    Args:
        target: P, (h, w); of use inside alone.
        signal: S, (h, w), everywhere finite.
        static: images (h, w) whose influence is removed; a constant is always among them.
        parts: what :func:`quadrants` gives.
        shifts: for images of this shape.

    Returns:
        (5, n, n): of the whole footprint first.
    """
    inside = parts >= 0
    basis = _orthonormal([np.ones_like(target), *static], inside)
    rest = _residual(target, basis, inside)
    moved, power = shifts.spectrum(signal), shifts.spectrum(signal * signal)
    dot, square, along, rests = [], [], [], []
    for part in range(QUADRANTS):
        here = parts == part
        dot.append(shifts.sums(shifts.spectrum(rest * here), moved))
        square.append(shifts.sums(shifts.spectrum(here.astype(np.float32)), power))
        along.append([shifts.sums(shifts.spectrum(b * here), moved) for b in basis])
        rests.append(_moments(rest[here], [b[here] for b in basis]))
    chosen = [tuple(range(QUADRANTS))]
    chosen += [tuple(k for k in range(QUADRANTS) if k != left) for left in range(QUADRANTS)]
    return np.stack([_correlate(dot, square, along, rests, kept) for kept in chosen])


def peak_of(surface: Doubles, allowed: Flags) -> Peak:
    """The largest value where ``allowed``, refined by a parabola each way."""
    reach = surface.shape[0] // 2
    masked = np.where(allowed, surface, -np.inf)
    row, column = np.unravel_index(int(np.argmax(masked)), masked.shape)
    around = surface[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    down = across = 0.0
    if around.shape == (3, 3):
        down, across = _vertex(around[:, 1]), _vertex(around[1])
    return Peak(row - reach + down, column - reach + across, float(masked[row, column]))


def _correlate(
    dot: Sequence[Doubles],
    square: Sequence[Doubles],
    along: Sequence[Sequence[Doubles]],
    rests: Sequence[tuple[float, Doubles, Doubles]],
    kept: tuple[int, ...],
) -> Doubles:
    """The partial correlation over some quadrants, from their sums."""
    gram = np.sum([rests[k][2] for k in kept], axis=0)
    cross = np.sum([rests[k][1] for k in kept], axis=0)
    inverse = np.linalg.pinv(gram, hermitian=True)
    sums = np.stack([np.sum([along[k][b] for k in kept], axis=0) for b in range(len(gram))])
    weights = np.tensordot(inverse, sums, axes=1)
    product = np.sum([dot[k] for k in kept], axis=0) - np.tensordot(cross, weights, axes=1)
    own = np.sum([square[k] for k in kept], axis=0)
    left = own - (sums * weights).sum(axis=0)
    energy = max(sum(rests[k][0] for k in kept) - float(cross @ inverse @ cross), 1e-12)
    # A signal that the static images explain altogether says nothing.
    usable = left > 1e-3 * own.max()
    return np.asarray(np.where(usable, product / np.sqrt(np.maximum(left, 1e-12) * energy), 0.0))


def _orthonormal(images: Sequence[Floats], inside: Flags) -> list[Floats]:
    """Images with the same span, orthonormal over ``inside`` and 0 outside."""
    columns = np.stack([image[inside] for image in images], axis=1).astype(np.float64)
    columns[:, 1:] -= columns[:, 1:].mean(axis=0)
    left, values, _ = np.linalg.svd(
        columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-9), full_matrices=False
    )
    found = []
    for column in left[:, values > 1e-4].T:
        image = np.zeros(inside.shape, np.float32)
        image[inside] = column
        found.append(image)
    return found


def _residual(target: Floats, basis: Sequence[Floats], inside: Flags) -> Floats:
    values = target[inside].astype(np.float64)
    values -= values.mean()
    for image in basis:
        column = image[inside].astype(np.float64)
        values -= column * (column @ values)
    rest = np.zeros(inside.shape, np.float32)
    rest[inside] = values
    return rest


def _moments(rest: Floats, basis: Sequence[Floats]) -> tuple[float, Doubles, Doubles]:
    columns = np.stack(basis).astype(np.float64)
    values = rest.astype(np.float64)
    return float(values @ values), columns @ values, columns @ columns.T


def _vertex(values: Doubles) -> float:
    """Where, from the middle of three, the parabola through them is highest, at most half a step away."""
    bend = values[0] - 2 * values[1] + values[2]
    return float(np.clip(0.5 * (values[0] - values[2]) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _smooth(size: int) -> int:
    """The smallest size from ``size`` on that is a product of 2, 3 and 5: quick to transform."""
    while True:
        left = size
        for prime in (2, 3, 5):
            while left % prime == 0:
                left //= prime
        if left == 1:
            return size
        size += 1
