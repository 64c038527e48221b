"""What a user may ask of :func:`catfast.mask_scene`, and what comes back."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast.errors import Notice, UsageError
from catfast.paths import take_texts
from catfast.raster import VERIFY

DEVICES = ("auto", "cpu", "cuda", "mps")
SCHEMES = ("full", "binary")
FORMATS = ("mask", "udm2")
EDGES = ("guided", "plain")
RUNTIMES = ("default", "auto", "onnxruntime", "openvino", "openvino-bf16", "torch", "torch-bf16")
PRESETS: Mapping[str, float | None] = {"conservative": 0.3, "balanced": None, "liberal": 0.7}
"""Thresholds by name: ``conservative`` keeps only what is surely clear, ``liberal`` all that may be clear."""

MAX_SAMPLES = 10_000_000_000
"""Largest width x height x bands masked unless asked for: an 8-band scene of a gigapixel. More than other
commands take (:data:`catfast.raster.DEFAULT_MAX_SAMPLES`), for masking holds no more of a larger scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskConfig:
    """Options of masking; the defaults suit PlanetScope."""

    model: str = "default"
    """Name of a bundled model, or a model folder."""
    threshold: float | None = None
    """Call a pixel cloud when its cloud probability is at least this; None takes the likeliest class."""
    preset: str = "balanced"
    """Name of a threshold, see :data:`PRESETS`; not together with ``threshold``."""
    buffer_m: float = 0.0
    """Grow clouds and their shadows by so many metres."""
    min_area_m2: float = 0.0
    """Drop clouds and shadows smaller than so many square metres, before they grow."""
    aoi: Path | None = None
    """GeoJSON polygons in longitude and latitude: percentages count what lies inside."""
    gsd_m: float | None = None
    """Ground sampling distance to work at, metres; None takes the model's own."""
    reflectance_scale: float | None = None
    """Reflectance a count; None reads it from the product."""
    classes: str = "full"
    """``full`` writes what the model knows, ``binary`` folds all but cloud into clear."""
    format: str = "mask"
    """``mask``: one band of codes; ``udm2``: the eight bands of Planet's usable data mask."""
    confidence: bool = False
    """Write a second COG with the probability of each class, 0-100."""
    quicklook: Path | None = None
    """Write a PNG of image and mask side by side; not a ``.png``: into this folder."""
    qml: bool = False
    """Write a QGIS style beside the mask."""
    stac: bool = False
    """Write a STAC item beside the mask."""
    batch_size: int = 4
    """Tiles a network call; no effect on the mask."""
    threads: int | None = None
    """Processor threads; None takes all; no effect on the mask."""
    edges: str = "guided"
    """``guided``: edges follow the image's brightness where the network is coarser; ``plain``: bilinear."""
    runtime: str = "default"
    """What runs the network: ``default`` is onnxruntime, or torch for a GPU or a model without model.onnx;
    ``auto`` the fastest installed: torch on a CUDA GPU, ``openvino``, ``onnxruntime``. ``openvino-bf16``,
    ``torch-bf16``: faster still, and other classes for a few pixels in a thousand."""
    device: str = "auto"
    """``auto``: a CUDA GPU if torch is asked for and finds one, else ``cpu``; ``cuda``, ``mps``: torch."""
    max_pixels: int = MAX_SAMPLES
    """Refuse scenes with more samples (width x height x bands)."""
    verify: str = "auto"
    """Compare the checksums of a scene's compressed blocks: see :data:`catfast.raster.VERIFY`."""
    overwrite: bool = False
    """Replace an output that was made from something else."""

    def __post_init__(self) -> None:
        self._take_texts()
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"--threshold must be from 0 to 1, not {self.threshold:g}")
        for option, value in (("--gsd", self.gsd_m), ("--reflectance-scale", self.reflectance_scale)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"{option} must be a finite number above 0, not {value:g}")
        for option, value in (("--buffer", self.buffer_m), ("--min-area", self.min_area_m2)):
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"{option} must be a finite number from 0 on, not {value:g}")
        for option, count in (("--batch-size", self.batch_size), ("--threads", self.threads)):
            if count is not None and count < 1:
                raise UsageError(f"{option} must be at least 1, not {count}")
        for option, choice, choices in (
            ("--device", self.device, DEVICES),
            ("--runtime", self.runtime, RUNTIMES),
            ("--edges", self.edges, EDGES),
            ("--classes", self.classes, SCHEMES),
            ("--format", self.format, FORMATS),
            ("--preset", self.preset, tuple(PRESETS)),
            ("--verify", self.verify, VERIFY),
        ):
            if choice not in choices:
                raise UsageError(f"{option} must be one of {', '.join(choices)}, not {choice}")
        if self.threshold is not None and self.preset != "balanced":
            raise UsageError("--threshold and --preset exclude each other")
        if self.qml and self.format == "udm2":
            raise UsageError("--qml styles a mask of codes: it has no use with --format udm2")
        if self.max_pixels < 1:
            raise UsageError(f"--max-pixels must be at least 1, not {self.max_pixels}")

    def _take_texts(self) -> None:
        """From Python, paths may be given as texts, and a model folder as a path."""
        object.__setattr__(self, "model", os.fspath(self.model))
        take_texts(self, "aoi", "quicklook")

    @property
    def cloud_threshold(self) -> float | None:
        """Least cloud probability called cloud, None for the likeliest class."""
        return PRESETS[self.preset] if self.threshold is None else self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskResult:
    """What became of one scene."""

    input: Path
    """The scene."""
    output: Path
    """The mask."""
    status: str
    """``done`` or ``skipped``: the output was there already, made by the same model from the same input."""
    warnings: tuple[Notice, ...]
    """Named warnings."""
    classes: Mapping[str, float]
    """Per cent of valid pixels a class; empty when there is no valid pixel."""
    valid_percent: float
    """Valid pixels of all pixels."""
    seconds: float
    """Wall time."""
    model: str
    """Name of the model."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "input": str(self.input),
            "output": str(self.output),
            "status": self.status,
            "error": None,
            "warnings": [{"name": notice.name, "message": notice.message} for notice in self.warnings],
            "classes": dict(self.classes),
            "valid_percent": self.valid_percent,
            "seconds": round(self.seconds, 3),
            "model": self.model,
        }
