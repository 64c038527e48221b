"""Patch stores as batches: worker processes read the raw counts, all else is done on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from catfast import _core
from catfast.classes import BANDS, NODATA
from catfast.errors import InputError, Notice
from catfast.patches import open_store
from catfast.train.augment import WIDTH, draw, identity
from catfast.train.stream import NOTHING, Chunk, TrainStream, ValidStream

if TYPE_CHECKING:
    from catfast.patches import PatchStore

__all__ = ["Batch", "PatchReader", "Source", "loader", "open_source"]

Batch = dict[str, Any]
"""``image`` counts (N, 4, n, n) uint16, or reflectance float32 where resampled; ``label`` (N, n, n) uint8;
``facts`` float32 (N, 2 + augment.WIDTH): scale of the counts, weight, and the changes to make; ``number`` of
the chunk. Few tensors, for each costs a message from process to process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The patches of one split, over all stores."""

    where: npt.NDArray[np.int64]
    """Store and row in it, (N, 2)."""
    weight: npt.NDArray[np.float32]
    """Label quality, mean 1."""

    def __len__(self) -> int:
        """Patches."""
        return len(self.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Open stores that agree, and their splits."""

    stores: tuple[PatchStore, ...]
    train: Split
    val: Split
    gsd_m: float
    """Of the stored patches, metres."""
    size: int
    """Pixels a side."""
    soft: bool
    """Labels are cloud fractions."""
    simulated: bool
    """Whether any patch is simulated."""
    classes: tuple[str, ...]
    """Classes to learn."""
    warnings: tuple[Notice, ...] = ()


def open_source(paths: Sequence[Path], classes: tuple[str, ...] | None) -> Source:
    """Open stores and check that they can be trained on.

    Raises:
        InputError: not a store, other bands, stores that do not fit together, an empty split, classes that
            the labels do not know, or labels of one class only.
    """
    if not paths:
        raise InputError("no patch store is given")
    stores = tuple(open_store(path) for path in paths)
    _check_alike(stores)
    first = stores[0].info
    known = ("clear", "cloud") if first.soft or first.scheme == "binary" else tuple(classes or ())
    chosen = classes or (("clear", "cloud") if len(known) == 2 else ("clear", "cloud", "shadow"))
    if known and (missing := [name for name in chosen if name not in known]):
        raise InputError(f"{paths[0]} has labels of clear and cloud only: there is no {missing[0]} to learn")
    return Source(
        stores=stores,
        train=_split(stores, "train"),
        val=_split(stores, "val"),
        gsd_m=float(first.gsd_m),
        size=int(first.size),
        soft=bool(first.soft),
        simulated=any(store.info.simulated for store in stores),
        classes=chosen,
        warnings=_class_warnings(stores, chosen),
    )


def _check_alike(stores: Sequence[PatchStore]) -> None:
    first = stores[0]
    for store in stores:
        if tuple(store.info.bands) != BANDS:
            found = ", ".join(store.info.bands)
            raise InputError(
                f"{store.path}: expected the {len(BANDS)} bands {', '.join(BANDS)}, "
                f"found {len(store.info.bands)}: {found}"
            )
        for name in ("size", "gsd_m", "soft", "scheme"):
            ours, theirs = getattr(first.info, name), getattr(store.info, name)
            if ours != theirs:
                raise InputError(
                    f"{store.path} has {name} {theirs}, but {first.path} {ours}: train on stores that agree"
                )


def _split(stores: Sequence[PatchStore], name: str) -> Split:
    where, weights = [], []
    for number, store in enumerate(stores):
        splits = np.array(store.index.column("split").to_pylist(), object)
        rows = np.flatnonzero(splits == name)
        where.append(np.column_stack([np.full(len(rows), number), rows]).astype(np.int64))
        weights.append(store.index.column("weight").to_numpy()[rows])
    weight = np.concatenate(weights).astype(np.float64)
    if not len(weight):
        raise InputError(f"{stores[0].path}: the {name} split is empty")
    if not np.isfinite(weight).all() or weight.min() < 0 or weight.sum() == 0:
        raise InputError(f"{stores[0].path}: weights of the {name} split should be from 0 to 1 and not all 0")
    return Split(where=np.concatenate(where), weight=(weight / weight.mean()).astype(np.float32))


def _class_warnings(stores: Sequence[PatchStore], classes: Sequence[str]) -> tuple[Notice, ...]:
    """Refuse training patches of one class, and name classes that never occur."""
    shares = {name: _share(stores, name) for name in classes if name != "clear"}
    if not 0 < shares["cloud"] < 1:
        only = "cloud" if shares["cloud"] else "anything but cloud"
        raise InputError(
            f"{stores[0].path}: the train split has {'only cloud' if only == 'cloud' else 'no cloud'}: "
            "training needs cloud and clear"
        )
    return tuple(
        Notice("no_class", f"no {name} in the train split: the model cannot learn it")
        for name, share in shares.items()
        if share == 0
    )


def _share(stores: Sequence[PatchStore], name: str) -> float:
    """Mean share of a class over the training patches."""
    parts = []
    for store in stores:
        mask = np.array(store.index.column("split").to_pylist(), object) == "train"
        parts.append(store.index.column(f"{name}_fraction").to_numpy(zero_copy_only=False)[mask])
    return float(np.nan_to_num(np.concatenate(parts).astype(float)).mean())


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
            InputError: a patch cannot be read, has another shape, or holds NaN.
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
        if image.dtype != np.uint16:
            raise InputError(f"{store.path}: patch {row} should be uint16, but is {image.dtype}{_nan(image)}")
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


def _nan(image: npt.NDArray[Any]) -> str:
    return " with NaN pixels" if image.dtype.kind == "f" and np.isnan(image).any() else ""


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
        prefetch_factor=4 if workers else None,
    )
