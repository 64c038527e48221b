"""Correlation of two images over all shifts at once, given what does not move.

For every shift d the partial correlation of a target P(x) with a signal S(x - d) is found, the influence of a
few static images B(x) removed from both: what ground, and clouds where Landsat saw them, explain of P counts
for nothing. All sums run over the footprint, in four quadrants, so that each quadrant can be left out for the
price of an addition; and each is transformed in a frame of its own, a fraction of the footprint's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Peak", "Shifts", "multiple_correlation", "partial_correlation", "peak_of", "quadrants"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Spectra = list[npt.NDArray[np.complexfloating]]
"""One a quadrant, (n, rows, columns) each."""

QUADRANTS = 4

SMALLEST = 1e-9
"""Share of the power of a set of images below which a mixture of them is taken for rounding."""


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
        return math.hypot(self.row - other.row, self.column - other.column)


class Shifts:
    """Sums of products over all shifts of up to ``reach`` pixels, by FFT, in a frame around each quadrant.

    Args:
        parts: what :func:`quadrants` gives.
        reach: the largest shift, pixels.
        around: rows and columns that all shifts are counted from.
    """

    def __init__(self, parts: npt.NDArray[np.int8], reach: int, around: tuple[int, int] = (0, 0)) -> None:
        self._parts, self._reach, self._around = parts, reach, around
        self._boxes = [_box(parts == part) for part in range(QUADRANTS)]
        self._sizes = [[_smooth(side.stop - side.start + 2 * reach) for side in box] for box in self._boxes]

    def still(self, images: Floats) -> Spectra:
        """Spectra of images (n, h, w) that stay where they are, of each quadrant alone."""
        cut = [images[:, *box] * (self._parts[box] == part) for part, box in enumerate(self._boxes)]
        return [np.fft.rfft2(each, s=size) for each, size in zip(cut, self._sizes, strict=True)]

    def moved(self, image: Floats) -> Spectra:
        """Spectra of an image (h, w) that is moved, around each quadrant; 0 beyond its edges."""
        edge = self._reach + max(map(abs, self._around))
        padded, wide = np.pad(image, edge), 2 * self._reach
        starts = [
            [edge - self._reach + side.start - far for side, far in zip(box, self._around, strict=True)]
            for box in self._boxes
        ]
        framed = [
            tuple(slice(at, at + n.stop - n.start + wide) for at, n in zip(start, box, strict=True))
            for start, box in zip(starts, self._boxes, strict=True)
        ]
        return [
            np.fft.rfft2(padded[box], s=size)[None] for box, size in zip(framed, self._sizes, strict=True)
        ]

    def sums(self, still: Spectra, moved: Spectra) -> list[Doubles]:
        """Sum over x of still(x) moved(x - d) for every d, (n, 2 reach + 1, 2 reach + 1) a quadrant."""
        count, found = 2 * self._reach + 1, []
        for one, other, (_, width) in zip(still, moved, self._sizes, strict=True):
            rows = np.fft.ifft(np.conj(one) * other, axis=1)[:, :count]
            sums = np.fft.irfft(rows, n=width, axis=2)[:, ::-1, :count][:, :, ::-1]
            found.append(sums.astype(np.float64))
        return found


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
        shifts: for these parts.

    Returns:
        (5, n, n): of the whole footprint first.
    """
    inside = parts >= 0
    still = _independent(target, [np.ones_like(target), *static], inside)
    images = np.zeros((len(still) + 1, *inside.shape), np.float32)
    images[:-1, inside], images[-1, inside] = still, 1.0
    spectra = shifts.still(images)
    along = shifts.sums([each[:-1] for each in spectra], shifts.moved(signal))
    power = shifts.sums([each[-1:] for each in spectra], shifts.moved(signal * signal))
    owns = [parts[inside] == part for part in range(QUADRANTS)]
    sums = [_Sums(a, p[0], _moments(still[:, own])) for a, p, own in zip(along, power, owns, strict=True)]
    whole = [sums, *([s for s in sums if s is not left] for left in sums)]
    return np.stack([_correlate(kept) for kept in whole])


@dataclass(frozen=True, slots=True)
class _Sums:
    """What is needed of a quadrant; the target comes first, then the static images."""

    along: Doubles
    """(b, n, n): sums of each with the shifted signal."""
    power: Doubles
    """(n, n): sums of the shifted signal squared."""
    gram: Doubles
    """(b, b): sums of their products."""


