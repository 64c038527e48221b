"""catfast: cloud masks for Arctic PlanetScope, taught by Landsat.

Public names are imported when first used: ``import catfast`` loads neither torch nor onnxruntime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._core import __version__
from catfast._lazy import names_from

if TYPE_CHECKING:
    from catfast.errors import CatfastError, InputError, MissingExtraError, Notice, OutputError, UsageError
    from catfast.mask import MaskConfig, Masker, MaskResult, mask_scene
    from catfast.models import ModelConfig
    from catfast.simulate import WorldConfig, simulate_world

__all__ = [
    "CatfastError",
    "InputError",
    "MaskConfig",
    "MaskResult",
    "Masker",
    "MissingExtraError",
    "ModelConfig",
    "Notice",
    "OutputError",
    "UsageError",
    "WorldConfig",
    "__version__",
    "mask_scene",
    "simulate_world",
]

_HOMES = {
    "CatfastError": "errors",
    "InputError": "errors",
    "MaskConfig": "mask",
    "MaskResult": "mask",
    "Masker": "mask",
    "MissingExtraError": "errors",
    "ModelConfig": "models",
    "Notice": "errors",
    "OutputError": "errors",
    "UsageError": "errors",
    "WorldConfig": "simulate",
    "mask_scene": "mask",
    "simulate_world": "simulate",
}


__getattr__ = names_from(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
