"""Run the network over a scene by rows of tiles, blend, and bring classes back to the scene's grid."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import BANDS
from catfast.mask.rows import SceneRows
from catfast.mask.runtimes import Runtime, Tiles
from catfast.mask.tiling import Axis, Tile, batches, fitted, taper
from catfast.models.spec import ModelConfig

OUT_ROWS = 512
"""Scene rows classified at once, at most."""

OUT_PIXELS = 8 << 20
"""Scene pixels classified at once, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Finished rows of a scene."""

    mask: npt.NDArray[np.uint8]
    """Codes, (n, width)."""
    confidence: npt.NDArray[np.uint8] | None
    """Per cent a class, (classes, n, width), 255 where nothing was seen."""
    counts: npt.NDArray[np.int64]
    """How often each code 0-255 occurs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How probabilities become codes."""

    codes: tuple[int, ...]
    """Code of each class of the model."""
    cloud: int
    """Which class is cloud."""
    threshold: float | None
    """Least cloud probability called cloud; None takes the likeliest class."""
    confidence: bool
    """Whether to give per cents too."""
    guided: bool = False
    """Whether edges follow the image's brightness."""


class Mosaic:
    """Weighted sums of tile answers over one row of tiles and the network rows above it.

    Interpolation to the scene's grid still needs the row above after the tiles that made it are done, and
    guided edges the neighbours of that.
    """

    def __init__(self, classes: int, down: Axis, across: Axis, *, guided: bool = False) -> None:
        self.reach = _core.GUIDE_REACH if guided else 0
        self._above = 1 + 2 * self.reach
        rows = min(down.tile + self._above, down.network)
        self._brightness = np.full((rows, across.network), np.nan, np.float32)
        self._sums = np.zeros((classes, rows, across.network), np.float32)
        self._weights = np.zeros((rows, across.network), np.float32)
        self._halo = down.halo
        self._first = 0
        self._origin = 0

    def move_to(self, origin: int) -> None:
        """Make ``origin`` the first network row of the tiles."""
        self._origin = origin
        step = max(0, origin - self._above) - self._first
        if step == 0:
            return
        for array in (self._sums, self._weights[None], self._brightness[None]):
            array[:, :-step] = array[:, step:].copy()
            array[:, -step:] = 0
        self._first += step

    def add(self, answers: npt.NDArray[np.float32], tiles: Sequence[Tile]) -> None:
        """Blend answers (n, classes, h, w) of as many tiles of one size; rows count from the origin."""
        rows, columns = starts(tiles)
        rows += self._origin - self._first
        height, width = (taper(length, self._halo) for length in tiles[0].size)
        _core.blend_tiles(answers, rows, columns, height, width, self._sums, self._weights)

    def guide(self, reflectance: npt.NDArray[np.float32], end: int) -> None:
        """Take the brightness of the network rows (bands, n, width) before row ``end``."""
        stop = end - self._first
        start = max(0, stop - reflectance.shape[1])
        self._brightness[start:stop] = reflectance[:3, reflectance.shape[1] - (stop - start) :].mean(axis=0)

    def classify(
        self,
        valid: npt.NDArray[np.uint8],
        first_row: int,
        factor: tuple[float, float],
        rules: Rules,
        brightness: npt.NDArray[np.uint16] | None = None,
    ) -> Classified:
        """Codes of the scene rows from ``first_row`` on, one for each row of ``valid``.

        ``brightness`` (n, width) of the same rows draws edges: see ``_core.brightness``.
        """
        mask = np.empty_like(valid)
        confidence = np.empty((len(rules.codes), *valid.shape), np.uint8) if rules.confidence else None
        counts = _core.classify_rows(
            self._sums,
            self._weights,
            valid,
            mask,
            factor=factor,
            first_row=first_row,
            grid_row=self._first,
            codes=np.array(rules.codes, np.uint8),
            threshold=rules.threshold,
            cloud=rules.cloud,
            confidence=confidence,
            guide=None if brightness is None else (brightness, self._brightness),
        )
        return Classified(mask=mask, confidence=confidence, counts=np.array(counts, np.int64))


