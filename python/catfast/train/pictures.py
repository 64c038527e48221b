"""Sample predictions as a picture: patch, label and prediction side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw

from catfast.classes import COLOURS
from catfast.train.data import PatchReader
from catfast.train.losses import FRACTION_STEPS
from catfast.train.module import Learner
from catfast.train.stream import Chunk

__all__ = ["sampler"]

_ROWS = 4
_GAP = 4
_CAPTION = 16


def sampler(
    run: Path, reader: PatchReader, patches: int, *, simulated: bool
) -> Callable[[Learner, int], None]:
    """A function that writes ``samples/step_NNNNNN.png`` of a few patches of the validation split."""
    chosen = tuple(int(i) for i in np.unique(np.linspace(0, patches - 1, _ROWS).round()))
    chunk = Chunk(0, (0,) * len(chosen), chosen)

    def show(learner: Learner, step: int) -> None:
        batch = reader[chunk]
        moved = {name: batch[name].to(learner.device) for name in ("image", "label", "facts")}
        was = learner.training
        learner.eval()
        with torch.no_grad():
            ready = learner.on_after_batch_transfer(moved, 0)
            height, width = batch["label"].shape[1:]
            predicted = learner.average(ready["image"])[:, :, :height, :width].argmax(1).cpu().numpy()
        learner.train(was)
        codes = np.array(learner.model.codes, np.uint8)[predicted]
        label = _cloud_codes(batch["label"].numpy()) if learner.soft else batch["label"].numpy()
        reflectance = batch["image"].float().numpy() * batch["facts"].numpy()[:, :1, None, None]
        folder = run / "samples"
        folder.mkdir(exist_ok=True)
        said = f"step {step}: patch, label, prediction{' (simulated patches)' if simulated else ''}"
        _grid(reflectance, label, codes, said).save(folder / f"step_{step:06d}.png")

    return show


def _cloud_codes(fraction: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Cloud where at least half is cloud."""
    return np.where(fraction > FRACTION_STEPS, 255, fraction >= FRACTION_STEPS // 2).astype(np.uint8)


def _grid(
    reflectance: npt.NDArray[np.float32],
    label: npt.NDArray[np.uint8],
    predicted: npt.NDArray[np.uint8],
    caption: str,
) -> Image.Image:
    count, _, height, width = reflectance.shape
    wide, tall = 3 * (width + _GAP) - _GAP, count * (height + _GAP) - _GAP + _CAPTION
    canvas = Image.new("RGB", (max(wide, 8 * len(caption)), tall), (24, 24, 24))
    ImageDraw.Draw(canvas).text((2, 2), caption, fill=(230, 230, 230))
    table = np.zeros((256, 3), np.uint8)
    for code, colour in COLOURS.items():
        table[code] = colour[:3]
    for row in range(count):
        colours = (_colours(reflectance[row]), table[label[row]], table[predicted[row]])
        for column, pixels in enumerate(colours):
            place = (column * (width + _GAP), _CAPTION + row * (height + _GAP))
            canvas.paste(Image.fromarray(np.ascontiguousarray(pixels)), place)
    return canvas


def _colours(reflectance: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Red, green and blue, 0 to 1 of reflectance brightened by a square root."""
    return (np.sqrt(np.clip(reflectance[[2, 1, 0]], 0, 1)) * 255).astype(np.uint8).transpose(1, 2, 0)
