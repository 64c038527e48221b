"""What a user may ask of :func:`catfast.patches.cut`, and what comes back."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from catfast.errors import UsageError
from catfast.labels import ALIGN_VERSION, METHODS, SCHEMES, LabelConfig
from catfast.patches.info import FORMATS
from catfast.patches.records import SPLITS
from catfast.paths import take_texts
from catfast.raster import VERIFY
from catfast.workers import refuse_idle_master

ENGINES = ("local", "spark")
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "cat": {"size": 400, "stride": 400, "min_valid": math.nextafter(0.5, 1), "scheme": "binary"},
}
"""Options under one name; ``cat`` is the paper's: 400 px at 3 m, over half valid (not just half), binary."""

SMALLEST, LARGEST = 16, 8192
_ELSEWHERE = frozenset({"scenes", "output", "engine", "master", "workers", "verify", "overwrite"})
"""Options that no byte of the store depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchesConfig:
    """Options of cutting patches."""

    output: Path
    """The store, a folder that is made."""
    scenes: tuple[Path, ...] = ()
    """Folders with the files of both sensors, searched with all below them."""
    size: int = 512
    """Rows and columns of a patch, pixels of the PlanetScope scene."""
    stride: int | None = None
    """From one patch to the next, pixels; None is ``size``: no overlap, no gap."""
    min_valid: float = 0.5
    """Smallest share of pixels with data."""
    min_cloud: float = 0.0
    """Smallest share of cloud in the labelled pixels."""
    max_cloud: float = 1.0
    """Largest share of cloud in the labelled pixels."""
    min_snow: float = 0.0
    """Smallest share of snow or ice in the labelled pixels."""
    max_snow: float = 1.0
    """Largest share of snow or ice in the labelled pixels."""
    format: str = "geotiff"
    """``geotiff``: a file a patch; ``safetensors``: shards for training."""
    scheme: str = "full"
    """As for labels: ``full`` or ``binary``."""
    cloud: frozenset[str] = frozenset()
    """As for labels: kinds called cloud besides high-confidence cloud."""
    ignore: frozenset[str] = frozenset({"fill", "dilated", "medium"})
    """As for labels: kinds that become 255."""
    method: str = "nearest"
    """As for labels: ``nearest``, ``majority``, ``bilinear`` or ``fraction`` (soft labels, cloud 0-200)."""
    align: bool = False
    """As for labels: move the clouds to where PlanetScope saw them."""
    landsat_bands: Path | None = None
    """As for labels: folder with Landsat's bands 2-5, for ``align``; None looks beside the QA file."""
    max_overlap: float = 0.5
    """Of patches of two pairs, taken in one pass, that share more of their ground, the better one stays."""
    balance: bool = False
    """As many patches with mostly cloud as without, the latter spread over clear, shadow, snow, water."""
    max_patches: int | None = None
    """Keep at most this many, drawn with ``seed``."""
    seed: int = 0
    """Of the draws of ``balance``, ``max_patches`` and ``splits``."""
    splits: tuple[float, float, float] = (0.7, 0.15, 0.15)
    """Shares of train, val and test; grounds, strips and Landsat scenes are never divided."""
    verify: str = "auto"
    """Compare the checksums of compressed blocks: see :data:`catfast.raster.VERIFY`; a scene that a manifest
    vouches for is not looked into twice."""
    engine: str = "local"
    """``local`` processes, or executors of ``spark``."""
    master: str | None = None
    """Spark's master; a cluster must see scenes and store under the same paths. None: ``local[*]``."""
    workers: int = 1
    """Processes of the engine ``local``; never changes a byte of the store."""
    overwrite: bool = False
    """Replace a store that is there."""

    def __post_init__(self) -> None:
        take_texts(self, "output", "scenes", "landsat_bands")
        self._check_numbers()
        for option, choice, choices in (
            ("--format", self.format, FORMATS),
            ("--scheme", self.scheme, SCHEMES),
            ("--method", self.method, METHODS),
            ("--engine", self.engine, ENGINES),
            ("--verify", self.verify, VERIFY),
        ):
            if choice not in choices:
                raise UsageError(f"{option} must be one of {', '.join(choices)}, not {choice}")
        refuse_idle_master(self.engine, self.master)
        self.labels()

    def _check_numbers(self) -> None:
        for option, value, low, high in (
            ("--size", self.size, SMALLEST, LARGEST),
            ("--stride", self.step, 1, LARGEST),
            ("--workers", self.workers, 1, 1024),
            ("--seed", self.seed, 0, 2**63 - 1),
            ("--max-patches", 1 if self.max_patches is None else self.max_patches, 1, 2**31),
        ):
            if not low <= value <= high:
                raise UsageError(f"{option} must be from {low} to {high}, not {value}")
        for name in ("min_valid", "min_cloud", "max_cloud", "min_snow", "max_snow", "max_overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{_option(name)} must be from 0 to 1, not {getattr(self, name):g}")
        for name in ("cloud", "snow"):
            if getattr(self, f"min_{name}") > getattr(self, f"max_{name}"):
                raise UsageError(f"--min-{name} must not be above --max-{name}")
        shares = self.splits
        if len(shares) != len(SPLITS) or not all(0 <= share <= 1 for share in shares):
            raise UsageError("--splits must be three shares from 0 to 1: train, val and test")
        if not math.isclose(sum(shares), 1, abs_tol=1e-6):
            raise UsageError(f"--splits must add up to 1, not {sum(shares):g}")

    @property
    def step(self) -> int:
        """``stride``, or ``size`` where it is not given."""
        return self.size if self.stride is None else self.stride

    @property
    def soft(self) -> bool:
        """Whether labels are shares of cloud, not codes."""
        return self.method == "fraction"

    @property
    def from_codes(self) -> bool:
        """Whether labels are the full scheme's codes, or these with all but cloud folded into clear.

        Under a cloud that was moved away ``binary`` knows more than ``full`` does: that there is none.
        """
        return self.method == "nearest" and not (self.align and self.scheme == "binary")

    def labels(self) -> LabelConfig:
        """The options that labels share.

        Raises:
            UsageError: one of them is none that labels know.
        """
        return LabelConfig(
            scheme=self.scheme,
            cloud=self.cloud,
            ignore=self.ignore,
            method=self.method,
            align=self.align,
            landsat_bands=self.landsat_bands,
        )

    def options(self) -> dict[str, Any]:
        """All options that the bytes of a store depend on, as JSON takes them."""
        found = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _ELSEWHERE}
        found |= {"stride": self.step} | ({"align_version": ALIGN_VERSION} if self.align else {})
        return {name: _plain(value) for name, value in found.items()}

    def command(self, pairs: Path) -> str:
        """The command line that makes the same store: options that differ from their defaults."""
        words = ["catfast", "patches", str(pairs)]
        for folder in self.scenes:
            words += ["--scenes", str(folder)]
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in _ELSEWHERE or value == item.default:
                continue
            words += _words(_option(item.name), value)
        return shlex.join(words)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _words(option: str, value: Any) -> list[str]:
    if value is True:
        return [option]
    if isinstance(value, frozenset):
        return [word for kind in sorted(value) for word in (option, kind)]
    if isinstance(value, tuple):
        return [option, ",".join(f"{share:g}" for share in value)]
    return [option, str(value)]


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
