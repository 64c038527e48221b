"""Stage 7: mask any scene with a trained model, from file to COG."""

from __future__ import annotations

from catfast.mask.config import DEVICES, SCHEMES, MaskConfig, MaskResult
from catfast.mask.masker import Masker, mask_scene
from catfast.mask.outputs import confidence_path, mask_path
from catfast.mask.predict import Classified
from catfast.mask.quicklook import paint, stretch

__all__ = [
    "DEVICES",
    "SCHEMES",
    "Classified",
    "MaskConfig",
    "MaskResult",
    "Masker",
    "confidence_path",
    "mask_path",
    "mask_scene",
    "paint",
    "stretch",
]
