"""Which patches a run learns from: open stores that agree, their splits, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from catfast.classes import BANDS
from catfast.errors import InputError, Notice
from catfast.patches import open_store

if TYPE_CHECKING:
    import pyarrow as pa

    from catfast.patches import PatchStore

__all__ = ["Source", "Split", "open_source"]


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
        warnings=(*_class_warnings(stores, chosen), *_shared_scenes(stores)),
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


def _shared_scenes(stores: Sequence[PatchStore]) -> Iterator[Notice]:
    """Name real scenes to learn from that are judged by too; one store has none, but two may share some."""
    real = [store.index for store in stores if not store.info.simulated]
    learnt = set().union(*(_scenes(index, "train") for index in real))
    judged = set().union(*(_scenes(index, split) for index in real for split in ("val", "test")))
    if both := sorted(learnt & judged):
        yield Notice(
            "shared_scenes",
            f"{len(both)} scenes, as {both[0]}, are in train splits and in val or test splits of the stores: "
            "scores there flatter the model",
        )


def _scenes(index: pa.Table, split: str) -> set[str]:
    import pyarrow.compute as pc

    rows = index.filter(pc.field("split") == split)
    return {scene for name in ("ps_id", "l8_id") for scene in rows[name].unique().to_pylist()}


def _share(stores: Sequence[PatchStore], name: str) -> float:
    """Mean share of a class over the training patches."""
    parts = []
    for store in stores:
        mask = np.array(store.index.column("split").to_pylist(), object) == "train"
        parts.append(store.index.column(f"{name}_fraction").to_numpy(zero_copy_only=False)[mask])
    return float(np.nan_to_num(np.concatenate(parts).astype(float)).mean())
