"""Stage 4: patches of images and labels, and the folder that holds them.

Importing this package imports neither torch nor pyarrow; the names below are resolved when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._lazy import names_from

if TYPE_CHECKING:
    from catfast.patches.dataset import PatchDataset
    from catfast.patches.finishing import finish
    from catfast.patches.info import FORMATS, StoreInfo
    from catfast.patches.records import PatchRecord
    from catfast.patches.statistics import Fractions, fractions, label_counts
    from catfast.patches.store import PatchStore, open_store
    from catfast.patches.writer import GroupWriter, finished_groups

__all__ = [
    "FORMATS",
    "Fractions",
    "GroupWriter",
    "PatchDataset",
    "PatchRecord",
    "PatchStore",
    "StoreInfo",
    "finish",
    "finished_groups",
    "fractions",
    "label_counts",
    "open_store",
]

_HOMES = {
    "FORMATS": "info",
    "Fractions": "statistics",
    "GroupWriter": "writer",
    "PatchDataset": "dataset",
    "PatchRecord": "records",
    "PatchStore": "store",
    "StoreInfo": "info",
    "finish": "finishing",
    "finished_groups": "writer",
    "fractions": "statistics",
    "label_counts": "statistics",
    "open_store": "store",
}

__getattr__ = names_from(__name__, _HOMES)
