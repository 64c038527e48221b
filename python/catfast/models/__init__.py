"""Cloud-mask networks: their configuration, builders, folders on disk, and ONNX export.

Importing this package imports neither torch nor onnx; the names below are resolved when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._lazy import names_from

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


__getattr__ = names_from(__name__, _HOMES)
