"""Read a scene once, from top to bottom, and hand out the rows of the network's grid over it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypedDict, TypeVar

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.errors import InputError
from catfast.mask.counts import Counts
from catfast.mask.tiling import Axis
from catfast.mask.waiting import Waiting
from catfast.mask.windows import Windows
from catfast.planet import Scene
from catfast.raster import Memory, Raster, free_large_at_once

Found = TypeVar("Found")

WIDE = 16384
"""Columns of a scene from which on no row is made ahead of its need, for it would be held twice, and arrays
go back to the system at once: what glibc keeps of them adds up."""


class _At(TypedDict):
    """The first rows and columns of network pixels to make, and of the scene pixels at hand."""

    first_row: int
    src_row: int
    first_column: int
    src_column: int


class SceneRows:
    """Turns windows of a scene into reflectance on the network's grid.

    The next window is read by a thread of its own while this one is resampled, by another one, and all of
    that while the rows before go through the network.
    """

    def __init__(
        self,
        raster: Raster,
        scene: Scene,
        down: Axis,
        across: Axis,
        *,
        guided: bool = False,
        windows: Windows | None = None,
    ) -> None:
        self._raster = raster
        self._scene = scene
        self._down = down
        self._across = across
        self._gain = np.array(scene.gain, dtype=np.float64)
        self._offset = np.array(scene.offset, dtype=np.float32)[:, None, None]
        self._guided = guided
        kept = 4 * len(scene.bands) / (down.factor * across.factor) + (3 if guided else 1)
        self._windows = windows or Windows.plan(raster.info, len(scene.bands), kept=kept)
        self._spans = iter(self._windows.rows)
        self._dtype = np.dtype(np.uint16 if raster.info.dtype == "uint16" else np.float32)
        self._left = Counts.empty((len(scene.bands), 0, across.scene), self._dtype)
        self._reflectance: Waiting[np.float32] = Waiting()
        self._made = self._taken = 0  # network rows
        self._validity: Waiting[np.uint8] = Waiting()
        self._brightness: Waiting[np.uint16] = Waiting()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catfast-read")
        self._resampler = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catfast-resample")
        self.wide = across.scene > WIDE
        if self.wide:
            free_large_at_once()
        self._memory = Memory()
        self._pixels = self._prefetched()
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
        self._taken += count
        while self._made < self._taken:
            self._read(*next(self._spans))
        return self._reflectance.take(count)

    def take_validity(self, count: int) -> npt.NDArray[np.uint8]:
        """The next ``count`` scene rows of the valid mask, (count, width): 1 where a pixel was seen."""
        return self._validity.take(count)

    def take_brightness(self, count: int) -> npt.NDArray[np.uint16]:
        """The next ``count`` scene rows of what edges follow, (count, width): see ``_core.brightness``."""
        return self._brightness.take(count)

    def _prefetched(self) -> Iterator[npt.NDArray[Any]]:
        # Taken out before it is handed over: a future kept here would hold on to pixels already resampled.
        reading: deque[Future[npt.NDArray[Any]]] = deque()
        for rows in self._windows.rows:
            for columns in self._windows.columns:
                reading.append(
                    self._executor.submit(
                        self._raster.read_window, self._scene.bands, rows, columns, self._memory
                    )
                )
                if len(reading) > 1:
                    yield reading.popleft().result()
        while reading:
            yield reading.popleft().result()

    def _read(self, start: int, stop: int) -> None:
        """Take rows of the scene, and resample what they complete."""
        above, origin = self._left, start - self._left.rows
        first, self._made = self._made, self._down.whole(stop)
        # Rows under the next network row are kept, and likewise columns from one window to the next.
        keep = min(self._down.scene_start(self._made), stop) - origin
        shape = (stop - start, self._across.scene)
        validity, brightness = np.empty(shape, np.uint8), np.empty(shape, np.uint16)
        out = np.empty((len(self._gain), self._made - first, self._across.network), np.float32)
        left = Counts.empty((len(self._gain), stop - origin - keep, self._across.scene), self._dtype)
        beside, column = above.part(slice(0), slice(0)), 0
        for columns in self._windows.columns:
            span = slice(*columns)
            new = self._seen(next(self._pixels), validity[:, span], brightness[:, span])
            new = above.part(slice(None), span).above(new)
            left.put(new.part(slice(keep, None), slice(None)), columns[0])
            counts, src_column = beside.beside(new), columns[0] - beside.columns
            last = self._across.whole(columns[1])
            at = _At(first_row=first, src_row=origin, first_column=column, src_column=src_column)
            _filled(out[:, :, column:last], partial(self._resample, counts, at))
            beside = counts.part(slice(None), slice(self._across.scene_start(last) - src_column, None))
            column = last
        self._left = left
        self._reflectance.add(out)
        self._validity.add(validity)
        if self._guided:
            self._brightness.add(brightness)

    def _seen(
        self, dn: npt.NDArray[Any], validity: npt.NDArray[np.uint8], brightness: npt.NDArray[np.uint16]
    ) -> Counts:
        """Pixels of a window, their validity and their brightness."""
        dn = np.ascontiguousarray(dn, self._dtype)
        seen, infinite = _filled(validity, lambda out: _core.valid_mask(dn, self._scene.nodata, out))
        if infinite:
            raise InputError(
                f"{self._scene.info.path}: expected finite values, found {infinite} infinite pixels"
            )
        self.valid_pixels += seen
        if self._guided:
            blue, green, red = self._gain[:3].tolist()
            offset = float(self._offset[:3].mean())
            _filled(brightness, lambda out: _core.brightness(dn, out, gain=(blue, green, red), offset=offset))
        return Counts(dn, np.ascontiguousarray(validity))

    def _resample(self, counts: Counts, at: _At, out: npt.NDArray[np.float32]) -> None:
        factor = (self._down.factor, self._across.factor)
        _core.resample_area(counts.dn, counts.valid, self._gain, out, factor=factor, **at)
        if self._offset.any():
            out += self._offset


def _filled(part: npt.NDArray[Any], fill: Callable[[npt.NDArray[Any]], Found]) -> Found:
    """What ``fill`` says when it has written all of ``part``; kernels write memory without gaps only."""
    if part.flags.c_contiguous:
        return fill(part)
    own = np.empty(part.shape, part.dtype)
    found = fill(own)
    part[:] = own
    return found
