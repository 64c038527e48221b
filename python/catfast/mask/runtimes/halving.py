"""Batches that get smaller where the memory does not hold them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from catfast.errors import Notice, UsageError
from catfast.mask.runtimes.base import Tiles

SIGNS = ("out of memory", "can't allocate memory", "not enough memory")
"""How torch words it: CUDA and Apple GPUs, and processors on Linux and Windows."""


class Halving:
    """Calls ``run`` with batches of tiles, half as large from the first time on that memory runs out.

    Args:
        run: from tiles (n, bands, h, w) to answers (n, classes, h, w).
        release: called after memory ran out, before the next try.
    """

    def __init__(self, run: Callable[[Tiles], Tiles], release: Callable[[], None] = lambda: None) -> None:
        self._run = run
        self._release = release
        self._most: int | None = None
        self._told: int | None = None

    def __call__(self, tiles: Tiles) -> Tiles:
        """Answers to all tiles.

        Raises:
            UsageError: not a single tile fits into memory.
        """
        answers: list[Tiles] = []
        done = 0
        while done < len(tiles):
            part = tiles[done : done + (self._most or len(tiles))]
            answer = self._try(part)
            if answer is None:
                self._halve(part)
                continue
            answers.append(answer)
            done += len(part)
        return answers[0] if len(answers) == 1 else np.concatenate(answers)

    def notices(self) -> tuple[Notice, ...]:
        """``batch_halved`` where batches became smaller since the last call."""
        if self._most == self._told:
            return ()
        self._told = self._most
        fits = f"memory ran out: batches were halved until {self._most} fit, and stay so (--batch-size)"
        return (Notice("batch_halved", fits),)

    def _try(self, part: Tiles) -> Tiles | None:
        """The answer, None where memory ran out: the traceback, which holds on to memory, is gone by then."""
        try:
            return self._run(part)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in SIGNS):
                return None
            raise

    def _halve(self, part: Tiles) -> None:
        self._release()
        if len(part) == 1:
            size = f"{part.shape[2]} x {part.shape[3]} pixels"
            raise UsageError(f"one tile of {size} does not fit into memory: try --device cpu")
        # Another thread may have found less to fit meanwhile.
        self._most = min(self._most or len(part), len(part) // 2)
