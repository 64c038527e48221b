"""Temporary names beside the final ones, and an end to those that a killed process left behind."""

from __future__ import annotations

import os
import platform
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catfast.errors import OutputError

_folders: set[Path] = set()
"""Where this process has temporary names."""


def temporary_path(final: Path, suffix: str = "") -> Path:
    """A name in the folder of ``final`` that only this process uses; nothing is made.

    What earlier processes of this machine left under such names for ``final``, killed before they could
    tidy up, is removed. What other machines left stays: whether its owner lives cannot be seen from here.
    """
    if os.name == "posix":  # elsewhere, asking whether a process lives ends it
        _sweep(final)
    return own_path(final, suffix)


def own_path(final: Path, suffix: str = "") -> Path:
    """The same name; what others left stays: for folders of many files that are tidied up in another way.

    Raises:
        OutputError: ``final`` is ``.`` or ``/``, which no file can be called.
    """
    if not final.name:
        raise OutputError(f"{final}: is a folder: name a file in it")
    _folders.add(final.parent.absolute())
    return final.with_name(f".{final.name}{_mark()}{suffix}")


@contextmanager
def temporary_folder(final: Path, suffix: str = "") -> Iterator[Path]:
    """A folder of such a name, removed at the end.

    Raises:
        OSError: it cannot be made.
    """
    folder = temporary_path(final.absolute(), suffix)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_own() -> None:
    """Remove what this process has under temporary names, before it ends without tidying up."""
    for folder in list(_folders):
        with suppress(OSError):
            for path in folder.glob(f".*{_mark()}*"):
                remove(path)


def _mark() -> str:
    return f".{_machine()}-{os.getpid()}.tmp"


def _sweep(final: Path) -> None:
    mark = re.compile(rf"\.{re.escape(final.name)}\.{_machine()}-(\d+)\.tmp")
    try:
        beside = list(final.parent.iterdir())
    except OSError:  # told by whoever writes there
        return
    for path in beside:
        found = mark.match(path.name)
        if found is not None and not _alive(int(found[1])):
            remove(path)


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no process number at all
        return True
    return True


def remove(path: Path) -> None:
    """Remove a file or folder that is of no use any more, as far as it is there and the disk lets it go."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # where a disk is read-only it says so, even of a file that is not there
            path.unlink()
