"""A torch data set of a patch store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.classes import CLASS_CODES, NODATA
from catfast.errors import InputError, MissingExtraError, UsageError
from catfast.patches.records import SPLITS
from catfast.patches.statistics import FULL_FRACTION
from catfast.patches.store import PatchStore, open_store

Sample = dict[str, Any]


class PatchDataset:
    """Patches as torch tensors, at random; a map-style data set for ``torch.utils.data.DataLoader``.

    An item is ``{"image", "mask", "weight", "id"}``:

    * image: float32 (bands, size, size), reflectance; 0 in all bands where nothing was seen.
    * mask: int64 (size, size), places in ``classes``, 255 where not to be learnt from. Of a store of soft
      labels: float32 cloud fraction 0..1, NaN where not to be learnt from.
    * weight: float32, quality of the label.
    * id: the patch.

    Works with any number of workers, forked or spawned: each opens the files it reads.
    """

    def __init__(
        self,
        store: PatchStore | str | Path,
        split: str | None = None,
        classes: Sequence[str] = ("clear", "cloud", "shadow"),
        transform: Callable[[Sample], Sample] | None = None,
    ) -> None:
        """Choose the patches of a ``split`` (None: all) and the classes to learn.

        Classes that are not named count as clear. A store of scheme binary has clear and cloud only: its
        masks hold no other place. ``transform`` gets and gives an item.

        Raises:
            InputError: no such store, or none of its patches is in the split.
            UsageError: unknown split or classes.
            MissingExtraError: torch is not installed.
        """
        _require_torch()
        self.store = store if isinstance(store, PatchStore) else open_store(store)
        if split is not None and split not in SPLITS:
            raise UsageError(f"split must be one of {', '.join(SPLITS)}, not {split}")
        self.classes = tuple(classes)
        self.transform = transform
        self._table = _codes(self.classes)
        index = self.store.index
        splits = index["split"].to_pylist()
        self.rows = np.array([row for row, name in enumerate(splits) if split in (None, name)], np.int64)
        """Rows of the store's index, one an item."""
        if not len(self.rows):
            raise InputError(f"{self.store.path}: has no patch{f' in split {split}' if split else ''}")
        self._ids: list[str] = index["patch_id"].to_pylist()
        self._weights = np.array(index["weight"].to_pylist(), np.float32)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> Sample:
        import torch

        row = int(self.rows[item])
        image, label = self.store.read(row)
        sample: Sample = {
            "image": torch.from_numpy(image * np.float32(self.store.info.scale)),
            "mask": torch.from_numpy(self._mask(label)),
            "weight": torch.tensor(float(self._weights[row])),
            "id": self._ids[row],
        }
        return self.transform(sample) if self.transform else sample

    def _mask(self, label: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        if self.store.info.soft:
            return _SOFT[label]
        return self._table[label]


def _codes(classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Place in ``classes`` of each label code; 255 for codes that no label has."""
    unknown = [name for name in classes if name not in CLASS_CODES]
    if unknown:
        raise UsageError(f"classes must be among {', '.join(CLASS_CODES)}, not {unknown[0]}")
    if len(set(classes)) < len(classes) or not {"clear", "cloud"} <= set(classes):
        raise UsageError(f"classes must be different and have clear and cloud, not {','.join(classes)}")
    table = np.full(256, NODATA, np.int64)
    for name, code in CLASS_CODES.items():
        table[code] = classes.index(name if name in classes else "clear")
    return table


def _soft_table() -> npt.NDArray[np.float32]:
    table = np.full(256, np.nan, np.float32)
    table[: FULL_FRACTION + 1] = np.arange(FULL_FRACTION + 1) / np.float32(FULL_FRACTION)
    return table


_SOFT = _soft_table()


def _require_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtraError("Reading patches into torch", "train") from None
