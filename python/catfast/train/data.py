"""Patch stores as batches: worker processes read the raw counts, all else is done on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from catfast import _core
from catfast.classes import BANDS, NODATA
from catfast.train.augment import WIDTH, draw, identity
from catfast.train.source import Source, Split
from catfast.train.stream import NOTHING, Chunk, TrainStream, ValidStream

__all__ = ["AHEAD", "Batch", "PatchReader", "loader"]

AHEAD = 2
"""Batches that each reading process has ready."""

Batch = dict[str, Any]
"""``image`` counts (N, 4, n, n) uint16, or reflectance float32 where resampled; ``label`` (N, n, n) uint8;
``facts`` float32 (N, 2 + augment.WIDTH): scale of the counts, weight, and the changes to make; ``number`` of
the chunk. Few tensors, for each costs a message from process to process."""


class PatchReader(Dataset[Batch]):
    """Reads the patches of a :class:`~catfast.train.stream.Chunk` as they are stored."""

    def __init__(self, source: Source, split: Split, *, gsd_m: float, seed: int, augment: bool) -> None:
        self._stores, self._split = source.stores, split
        self._seed, self._augment = seed, augment
        self._factor = gsd_m / source.gsd_m
        self._stored, self._size = source.size, max(1, round(source.size / self._factor))

    def __getitem__(self, chunk: Chunk) -> Batch:
        """Read one batch.

        Raises:
            InputError: a patch cannot be read, or has another shape or type.
        """
        count, size = len(chunk.indices), self._size
        resampled = self._factor != 1
        image = np.zeros((count, len(BANDS), size, size), np.float32 if resampled else np.uint16)
        label = np.full((count, size, size), NODATA, np.uint8)
        facts = np.zeros((count, 2 + WIDTH), np.float32)
        for place, (turn, index) in enumerate(zip(chunk.passes, chunk.indices, strict=True)):
            facts[place, 2:] = self._changes(turn, index)
            if index != NOTHING:
                image[place], label[place], facts[place, 0] = self._read(*self._split.where[index])
                facts[place, 1] = self._split.weight[index]
        arrays = {"image": image, "label": label, "facts": facts}
        return {name: torch.from_numpy(array) for name, array in arrays.items()} | {"number": chunk.number}

    def _changes(self, turn: int, index: int) -> npt.NDArray[np.float32]:
        if not self._augment or index == NOTHING:
            return identity()
        return draw(np.random.default_rng([self._seed, 2, turn, index]))

    def _read(self, number: int, row: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8], float]:
        store = self._stores[number]
        image, label = store.read(int(row))
        if self._factor == 1:
            return image, label, store.info.scale
        return self._coarser(image, store.info.scale), self._nearest(label), 1.0

    def _coarser(self, image: npt.NDArray[np.uint16], scale: float) -> npt.NDArray[np.float32]:
        """Area means, as ``catfast mask`` makes them of a scene."""
        out = np.empty((len(BANDS), self._size, self._size), np.float32)
        valid: npt.NDArray[np.uint8] = np.asarray((image > 0).all(axis=0), np.uint8)
        step = self._stored / self._size
        _core.resample_area(
            np.ascontiguousarray(image),
            valid,
            np.full(len(BANDS), scale),
            out,
            factor=(step, step),
            first_row=0,
            src_row=0,
        )
        return np.nan_to_num(out, copy=False, nan=0.0)

    def _nearest(self, label: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        middles = ((np.arange(self._size) + 0.5) * self._stored / self._size).astype(int)
        coarse: npt.NDArray[np.uint8] = label[np.ix_(middles, middles)]
        return coarse


def loader(
    reader: PatchReader, stream: TrainStream | ValidStream, workers: int, *, pin: bool
) -> DataLoader[Batch]:
    """Batches in the order of a stream; the number of worker processes has no effect on them."""
    return DataLoader(
        reader,
        batch_size=None,
        sampler=stream,
        num_workers=workers,
        pin_memory=pin,
        persistent_workers=workers > 0,
        prefetch_factor=AHEAD if workers else None,
    )
