"""What a user may ask of :func:`catfast.labels.transfer`, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast import _core
from catfast.errors import Notice, UsageError
from catfast.labels.displacement.found import Displacement
from catfast.raster import VERIFY

SCHEMES = ("full", "binary")
METHODS = ("nearest", "majority", "bilinear", "fraction")
KINDS: Mapping[str, int] = {
    "fill": _core.FILL,
    "dilated": _core.DILATED,
    "medium": _core.MEDIUM,
    "cirrus": _core.CIRRUS,
}
"""Kinds of QA pixels that can be ignored or, all but fill, be called cloud; and their flags in the kernel."""

ALIGN_VERSION = "3"
"""Goes up when ``align`` would move the clouds of a pair otherwise than before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelConfig:
    """Options of label transfer."""

    scheme: str = "full"
    """``full``: clear, cloud, shadow, snow, water; ``binary`` folds all but cloud into clear."""
    cloud: frozenset[str] = frozenset()
    """Kinds called cloud besides high-confidence cloud: dilated, medium, cirrus."""
    ignore: frozenset[str] = frozenset({"fill", "dilated", "medium"})
    """Kinds that become 255 where they are not cloud; fill always does."""
    method: str = "nearest"
    """``nearest``, ``majority`` (by area), ``bilinear`` (smooth edges) or ``fraction`` (of cloud, 0-200)."""
    verify: str = "auto"
    """Compare the checksums of compressed blocks: see :data:`catfast.raster.VERIFY`."""
    align: bool = False
    """Move clouds to where the scene has them, where that can be told; needs Landsat's bands 2-5."""
    landsat_bands: Path | None = None
    """Folder with Landsat's bands 2-5, for ``align``; None looks beside the QA file."""
    overwrite: bool = False
    """Replace an output that was made from something else."""

    def __post_init__(self) -> None:
        for option, choice, choices in (
            ("--scheme", self.scheme, SCHEMES),
            ("--method", self.method, METHODS),
            ("--verify", self.verify, VERIFY),
        ):
            if choice not in choices:
                raise UsageError(f"{option} must be one of {', '.join(choices)}, not {choice}")
        for option, kinds, allowed in (
            ("--cloud", self.cloud, set(KINDS) - {"fill"}),
            ("--ignore", self.ignore, set(KINDS)),
        ):
            unknown = sorted(set(kinds) - allowed)
            if unknown:
                names = ", ".join(kind for kind in KINDS if kind in allowed)
                raise UsageError(f"{option} must be among {names}, not {unknown[0]}")

        if self.landsat_bands is not None and not self.align:
            raise UsageError("--landsat-bands is of use with --align only")

    def rule(self) -> dict[str, Any]:
        """The keyword arguments of the kernel."""
        return {
            "scheme": self.scheme,
            "method": self.method,
            "cloud": sum(KINDS[kind] for kind in set(self.cloud)),
            "ignore": sum(KINDS[kind] for kind in set(self.ignore) | {"fill"}),
        }

    def tags(self) -> dict[str, str]:
        """Dataset tags of the options that change a label."""
        named = {"cloud": self.cloud, "ignore": set(self.ignore) | {"fill"}}
        kinds = {key: ",".join(kind for kind in KINDS if kind in chosen) for key, chosen in named.items()}
        return {
            "CATFAST_SCHEME": self.scheme,
            "CATFAST_METHOD": self.method,
            "CATFAST_CLOUD": kinds["cloud"] or "none",
            "CATFAST_IGNORE": kinds["ignore"],
            **({"CATFAST_ALIGN": ALIGN_VERSION} if self.align else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelResult:
    """What became of one pair."""

    qa: Path
    """The QA_PIXEL file."""
    scene: Path
    """The scene whose grid the label has."""
    output: Path
    """The label."""
    status: str
    """``done`` or ``skipped``: the output was there already, made from the same files in the same way."""
    warnings: tuple[Notice, ...]
    """Named warnings."""
    classes: Mapping[str, float]
    """Per cent of labelled pixels a class; with ``fraction``, of their area."""
    labelled_percent: float
    """Labelled pixels of all pixels."""
    seconds: float
    """Wall time."""
    displacement: Displacement | None = None
    """Where clouds went, None without ``align``."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "input": str(self.qa),
            "scene": str(self.scene),
            "output": str(self.output),
            "status": self.status,
            "error": None,
            "warnings": [{"name": notice.name, "message": notice.message} for notice in self.warnings],
            "classes": dict(self.classes),
            "labelled_percent": self.labelled_percent,
            "displacement": None if self.displacement is None else self.displacement.as_dict(),
            "seconds": round(self.seconds, 3),
        }
