"""Memory for one window after another: large arrays come from the system as zeroed pages, which is slow."""

from __future__ import annotations

import ctypes
import math
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

_M_MMAP_THRESHOLD = -3
"""glibc's malloc.h."""

_LARGE = 4 << 20
"""Bytes of an array that goes back to the system at once."""


def free_large_at_once() -> None:
    """Have large arrays go back to the system as soon as nobody uses them, from now on.

    glibc alone keeps those up to 32 MB for later, each thread for itself, and they seldom fit again. Costs
    some time, as each new array is zeroed by the system. Does nothing with another C library.
    """
    try:
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
    except (AttributeError, OSError, TypeError):
        return


class Memory:
    """Gives out arrays; what held one that nobody uses any more, nor any part of it, holds the next."""

    def __init__(self) -> None:
        self._free: list[npt.NDArray[np.uint8]] = []

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """An array whose values are not set, as ``numpy.empty`` makes it."""
        size = math.prod(shape) * dtype.itemsize
        block = self._taken(size)
        # numpy holds a view's memory by the last array that has it from something else than an array, which
        # is this one: it lives as long as any part of it.
        whole = np.frombuffer(block.data, np.uint8)
        weakref.finalize(whole, self._free.append, block).atexit = False
        return whole.view(dtype).reshape(shape)

    def _taken(self, size: int) -> npt.NDArray[np.uint8]:
        while self._free:
            block = self._free.pop()
            if block.size == size:
                return block
        return np.empty(size, np.uint8)
