"""Names of files in a store, and the list of their digests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from catfast.errors import InputError, OutputError
from catfast.raster import atomic_path
from catfast.textfiles import read_small

SUMS_NAME = "SHA256SUMS"
PARTS = "parts"
FOLDERS = ("images", "labels", "shards")
"""Folders that hold patches; nothing else lies in them."""

_LONGEST = 200
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


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


def write_sums(root: Path, digests: Mapping[str, str]) -> None:
    """Write ``SHA256SUMS`` for paths relative to ``root``, as ``sha256sum -c`` reads it."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    with atomic_path(root / SUMS_NAME) as temporary:
        temporary.write_text("".join(lines), "utf-8")


def read_sums(root: Path) -> dict[str, str]:
    """Digests by path.

    Raises:
        InputError: there is no list, or a line of it is not a digest and a path inside the store.
    """
    path = root / SUMS_NAME
    try:
        lines = read_small(path).decode().splitlines()
    except FileNotFoundError:
        raise InputError(f"{root} has no {SUMS_NAME}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    return dict(_parsed(path, lines))


def _parsed(path: Path, lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line)
        if found is None or Path(found[2]).is_absolute() or ".." in Path(found[2]).parts:
            raise InputError(f"{path}: line {number} is not a digest and a path inside the store")
        yield found[2], found[1]
