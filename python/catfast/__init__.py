"""catfast: cloud masks for Arctic PlanetScope, taught by Landsat.

Public names are imported when first used: ``import catfast`` loads neither torch nor onnxruntime.
"""

from __future__ import annotations

from catfast._lazy import names_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from catfast._core import __version__
    from catfast.catalog import CatalogConfig, CatalogResult
    from catfast.errors import CatfastError, InputError, MissingExtraError, Notice, OutputError, UsageError
    from catfast.evaluate import EvaluateConfig, EvaluateResult, evaluate_models
    from catfast.labels import LabelConfig, LabelResult, transfer_labels
    from catfast.mask import MaskConfig, Masker, MaskResult, mask_scene
    from catfast.mask import mask_image as mask
    from catfast.models import ModelConfig
    from catfast.pairs import PairsConfig, PairsResult
    from catfast.patches import PatchesConfig, PatchesResult, cut_patches
    from catfast.simulate import WorldConfig, simulate_world
    from catfast.train import TrainConfig, TrainResult, train_model

__all__ = [
    "CatalogConfig",
    "CatalogResult",
    "CatfastError",
    "EvaluateConfig",
    "EvaluateResult",
    "InputError",
    "LabelConfig",
    "LabelResult",
    "MaskConfig",
    "MaskResult",
    "Masker",
    "MissingExtraError",
    "ModelConfig",
    "Notice",
    "OutputError",
    "PairsConfig",
    "PairsResult",
    "PatchesConfig",
    "PatchesResult",
    "TrainConfig",
    "TrainResult",
    "UsageError",
    "WorldConfig",
    "__version__",
    "cut_patches",
    "evaluate_models",
    "mask",
    "mask_scene",
    "simulate_world",
    "train_model",
    "transfer_labels",
]

_HOMES = {
    "CatalogConfig": "catalog",
    "CatalogResult": "catalog",
    "CatfastError": "errors",
    "EvaluateConfig": "evaluate",
    "EvaluateResult": "evaluate",
    "InputError": "errors",
    "LabelConfig": "labels",
    "LabelResult": "labels",
    "MaskConfig": "mask",
    "MaskResult": "mask",
    "Masker": "mask",
    "MissingExtraError": "errors",
    "ModelConfig": "models",
    "Notice": "errors",
    "OutputError": "errors",
    "PairsConfig": "pairs",
    "PairsResult": "pairs",
    "PatchesConfig": "patches",
    "PatchesResult": "patches",
    "TrainConfig": "train",
    "TrainResult": "train",
    "UsageError": "errors",
    "WorldConfig": "simulate",
    "__version__": "_core",
    "cut_patches": "patches",
    "evaluate_models": "evaluate",
    "mask": "mask",
    "mask_scene": "mask",
    "simulate_world": "simulate",
    "train_model": "train",
    "transfer_labels": "labels",
}


__getattr__ = names_from(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
