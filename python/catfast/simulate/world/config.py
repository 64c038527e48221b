"""What a simulated world should be, and what it turned out to be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["MAX_PAIRS", "PairSummary", "WorldConfig", "WorldSummary"]

MAX_PAIRS = 500
SMALLEST_PX, LARGEST_PX = 128, 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldConfig:
    """Parameters of a simulated world."""

    pairs: int = 8
    """Coincident pairs of scenes to make, each on a ground of its own."""
    size_px: int = 1536
    """Rows and columns of a PlanetScope scene, 3 m each."""
    seed: int = 0
    """Non-negative; the same seed makes the same world with the same version of numpy."""
    overwrite: bool = False
    """Replace a simulated world that is there already."""

    def __post_init__(self) -> None:
        if not 1 <= self.pairs <= MAX_PAIRS:
            raise ValueError(f"pairs must be 1 to {MAX_PAIRS}, got {self.pairs}")
        if not SMALLEST_PX <= self.size_px <= LARGEST_PX:
            raise ValueError(f"size_px must be {SMALLEST_PX} to {LARGEST_PX}, got {self.size_px}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSummary:
    """One pair of a simulated world."""

    ground: str
    """Name of the ground, e.g. ``ground_03_svalbard``."""
    ps_id: str
    """PlanetScope item id."""
    l8_id: str
    """Landsat product id."""
    dt_s: float
    """PlanetScope minus the time of Landsat's scene centre, seconds."""
    classes: dict[str, float]
    """Per cent of the valid PlanetScope pixels in each true class, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSummary:
    """A simulated world on disk."""

    out: Path
    """Its folder."""
    pairs: tuple[PairSummary, ...]
    """Its pairs, in the order they were planned."""
    seconds: float
    """Time it took."""
