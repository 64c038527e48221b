"""A STAC item that describes a model folder, by the machine learning model extension (MLM).

The fields follow the extension's text, https://github.com/stac-extensions/mlm (Apache-2.0), version 1.4.0.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from catfast import __version__
from catfast.classes import CLASS_CODES, LABELS
from catfast.models.folder import WEIGHTS_NAME, parameters, sha256
from catfast.models.spec import CONFIG_NAME, ONNX_NAME, ModelConfig
from catfast.raster import file_sha256

__all__ = ["ITEM_NAME", "MLM_SCHEMA", "item_of", "write_item"]

ITEM_NAME = "item.json"
MLM_SCHEMA = "https://stac-extensions.github.io/mlm/v1.4.0/schema.json"
_ALWAYS = {
    "datetime": None,
    "start_datetime": "1900-01-01T00:00:00Z",
    "end_datetime": "9999-12-31T23:59:59Z",
}
"""A model has no time of its own; the extension's advice for models that work at any time."""


def write_item(folder: Path, run: Path) -> Path:
    """Write ``item.json`` for the files of an exported model folder; parameters are counted in ``run``."""
    path = folder / ITEM_NAME
    path.write_text(json.dumps(item_of(folder, run), indent=2) + "\n", encoding="utf-8")
    return path


def item_of(folder: Path, run: Path) -> dict[str, Any]:
    """The item, as JSON values; its links to files are relative to the folder."""
    config, digest = ModelConfig.load(folder), sha256(folder)
    name = re.sub(r"[^a-zA-Z0-9_.-]+", "-", f"catfast-{config.name}").strip("-._")
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [MLM_SCHEMA],
        "id": f"{name}-{digest[:12]}",
        "geometry": None,
        "properties": {
            **_ALWAYS,
            "title": f"Cloud mask network {config.name} of catfast {__version__}",
            "bands": _bands(config),
            "mlm:name": name,
            "mlm:architecture": str(config.architecture["type"]),
            "mlm:tasks": ["semantic-segmentation"],
            "mlm:framework": "ONNX",
            "mlm:total_parameters": parameters(run),
            "mlm:input": [_input(config)],
            "mlm:output": [_output(config)],
            "mlm:hyperparameters": {
                "gsd_m": config.gsd_m,
                "tile": config.tile,
                "halo": config.halo,
                "multiple_of": config.multiple_of,
            },
        },
        "links": [],
        "assets": _assets(folder, config),
    }


def _input(config: ModelConfig) -> dict[str, Any]:
    low, high = config.clip
    return {
        "name": "image",
        "description": (
            f"Reflectance (1.0 is 100 %) at {config.gsd_m:g} m, limited to {low:g} to {high:g} first; height "
            f"and width are multiples of {config.multiple_of}."
        ),
        "bands": list(config.bands),
        "input": {
            "shape": [-1, len(config.bands), -1, -1],
            "dim_order": ["batch", "bands", "height", "width"],
            "data_type": "float32",
        },
        "value_scaling": [
            {"type": "z-score", "mean": mean, "stddev": std}
            for mean, std in zip(config.mean, config.std, strict=True)
        ],
        "resize_type": None,
    }


def _output(config: ModelConfig) -> dict[str, Any]:
    return {
        "name": "probability",
        "description": "Probability of each class, which sum to 1.",
        "tasks": ["semantic-segmentation"],
        "result": {
            "shape": [-1, len(config.classes), -1, -1],
            "dim_order": ["batch", "class", "height", "width"],
            "data_type": "float32",
        },
        "classification:classes": [
            {"value": CLASS_CODES[name], "name": name, "description": LABELS[CLASS_CODES[name]]}
            for name in config.classes
        ],
    }


def _bands(config: ModelConfig) -> list[dict[str, str]]:
    """MLM wants them in the properties, where STAC 1.1 lets them be only if an asset has them too."""
    return [{"name": band} for band in config.bands]


def _assets(folder: Path, config: ModelConfig) -> dict[str, Any]:
    assets: dict[str, Any] = {
        "model": {
            "href": f"./{ONNX_NAME}",
            "title": "ONNX graph",
            "type": "application/octet-stream; framework=onnx",
            "roles": ["mlm:model"],
            "mlm:artifact_type": "onnx",
            "bands": _bands(config),
            "catfast:sha256": file_sha256(folder / ONNX_NAME),
        },
        "config": {
            "href": f"./{CONFIG_NAME}",
            "title": "How to feed the model",
            "type": "application/json",
            "roles": ["metadata"],
        },
    }
    if (folder / WEIGHTS_NAME).is_file():
        assets["weights"] = {
            "href": f"./{WEIGHTS_NAME}",
            "title": "Weights, which the ONNX graph points into",
            "type": "application/octet-stream; framework=safetensors",
            "roles": ["mlm:weights"],
            "catfast:sha256": file_sha256(folder / WEIGHTS_NAME),
        }
    return assets
