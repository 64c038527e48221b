"""What comes back from cutting patches, and what a dry run says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catfast.errors import Notice

if TYPE_CHECKING:
    from catfast.patches.store import PatchStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A pair that gave no patches because of its files."""

    pair_id: str
    """The pair."""
    message: str
    """One sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchesResult:
    """What became of all pairs."""

    output: Path
    """The store."""
    store: PatchStore | None
    """The same, opened; None where no pair could be cut."""
    status: str
    """``done``, ``skipped`` (there already, made from the same pairs in the same way) or ``failed``."""
    pairs: int
    """Pairs in the store."""
    failures: tuple[Failure, ...]
    """Pairs that are not, and why."""
    patches: Mapping[str, int]
    """Patches of each split."""
    dropped: int
    """Patches that passed the filters, but are near-duplicates or were not drawn."""
    warnings: tuple[Notice, ...]
    """Named warnings."""
    seconds: float
    """Wall time."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "output": str(self.output),
            "status": self.status,
            "simulated": self.store is not None and self.store.info.simulated,
            "pairs": self.pairs,
            "failed": [{"pair_id": item.pair_id, "message": item.message} for item in self.failures],
            "patches": sum(self.patches.values()),
            "splits": dict(self.patches),
            "dropped": self.dropped,
            "warnings": [{"name": notice.name, "message": notice.message} for notice in self.warnings],
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run would make, from its first pixels."""

    pairs: int
    """Pairs whose files are there and can be opened."""
    failures: tuple[Failure, ...]
    """The others, and those that failed on trial."""
    tiles: int
    """Whole tiles of their scenes."""
    tried: int
    """Tiles that were cut and written on trial."""
    patches: int
    """Tiles that would pass the filters, as many as of those tried, at most ``max_patches``; before thinning
    and balance."""
    bytes: int
    """Size of the store; the disk needs as much for the patches that are not kept in the end."""
    seconds: float
    """Wall time on this machine with one process, at the rate of those tried."""

    def as_dict(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "dry_run": True,
            "pairs": self.pairs,
            "failed": [{"pair_id": item.pair_id, "message": item.message} for item in self.failures],
            "tiles": self.tiles,
            "tried": self.tried,
            "patches": self.patches,
            "gigabytes": round(self.bytes / 1e9, 3),
            "minutes": round(self.seconds / 60, 2),
        }
