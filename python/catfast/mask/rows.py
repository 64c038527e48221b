"""Read a scene once, from top to bottom, and hand out the rows of the network's grid over it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.errors import InputError
from catfast.mask.tiling import Axis
from catfast.planet import Scene
from catfast.raster import Raster

Pixel = TypeVar("Pixel", bound=np.generic)

CHUNK_ROWS = 256
"""Rows a read, rounded up to whole TIFF blocks."""

WIDE = 16384
"""Columns of a scene from which on nothing is made ahead of its need: its rows would be held twice."""

SLICE_ROWS = 64
"""Rows of such a scene that are worked on at once."""


class SceneRows:
    """Turns bands of scene rows into reflectance on the network's grid.

    The next band is read by a thread of its own while this one is resampled, by another one, and all of that
    while the rows before go through the network.
    """

    def __init__(
        self, raster: Raster, scene: Scene, down: Axis, across: Axis, *, guided: bool = False
    ) -> None:
        self._raster = raster
        self._scene = scene
        self._down = down
        self._across = across
        self._gain = np.array(scene.gain, dtype=np.float64)
        self._offset = np.array(scene.offset, dtype=np.float32)[:, None, None]
        self._nodata = scene.nodata
        self._dn: npt.NDArray[Any] = np.empty((len(scene.bands), 0, across.scene), np.uint16)
        self._valid = np.empty((0, across.scene), np.uint8)
        self._first = 0  # scene row of _dn[:, 0]
        self._next_network = 0
        self._validity: deque[npt.NDArray[np.uint8]] = deque()
        self._guided = guided
        self._brightness: deque[npt.NDArray[np.uint16]] = deque()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catfast-read")
        self._resampler = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catfast-resample")
        self.wide = across.scene > WIDE
        self._chunks = self._prefetched(self._spans())
        self.valid_pixels = 0

    def close(self) -> None:
        """End the threads."""
        self._resampler.shutdown(wait=True, cancel_futures=True)
        self._executor.shutdown(wait=True, cancel_futures=True)

    def order(self, count: int) -> Future[npt.NDArray[np.float32]]:
        """:meth:`take` in the background, once what was ordered before is there."""
        return self._resampler.submit(self.take, count)

    def take(self, count: int) -> npt.NDArray[np.float32]:
        """The next ``count`` network rows: reflectance (bands, count, width), NaN where nothing was seen.

        Raises:
            InputError: the scene cannot be read, or holds infinite values.
        """
        first, stop = self._next_network, self._next_network + count
        out = np.empty((len(self._gain), count, self._across.network), np.float32)
        while self._next_network < stop:
            self._read_until(self._down.scene_end(self._next_network + 1))
            whole = self._whole_network_rows(stop)
            out[:, self._next_network - first : whole - first] = self._resample(whole)
            self._next_network = whole
            self._drop_until(math.floor(whole * self._down.factor))
        return out

    def take_validity(self, count: int) -> npt.NDArray[np.uint8]:
        """The next ``count`` scene rows of the valid mask, (count, width): 1 where a pixel was seen."""
        return _take(self._validity, count)

    def take_brightness(self, count: int) -> npt.NDArray[np.uint16]:
        """The next ``count`` scene rows of what edges follow, (count, width): see ``_core.brightness``."""
        return _take(self._brightness, count)

    def _spans(self) -> Iterator[tuple[int, int]]:
        block = self._raster.info.block_rows
        step = math.ceil(CHUNK_ROWS / block) * block
        for start in range(0, self._down.scene, step):
            yield start, min(start + step, self._down.scene)

    def _prefetched(self, spans: Iterator[tuple[int, int]]) -> Iterator[npt.NDArray[Any]]:
        # Taken out before it is handed over: a future kept here would hold on to rows already resampled.
        reading: deque[Future[npt.NDArray[Any]]] = deque()
        for span in spans:
            reading.append(self._executor.submit(self._raster.read_rows, self._scene.bands, *span))
            if self.wide:
                yield from _slices(reading.popleft().result())
            elif len(reading) > 1:
                yield reading.popleft().result()
        while reading:
            yield reading.popleft().result()

    def _read_until(self, row: int) -> None:
        """Hold all scene rows before ``row`` that are still needed."""
        while self._first + self._dn.shape[1] < row:
            dn = next(self._chunks)
            if dn.dtype != np.uint16:
                dn = dn.astype(np.float32)
            valid = np.empty(dn.shape[1:], np.uint8)
            seen, infinite = _core.valid_mask(dn, self._nodata, valid)
            if infinite:
                raise InputError(
                    f"{self._scene.info.path}: expected finite values, found {infinite} infinite pixels"
                )
            self.valid_pixels += seen
            if self._guided:
                self._brightness.append(self._bright(dn))
            self._validity.append(valid)
            self._dn = np.concatenate([self._dn, dn], axis=1) if self._dn.size else dn
            self._valid = np.concatenate([self._valid, valid]) if self._valid.size else valid

    def _bright(self, dn: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
        out = np.empty(dn.shape[1:], np.uint16)
        blue, green, red = self._gain[:3].tolist()
        _core.brightness(dn, out, gain=(blue, green, red), offset=float(self._offset[:3].mean()))
        return out

    def _whole_network_rows(self, stop: int) -> int:
        """End of the network rows, at most ``stop``, whose scene rows are all held."""
        held = self._first + self._dn.shape[1]
        if held >= self._down.scene:
            return stop
        whole = self._next_network
        while whole < stop and self._down.scene_end(whole + 1) <= held:
            whole += 1
        return whole

    def _resample(self, stop: int) -> npt.NDArray[np.float32]:
        out = np.empty((len(self._gain), stop - self._next_network, self._across.network), np.float32)
        _core.resample_area(
            self._dn,
            self._valid,
            self._gain,
            out,
            factor=(self._down.factor, self._across.factor),
            first_row=self._next_network,
            src_row=self._first,
        )
        if self._offset.any():
            out += self._offset
        return out

    def _drop_until(self, row: int) -> None:
        drop = min(row - self._first, self._dn.shape[1])
        # Copies: the few rows that are left would hold on to all that were read with them.
        self._dn = self._dn[:, drop:].copy()
        self._valid = self._valid[drop:].copy()
        self._first += drop


def _slices(chunk: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    for start in range(0, chunk.shape[1], SLICE_ROWS):
        yield chunk[:, start : start + SLICE_ROWS].copy()


def _take(rows: deque[npt.NDArray[Pixel]], count: int) -> npt.NDArray[Pixel]:
    """The first ``count`` rows (count, width) of those that wait."""
    parts, missing = [], count
    while missing:
        first = rows.popleft()
        if len(first) > missing:
            rows.appendleft(first[missing:])
            first = first[:missing]
        parts.append(first)
        missing -= len(first)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
