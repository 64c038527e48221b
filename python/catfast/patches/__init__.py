"""Stage 4: patches of images and labels, and the folder that holds them.

Importing this package imports neither torch nor pyarrow; the names below are resolved when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._lazy import names_from

if TYPE_CHECKING:
    from catfast.patches.checking import Problem, verify
    from catfast.patches.config import PRESETS, PatchesConfig
    from catfast.patches.dataset import PatchDataset
    from catfast.patches.finishing import finish
    from catfast.patches.info import FORMATS, StoreInfo
    from catfast.patches.maker import Progress, cut, cut_patches, estimate, make_store
    from catfast.patches.packing import pack
    from catfast.patches.records import INDEX_NAME, PatchRecord
    from catfast.patches.results import Estimate, Failure, PatchesResult
    from catfast.patches.sheet import contact_sheet
    from catfast.patches.statistics import Fractions, fractions, label_counts
    from catfast.patches.store import PatchStore, open_store
    from catfast.patches.writer import GroupWriter, finished_groups

__all__ = [
    "FORMATS",
    "INDEX_NAME",
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
    "Problem",
    "Progress",
    "StoreInfo",
    "contact_sheet",
    "cut",
    "cut_patches",
    "estimate",
    "finish",
    "finished_groups",
    "fractions",
    "label_counts",
    "make_store",
    "open_store",
    "pack",
    "verify",
]

_HOMES = {
    "Estimate": "results",
    "FORMATS": "info",
    "Failure": "results",
    "Fractions": "statistics",
    "GroupWriter": "writer",
    "INDEX_NAME": "records",
    "PRESETS": "config",
    "PatchDataset": "dataset",
    "PatchRecord": "records",
    "PatchStore": "store",
    "PatchesConfig": "config",
    "PatchesResult": "results",
    "Problem": "checking",
    "Progress": "maker",
    "StoreInfo": "info",
    "contact_sheet": "sheet",
    "cut": "maker",
    "cut_patches": "maker",
    "estimate": "maker",
    "finish": "finishing",
    "finished_groups": "writer",
    "fractions": "statistics",
    "label_counts": "statistics",
    "make_store": "maker",
    "open_store": "store",
    "pack": "packing",
    "verify": "checking",
}

__getattr__ = names_from(__name__, _HOMES)
