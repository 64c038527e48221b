"""Stage 3: carry Landsat's QA onto the grid of a PlanetScope scene."""

from __future__ import annotations

from catfast.labels.config import ALIGN_VERSION, KINDS, METHODS, SCHEMES, LabelConfig, LabelResult
from catfast.labels.displacement import Displacement
from catfast.labels.labeller import Labeller
from catfast.labels.transfer import transfer
from catfast.labels.warp import QaWarp

__all__ = [
    "ALIGN_VERSION",
    "KINDS",
    "METHODS",
    "SCHEMES",
    "Displacement",
    "LabelConfig",
    "LabelResult",
    "Labeller",
    "QaWarp",
    "transfer",
    "transfer_labels",
]

transfer_labels = transfer
"""The name of :func:`transfer` outside this room."""
