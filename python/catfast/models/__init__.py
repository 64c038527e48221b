"""Cloud-mask networks: their configuration, builders, folders on disk, and ONNX export.

Importing this package imports neither torch nor onnx; the names below are resolved when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._lazy import names_from

if TYPE_CHECKING:
    from catfast.models.builders import BUILDERS, build
    from catfast.models.domain import Domain
    from catfast.models.exporting import ExportConfig, ExportResult, drop_export, export_run
    from catfast.models.folder import bundled, bundled_names, load, resolve, save, sha256
    from catfast.models.listing import ModelCard, model_card
    from catfast.models.onnx import Parity, export
    from catfast.models.spec import ModelConfig

__all__ = [
    "BUILDERS",
    "Domain",
    "ExportConfig",
    "ExportResult",
    "ModelCard",
    "ModelConfig",
    "Parity",
    "build",
    "bundled",
    "bundled_names",
    "drop_export",
    "export",
    "export_run",
    "load",
    "model_card",
    "resolve",
    "save",
    "sha256",
]

_HOMES = {
    "BUILDERS": "builders",
    "Domain": "domain",
    "ExportConfig": "exporting",
    "ExportResult": "exporting",
    "ModelCard": "listing",
    "ModelConfig": "spec",
    "Parity": "onnx",
    "build": "builders",
    "bundled": "folder",
    "bundled_names": "folder",
    "drop_export": "exporting",
    "export": "onnx",
    "export_run": "exporting",
    "load": "folder",
    "model_card": "listing",
    "resolve": "folder",
    "save": "folder",
    "sha256": "folder",
}


__getattr__ = names_from(__name__, _HOMES)
