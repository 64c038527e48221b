"""Final names that only ever hold a whole file."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catfast.errors import OutputError
from catfast.raster.gdal import GDAL_ERRORS, reason
from catfast.temporary import remove, temporary_path

_ROOM = 1 << 20
"""Bytes that a disk has left at least which is not full."""


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """A temporary name beside ``final``; on success it is fsynced and renamed, on failure removed.

    Raises:
        OutputError: the disk did not take the file.
    """
    temporary = temporary_path(final, final.suffix)
    try:
        with output_errors(final):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(final)
            fsync_folder(final.parent)
    finally:
        remove(temporary)


@contextmanager
def output_errors(final: Path) -> Iterator[None]:
    """Tell what goes wrong inside as a failure to write ``final``.

    Raises:
        OutputError: anything that the disk or GDAL raised.
    """
    try:
        yield
    except (OSError, *GDAL_ERRORS) as error:
        told = reason(error)
        if isinstance(error, GDAL_ERRORS) and _is_full(final.parent):
            told = os.strerror(errno.ENOSPC)
        raise OutputError(f"{final}: cannot be written: {told}") from error


def _is_full(folder: Path) -> bool:
    """Whether a disk has no room: GDAL goes on for a while, and says what it could not read then."""
    try:
        return shutil.disk_usage(folder).free < _ROOM
    except OSError:
        return False


def fsync_folder(folder: Path) -> None:
    """Make a rename last through a power cut; only POSIX systems let a folder be opened for it."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
