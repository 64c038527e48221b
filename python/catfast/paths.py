"""Paths as people give them from Python."""

from __future__ import annotations

from pathlib import Path


def take_texts(config: object, *names: str) -> None:
    """Make paths of what fields of a frozen data class hold as text; of tuples, each."""
    for name in names:
        given = getattr(config, name)
        if isinstance(given, str):
            object.__setattr__(config, name, Path(given))
        elif isinstance(given, list | tuple):
            object.__setattr__(config, name, tuple(map(Path, given)))
