"""Stage 7: mask any scene with a trained model, from file to COG."""

from __future__ import annotations

import sys
from types import ModuleType

from catfast.mask.batch import Outcome, mask_all, run_lock, targets
from catfast.mask.config import DEVICES, EDGES, PRESETS, RUNTIMES, SCHEMES, MaskConfig, MaskResult
from catfast.mask.image import mask_image
from catfast.mask.ledger import write_ledger, write_series
from catfast.mask.masker import Masker, mask_scene
from catfast.mask.memory import mask_array
from catfast.mask.outputs import PIXELS_VERSION, confidence_path, mask_path
from catfast.mask.predict import Classified
from catfast.mask.sources import Source, absent_images, find_scenes

__all__ = [
    "DEVICES",
    "EDGES",
    "PIXELS_VERSION",
    "PRESETS",
    "RUNTIMES",
    "SCHEMES",
    "Classified",
    "MaskConfig",
    "MaskResult",
    "Masker",
    "Outcome",
    "Source",
    "absent_images",
    "confidence_path",
    "find_scenes",
    "mask_all",
    "mask_array",
    "mask_image",
    "mask_path",
    "mask_scene",
    "run_lock",
    "targets",
    "write_ledger",
    "write_series",
]


class _Stage(ModuleType):
    """Lets ``catfast.mask(...)`` mask, though ``catfast.mask`` is this package as well."""

    __call__ = staticmethod(mask_image)


sys.modules[__name__].__class__ = _Stage
