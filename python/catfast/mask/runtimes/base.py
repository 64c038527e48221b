"""What all runtimes have in common."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import numpy.typing as npt

from catfast.errors import Notice

Tiles = npt.NDArray[np.float32]

MOST_AT_ONCE = 4
"""Tiles that are in the network at once on a processor, at most: each takes memory of its own."""


class Runtime(Protocol):
    """Runs a network on normalised tiles."""

    @property
    def name(self) -> str:
        """What runs it, and in which numbers."""
        ...

    def predict(self, tiles: Tiles) -> Tiles:
        """Class probabilities, (n, classes, h, w) float32, of tiles (n, bands, h, w) float32."""
        ...

    def submit(self, tiles: Tiles) -> Future[Tiles]:
        """:meth:`predict` in the background."""
        ...

    def notices(self) -> tuple[Notice, ...]:
        """What the user should know of since the last call."""
        ...


class TileRuntime:
    """Runs tiles one by one, several at a time: results then cannot depend on the batch size.

    Threads work on tiles of their own rather than on parts of one: they never wait for each other.
    """

    def __init__(self, at_once: int) -> None:
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix="catfast-network")
        self._groups = ThreadPoolExecutor(2, thread_name_prefix="catfast-tiles")

    def predict(self, tiles: Tiles) -> Tiles:
        """See :class:`Runtime`."""
        return np.concatenate(list(self._workers.map(self._answer, np.split(tiles, len(tiles)))))

    def submit(self, tiles: Tiles) -> Future[Tiles]:
        """See :class:`Runtime`."""
        return self._groups.submit(self.predict, tiles)

    def notices(self) -> tuple[Notice, ...]:
        """See :class:`Runtime`."""
        return ()

    def _answer(self, tile: Tiles) -> Tiles:
        """Probabilities of a single tile, called by several threads."""
        raise NotImplementedError
