"""Paths as people give them from Python."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any


def take_texts(config: Any, *names: str) -> None:
    """Make paths of what fields of a frozen data class hold as text; of tuples, each, or the only one."""
    kinds = {field.name: str(field.type) for field in fields(config)}
    for name in names:
        given = getattr(config, name)
        many = kinds[name].startswith("tuple")
        if isinstance(given, list | tuple):
            object.__setattr__(config, name, tuple(map(Path, given)))
        elif isinstance(given, str | Path):
            object.__setattr__(config, name, (Path(given),) if many else Path(given))
