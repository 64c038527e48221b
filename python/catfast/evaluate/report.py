"""The report's folder, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from catfast.errors import OutputError
from catfast.raster import fsync_folder, output_errors
from catfast.temporary import temporary_folder

__all__ = ["FILES", "check_free", "write_report"]

FILES = ("report.json", "report.md", "report.html")
"""What a report holds."""


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is taken: before hours of work.

    Raises:
        OutputError: it is there and may not be replaced, or holds something that is no part of a report.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder}: expected a folder for the report, found a file")
    names = sorted(child.name for child in folder.iterdir())
    if strange := [name for name in names if name not in FILES]:
        raise OutputError(f"{folder}: expected a new folder or a report, found {strange[0]} in it")
    if names and not overwrite:
        raise OutputError(f"{folder}: exists already (--overwrite replaces it)")


def write_report(folder: Path, texts: Mapping[str, str], *, overwrite: bool) -> None:
    """Write the files of a report, by name, into ``folder``; the old one is there until the new one is whole.

    Raises:
        OutputError: see :func:`check_free`, or the disk did not take it.
    """
    check_free(folder, overwrite=overwrite)
    with output_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder) as place:
            fresh = place / "report"
            fresh.mkdir()
            for name in FILES:
                _write(fresh / name, texts[name])
            fsync_folder(fresh)
            if folder.exists():
                folder.rename(place / "old")
            fresh.rename(folder)
        fsync_folder(folder.parent)


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
