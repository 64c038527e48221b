"""The list of the digests of a folder's files, as ``sha256sum -c`` reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from catfast.errors import InputError
from catfast.raster import atomic_path
from catfast.textfiles import read_small

__all__ = ["SUMS_NAME", "read_sums", "write_sums"]

SUMS_NAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def write_sums(root: Path, digests: Mapping[str, str]) -> None:
    """Write ``SHA256SUMS`` for paths relative to ``root``, as ``sha256sum -c`` reads it."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    with atomic_path(root / SUMS_NAME) as temporary:
        temporary.write_text("".join(lines), "utf-8")


def read_sums(root: Path) -> dict[str, str]:
    """Digests by path.

    Raises:
        InputError: there is no list, or a line of it is not a digest and a path inside the folder.
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
            raise InputError(f"{path}: line {number} is not a digest and a path inside the folder")
        yield found[2], found[1]
