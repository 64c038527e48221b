"""Stage 4: patches of images and labels, and the folder that holds them.

Importing this package imports neither torch nor pyarrow; the names below are resolved when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._lazy import names_from

if TYPE_CHECKING:
    from catfast.patches.config import PRESETS, PatchesConfig
    from catfast.patches.dataset import PatchDataset
    from catfast.patches.finishing import finish
    from catfast.patches.info import FORMATS, StoreInfo
    from catfast.patches.maker import Progress, cut, estimate, make_store
    from catfast.patches.records import PatchRecord
    from catfast.patches.results import Estimate, Failure, PatchesResult
    from catfast.patches.statistics import Fractions, fractions, label_counts
    from catfast.patches.store import PatchStore, open_store
    from catfast.patches.writer import GroupWriter, finished_groups

__all__ = [
    "FORMATS",
    "PRESETS",
    "Estimate",
    "Failure",
    "Fractions",
    "GroupWriter",
    "PatchDataset",
    "PatchRecord",
    "PatchStore",
    "PatchesConfig",
    "PatchesResult",
    "Progress",
    "StoreInfo",
    "cut",
    "estimate",
    "finish",
    "finished_groups",
    "fractions",
    "label_counts",
    "make_store",
    "open_store",
]

_HOMES = {
    "PRESETS": "config",
    "Estimate": "results",
    "FORMATS": "info",
    "Failure": "results",
    "Fractions": "statistics",
    "GroupWriter": "writer",
    "PatchDataset": "dataset",
    "PatchRecord": "records",
    "PatchesConfig": "config",
    "PatchesResult": "results",
    "Progress": "maker",
    "cut": "maker",
    "estimate": "maker",
    "make_store": "maker",
    "PatchStore": "store",
    "StoreInfo": "info",
    "finish": "finishing",
    "finished_groups": "writer",
    "fractions": "statistics",
    "label_counts": "statistics",
    "open_store": "store",
}

__getattr__ = names_from(__name__, _HOMES)