class Predictor:
    """One scene's way from network rows to classified scene rows."""

    def __init__(
        self, rows: SceneRows, runtime: Runtime, model: ModelConfig, down: Axis, across: Axis, batch_size: int
    ) -> None:
        self._rows = rows
        self._runtime = runtime
        self._model = model
        self._down = down
        self._across = across
        self._batch_size = batch_size
        seen = [BANDS.index(band) for band in model.bands]
        self._bands = slice(None) if model.bands == BANDS else seen
        self._image = np.empty((len(model.bands), min(down.tile, down.network), across.network), np.float32)
        self._origin = 0

    def classified(self, rules: Rules) -> Iterator[tuple[npt.NDArray[np.float32], Classified]]:
        """New network rows (bands, n, width) and the scene rows that became final with them, in order."""
        mosaic = Mosaic(len(rules.codes), self._down, self._across, guided=rules.guided)
        origins = self._down.origins()
        factor = (self._down.factor, self._across.factor)
        done = 0
        ends = [origin + self._image.shape[1] for origin in origins]
        fresh_rows = [end - before for end, before in zip(ends, [0, *ends], strict=False)]
        most = min(OUT_ROWS, math.ceil(OUT_PIXELS / self._across.scene))
        # Taken out: an order kept here would hold on to its rows.
        orders = deque([self._rows.order(fresh_rows[0])])
        for row, origin in enumerate(origins):
            fresh = orders.popleft().result()
            if row + 1 < len(origins) and not self._rows.wide:
                orders.append(self._rows.order(fresh_rows[row + 1]))
            self._advance(origin, fresh)
            mosaic.move_to(origin)
            if rules.guided:
                mosaic.guide(fresh, ends[row])
            self._run_tiles(mosaic)
            final = origins[row + 1] if row + 1 < len(origins) else self._down.network
            ready = self._down.ready(final, mosaic.reach)
            while done < ready:
                valid = self._rows.take_validity(min(most, ready - done))
                bright = self._rows.take_brightness(len(valid)) if rules.guided else None
                yield fresh, mosaic.classify(valid, done, factor, rules, bright)
                fresh = fresh[:, :0].copy()
                done += len(valid)
            if row + 1 < len(origins) and self._rows.wide:
                orders.append(self._rows.order(fresh_rows[row + 1]))

    def _advance(self, origin: int, fresh: npt.NDArray[np.float32]) -> None:
        """Make the image start at network row ``origin`` and end with ``fresh`` rows."""
        have = self._image.shape[1] - fresh.shape[1]
        step = origin - self._origin
        if step:
            self._image[:, :have] = self._image[:, step:].copy()
        self._origin = origin
        self._image[:, have:] = fresh[self._bands]

    def _run_tiles(self, mosaic: Mosaic) -> None:
        model = self._model
        sizes = {"tile": model.tile, "halo": model.halo, "multiple_of": model.multiple_of}
        running: deque[tuple[Future[Tiles], list[Tile]]] = deque()
        for group in batches(fitted(np.isfinite(self._image[0]), **sizes), self._batch_size):
            tiles = np.empty((len(group), len(model.bands), *group[0].size), np.float32)
            _core.cut_tiles(
                self._image,
                *starts(group),
                tiles,
                mean=np.array(model.mean, np.float32),
                std=np.array(model.std, np.float32),
                clip=model.clip,
            )
            running.append((self._runtime.submit(tiles), group))
            # Two groups are under way, so that no thread waits for the last tile of a group.
            if len(running) > 1:
                self._blend(mosaic, *running.popleft())
        while running:
            self._blend(mosaic, *running.popleft())

    def _blend(self, mosaic: Mosaic, answers: Future[Tiles], tiles: list[Tile]) -> None:
        mosaic.add(answers.result(), tiles)


def starts(tiles: Sequence[Tile]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First rows and first columns, (n,) each."""
    rows, columns = np.array([(tile.row, tile.column) for tile in tiles], np.int64).T.copy()
    return rows, columns
