"""What a user may ask of :func:`catfast.evaluate_models`, and what comes back."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast.classes import CLASS_CODES
from catfast.errors import Notice, UsageError
from catfast.paths import take_texts

__all__ = ["THIN_RULES", "EvaluateConfig", "EvaluateResult"]

THIN_RULES = ("cloud", "clear", "ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """Options of evaluation."""

    models: tuple[str, ...] = ("default",)
    """Names of bundled models, or model folders; may be empty where ``against`` is not."""
    against: tuple[Path, ...] = ()
    """Folders of masks to score beside the models: UDM2 (8 bands), or masks of one band."""
    against_codes: tuple[str, ...] = ()
    """Meaning of the values of their masks, as for ``codes``: one for all folders or one for each, in order;
    none: catfast's. UDM2 needs none."""
    codes: str = "catfast"
    """Meaning of the values of mask files: a name of ``CODE_TABLES``, or ``VALUE=CLASS,...``."""
    thin: str = "cloud"
    """What thin cloud counts as: ``cloud``, ``clear`` or ``ignore``."""
    classes: tuple[str, ...] | None = None
    """Classes to score; None takes those that the test set and every contender know."""
    split: str | None = None
    """Of a patch store, the split to use; None takes ``test`` where there is one, else everything."""
    scenes: Path | None = None
    """Folder of the scenes under points and polygons."""
    class_column: str = "class"
    """Column of points and polygons that names the class."""
    facts: Path | None = None
    """CSV with a column ``name`` and any of ``scene, surface, sun_elevation, latitude, dt_s, seen``."""
    gsd_m: float | None = None
    """Ground sampling distance, metres, of images without CRS; None takes the model's own."""
    reflectance_scale: float | None = None
    """Reflectance a count of images; None reads it from the product."""
    threshold: float | None = None
    """Call a pixel cloud from this cloud probability on; None takes the likeliest class."""
    resamples: int = 1000
    """Bootstrap samples of scenes."""
    seed: int = 0
    """Of the bootstrap."""
    worst: int = 6
    """Pictures of the worst cases of each contender."""
    threads: int | None = None
    """Processor threads; None takes all; no effect on the scores."""
    device: str = "auto"
    """Where to compute; see :class:`catfast.MaskConfig`."""
    overwrite: bool = False
    """Replace a report that is there."""

    def __post_init__(self) -> None:
        self._take_texts()
        if not self.models and not self.against:
            raise UsageError("nothing to score: give a model, or masks by --against")
        if self.thin not in THIN_RULES:
            raise UsageError(f"--thin must be one of {', '.join(THIN_RULES)}, not {self.thin}")
        if self.gsd_m is not None and not (math.isfinite(self.gsd_m) and self.gsd_m > 0):
            raise UsageError(f"--gsd must be a finite number above 0, not {self.gsd_m:g}")
        for option, value, least in (
            ("--resamples", self.resamples, 0),
            ("--worst", self.worst, 0),
            ("--seed", self.seed, 0),
        ):
            if value < least:
                raise UsageError(f"{option} must be at least {least}, not {value}")
        if len(self.against_codes) not in (0, 1, len(self.against)):
            raise UsageError(
                f"--against-codes: expected once, or once for each of {len(self.against)} folders, "
                f"found {len(self.against_codes)} times"
            )
        if self.against_codes and not self.against:
            raise UsageError("--against-codes is of use with --against only")
        self._check_classes()

    def _take_texts(self) -> None:
        """From Python, paths may be given as texts, and model folders as paths."""
        object.__setattr__(self, "models", tuple(map(os.fspath, self.models)))
        take_texts(self, "against", "scenes", "facts")

    def _check_classes(self) -> None:
        if self.classes is None:
            return
        if unknown := [name for name in self.classes if name not in CLASS_CODES]:
            raise UsageError(f"--classes: unknown class {unknown[0]!r}; choose from {', '.join(CLASS_CODES)}")
        if not {"clear", "cloud"} <= set(self.classes):
            raise UsageError("--classes needs clear and cloud")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateResult:
    """What became of an evaluation."""

    output: Path
    """The report's folder: ``report.json``, ``report.md`` and ``report.html``."""
    report: dict[str, Any]
    """What ``report.json`` holds."""
    markdown: str
    """What ``report.md`` holds."""
    warnings: tuple[Notice, ...]
    """Named warnings."""
    seconds: float
    """Wall time."""
