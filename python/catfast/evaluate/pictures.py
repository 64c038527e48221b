"""Pictures of the worst cases, made in a second pass over those few samples."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from catfast.classes import NODATA
from catfast.evaluate.codes import THIN
from catfast.evaluate.collect import Units
from catfast.evaluate.contenders import Contender, Part
from catfast.evaluate.samples import Opened, TestSet
from catfast.evaluate.tally import is_cloud
from catfast.pictures import paint, stretch

__all__ = ["Picture", "worst_pictures"]

SIDE = 256
"""Longest side of one panel, pixels."""

_ROWS = 512
_MISSED, _FALSE, _RIGHT, _NEITHER = (240, 130, 40), (200, 40, 160), (225, 225, 225), (70, 80, 90)

Panel = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """One of the worst cases of a contender."""

    contender: str
    """Whose."""
    sample: str
    """Name of the sample."""
    errors: int
    """Pixels where cloud was missed or false."""
    share: float
    """Of the pixels with truth and answer."""
    image: str
    """Image, truth, answer and errors side by side: PNG as a data URI."""


def worst_pictures(tests: TestSet, contenders: Sequence[Contender], units: Sequence[Units]) -> list[Picture]:
    """Pictures of the worst samples, contender by contender, most errors first."""
    wanted = {name for found in units for _, _, name in found.worst}
    made: dict[tuple[str, str], Picture] = {}
    for sample in tests if wanted else ():
        if sample.name not in wanted:
            continue
        with sample.open() as opened:
            for contender, found in zip(contenders, units, strict=True):
                errors = {name: count for count, _, name in found.worst}.get(sample.name)
                parts = contender.rows(sample, opened) if errors else None
                if errors and parts is not None:
                    image, pixels = _picture(opened, parts)
                    made[contender.name, sample.name] = Picture(
                        contender.name, sample.name, errors, errors / max(pixels, 1), image
                    )
    return [
        made[contender.name, name]
        for contender, found in zip(contenders, units, strict=True)
        for _, _, name in sorted(found.worst, reverse=True)
    ]


def _picture(opened: Opened, parts: Iterator[Part]) -> tuple[str, int]:
    """The four panels, and how many pixels have truth and answer."""
    grid = opened.raster.info.grid
    step = math.ceil(max(grid.height, grid.width) / SIDE)
    truths, answers, row, pixels = [], [], 0, 0
    for part in parts:
        truth = opened.truth(row, row + len(part.mask))
        pixels += int(((truth != NODATA) & (part.mask != NODATA)).sum())
        chosen = slice(-row % step, None, step)
        truths.append(truth[chosen, ::step])
        answers.append(part.mask[chosen, ::step])
        row += len(part.mask)
    truth, answer = np.concatenate(truths), np.concatenate(answers)
    panels = [stretch(_colours(opened, step)), paint(np.where(truth == THIN, 1, truth)), paint(answer)]
    panels.append(_errors(truth, answer))
    return _png(panels), pixels


def _colours(opened: Opened, step: int) -> npt.NDArray[np.float32]:
    """Red, green and blue reflectance of every nth pixel, (h, w, 3); NaN where nothing was seen."""
    scene, grid = opened.scene, opened.raster.info.grid
    gain = np.array(scene.gain, np.float32)[:3, None, None]
    offset = np.array(scene.offset, np.float32)[:3, None, None]
    blocks = []
    for start in range(0, grid.height, _ROWS):
        stop = min(start + _ROWS, grid.height)
        values = opened.raster.read_rows(scene.bands[:3], start, stop)[:, -start % step :: step, ::step]
        unseen = np.zeros(values.shape, bool) if scene.nodata is None else values == scene.nodata
        blocks.append(np.where(unseen, np.nan, values * gain + offset)[::-1])
    return np.moveaxis(np.concatenate(blocks, axis=1), 0, -1).astype(np.float32)


def _errors(truth: npt.NDArray[np.uint8], answer: npt.NDArray[np.uint8]) -> Panel:
    cloud, called = is_cloud(truth), is_cloud(answer)
    panel = np.zeros((*truth.shape, 3), np.uint8)
    for flags, colour in (
        (~cloud & ~called, _NEITHER),
        (cloud & called, _RIGHT),
        (cloud & ~called, _MISSED),
        (~cloud & called, _FALSE),
    ):
        panel[flags & (truth != NODATA) & (answer != NODATA)] = colour
    return panel


def _png(panels: Sequence[Panel], gap: int = 4) -> str:
    height, width = panels[0].shape[:2]
    sheet = np.full((height, len(panels) * (width + gap) - gap, 3), 24, np.uint8)
    for place, panel in enumerate(panels):
        left = place * (width + gap)
        sheet[:, left : left + width] = panel
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