def multiple_correlation(
    targets: Floats, signal: Floats, parts: npt.NDArray[np.int8], shifts: Shifts
) -> Doubles:
    """How well the shifted signal is told from all targets together: the multiple correlation, (n, n).

    Args:
        targets: (b, h, w); of use inside alone. Each shift has its own best mixture of them.
        signal: S, (h, w), everywhere finite.
        parts: what :func:`quadrants` gives.
        shifts: for these parts.
    """
    inside = parts >= 0
    centred = [image - image[inside].mean(dtype=np.float64) for image in targets]
    images = np.zeros((len(targets) + 1, *inside.shape), np.float32)
    basis = _orthonormal(np.stack([image[inside] for image in centred]).astype(np.float64))
    images[: len(basis), inside], images[-1, inside] = basis, 1.0
    spectra = shifts.still(images)
    along = np.stack(shifts.sums(spectra, shifts.moved(signal))).sum(axis=0)
    squares = shifts.moved(signal * signal)
    power = np.stack(shifts.sums([each[-1:] for each in spectra], squares)).sum(axis=(0, 1))
    left = power - along[-1] ** 2 / np.count_nonzero(inside)
    return np.asarray(np.sqrt((along[:-1] ** 2).sum(axis=0) / np.maximum(left, 1e-12)))


def peak_of(surface: Doubles, allowed: Flags) -> Peak:
    """The largest value where ``allowed``, refined by a parabola each way."""
    reach = surface.shape[0] // 2
    masked = np.where(allowed, surface, -np.inf)
    row, column = np.unravel_index(int(np.argmax(masked)), masked.shape)
    around = surface[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    down = across = 0.0
    if around.shape == (3, 3):
        down, across = _vertex(around[:, 1]), _vertex(around[1])
    return Peak(float(row - reach + down), float(column - reach + across), float(masked[row, column]))


def _correlate(kept: Sequence[_Sums]) -> Doubles:
    """The partial correlation over some quadrants, from their sums."""
    gram, along = (np.sum([getattr(each, name) for each in kept], axis=0) for name in ("gram", "along"))
    weights = np.linalg.pinv(gram[1:, 1:], hermitian=True)
    explained = np.einsum("ij,jyx->iyx", weights, along[1:])
    product = along[0] - np.einsum("i,iyx->yx", gram[0, 1:], explained)
    power = np.sum([each.power for each in kept], axis=0)
    left = power - (along[1:] * explained).sum(axis=0)
    energy = max(float(gram[0, 0] - gram[0, 1:] @ weights @ gram[1:, 0]), 1e-12)
    # A signal that the static images explain altogether says nothing.
    usable = left > 1e-3 * power.max()
    return np.asarray(np.where(usable, product / np.sqrt(np.maximum(left, 1e-12) * energy), 0.0))


def _independent(target: Floats, static: Sequence[Floats], inside: Flags) -> Doubles:
    """What static images leave of the target, then orthonormal images of their span, (b, n inside)."""
    values = np.stack([image[inside] for image in static]).astype(np.float64)
    basis = _orthonormal(values)
    rest = target[inside].astype(np.float64)
    rest -= np.einsum("b,bn->n", np.einsum("bn,n->b", basis, rest), basis)
    return np.concatenate([rest[None], basis])


def _orthonormal(values: Doubles) -> Doubles:
    """Orthonormal images of the span of ``values`` (b, n), as many or fewer."""
    power, axes = np.linalg.eigh(_moments(values))
    kept = power > SMALLEST * power[-1]
    return np.asarray((axes[:, kept] / np.sqrt(power[kept])).T @ values)


def _moments(values: Doubles) -> Doubles:
    """Sums of products of images (b, n), (b, b); by einsum, whose sums do not depend on threads."""
    return np.asarray(np.einsum("in,jn->ij", values, values))


def _box(mask: Flags) -> tuple[slice, slice]:
    """Rows and columns that a mask (h, w) lies in; one pixel where it is empty."""
    found = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    rows, columns = (slice(int(n[0]), int(n[-1]) + 1) if len(n) else slice(0, 1) for n in found)
    return rows, columns


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
