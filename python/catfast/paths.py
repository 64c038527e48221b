"""Paths as people give them from Python, and folders that may be links."""

from __future__ import annotations

import os
from collections.abc import Iterator
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


def walk(root: str | os.PathLike[str]) -> Iterator[tuple[Path, list[str]]]:
    """Folders from ``root`` down, each with the names of its files in order.

    Links to folders are followed after all that is there itself. A folder comes once however many links lead
    to it, so that none leads round in a circle.
    """
    seen: set[str] = set()
    todo = [os.fspath(root)]
    for start in todo:
        for folder, below, names in os.walk(start):
            real = os.path.realpath(folder)
            if real in seen:
                below.clear()
                continue
            seen.add(real)
            below.sort()
            todo += [path for name in below if os.path.islink(path := os.path.join(folder, name))]  # noqa: PTH114, PTH118
            yield Path(folder), sorted(names)


def files_below(root: str | os.PathLike[str]) -> list[Path]:
    """All files from ``root`` down, by :func:`walk`, in order of their paths."""
    return sorted(folder / name for folder, names in walk(root) for name in names)
