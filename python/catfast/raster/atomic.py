"""Final names that only ever hold a whole file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catfast.errors import OutputError
from catfast.raster.gdal import GDAL_ERRORS, reason
from catfast.temporary import temporary_path


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
        temporary.unlink(missing_ok=True)


@contextmanager
def output_errors(final: Path) -> Iterator[None]:
    """Tell what goes wrong inside as a failure to write ``final``.

    Raises:
        OutputError: anything that the disk or GDAL raised.
    """
    try:
        yield
    except (OSError, *GDAL_ERRORS) as error:
        raise OutputError(f"{final}: cannot be written: {reason(error)}") from error


def fsync_folder(folder: Path) -> None:
    """Make a rename last through a power cut; only POSIX systems let a folder be opened for it."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
