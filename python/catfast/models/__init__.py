"""Cloud-mask networks: their configuration, builders, folders on disk, and ONNX export.

Importing this package imports neither torch nor onnx; the names below are resolved when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catfast.models.builders import BUILDERS, build
    from catfast.models.folder import bundled, load, resolve, save, sha256
    from catfast.models.onnx import Parity, export
    from catfast.models.spec import ModelConfig

__all__ = [
    "BUILDERS",
    "ModelConfig",
    "Parity",
    "build",
    "bundled",
    "export",
    "load",
    "resolve",
    "save",
    "sha256",
]

_HOMES = {
    "BUILDERS": "builders",
    "ModelConfig": "spec",
    "Parity": "onnx",
    "build": "builders",
    "bundled": "folder",
    "export": "onnx",
    "load": "folder",
    "resolve": "folder",
    "save": "folder",
    "sha256": "folder",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
