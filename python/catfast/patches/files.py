"""Names of files in a store."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from catfast.errors import InputError, OutputError

PARTS = "parts"
FOLDERS = ("images", "labels", "shards")
"""Folders that hold patches; nothing else lies in them."""

_LONGEST = 200


def file_stem(name: str) -> str:
    """A file name for any id, another for another; letters, digits and ``_.-~`` stay.

    Raises:
        InputError: it would be too long for a file name.
    """
    stem = quote(name, safe="")
    stem = f"%2E{stem[1:]}" if stem.startswith(".") else stem
    if not 0 < len(stem) <= _LONGEST:
        raise InputError(f"expected an id of 1 to {_LONGEST} letters, found {name!r}")
    return stem


def part_path(root: Path, group: str) -> Path:
    """Where the rows of a finished group wait for ``finish``."""
    return root / PARTS / f"{file_stem(group)}.parquet"


def refuse_inside(root: Path, output: Path) -> None:
    """Refuse an output in the folder of the store that it is made from.

    Raises:
        OutputError: it lies there, by whatever name or link.
    """
    if output.absolute().parent.resolve().is_relative_to(root.resolve()):
        raise OutputError(f"{output}: lies in the store {root}: choose another output")
