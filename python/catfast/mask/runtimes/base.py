"""What all runtimes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from catfast.errors import InputError, Notice
from catfast.models.spec import ONNX_NAME, ModelConfig

Tiles = npt.NDArray[np.float32]

MOST_AT_ONCE = 4
"""Tiles that are in the network at once on a processor, at most: each takes memory of its own."""


def reason(error: Exception) -> str:
    """The error of a network's library on one line, and no longer than a sentence."""
    return " ".join(str(error).split())[:300]


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


class TileRuntime(ABC):
    """Runs tiles one by one, several at a time: results then cannot depend on the batch size.

    Threads work on tiles of their own rather than on parts of one: they never wait for each other.
    """

    def __init__(self, folder: Path, at_once: int) -> None:
        self._path = folder / ONNX_NAME
        config = ModelConfig.load(folder)
        self._bands, self._classes = len(config.bands), len(config.classes)
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix="catfast-network")
        self._groups = ThreadPoolExecutor(2, thread_name_prefix="catfast-tiles")

    def predict(self, tiles: Tiles) -> Tiles:
        """See :class:`Runtime`.

        Raises:
            InputError: the graph cannot be run, or its answer is not one.
        """
        return np.concatenate(list(self._workers.map(self._checked, np.split(tiles, len(tiles)))))

    def submit(self, tiles: Tiles) -> Future[Tiles]:
        """See :class:`Runtime`."""
        return self._groups.submit(self.predict, tiles)

    def notices(self) -> tuple[Notice, ...]:
        """See :class:`Runtime`."""
        return ()

    def _checked(self, tile: Tiles) -> Tiles:
        try:
            answer = self._answer(tile)
        except Exception as error:  # the libraries raise bare classes of their own
            raise InputError(f"{self._path}: cannot be run: {reason(error)}") from error
        expected = (len(tile), self._classes, *tile.shape[2:])
        if answer.shape != expected or answer.dtype != np.float32 or not np.isfinite(answer).all():
            raise InputError(
                f"{self._path}: expected finite float32 answers of shape {expected}, found "
                f"{answer.dtype} of shape {answer.shape}"
            )
        return answer

    @abstractmethod
    def _answer(self, tile: Tiles) -> Tiles:
        """Probabilities of a single tile, called by several threads."""
