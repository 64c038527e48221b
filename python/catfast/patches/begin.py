"""The folder of a store before it is one: whose it is, whether it may be gone on with, who else writes it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from catfast.errors import InputError, OutputError
from catfast.locks import held
from catfast.patches.files import PARTS
from catfast.patches.info import INFO_NAME, StoreInfo, read_info
from catfast.patches.reopening import lacking, reopen, without_account
from catfast.raster import atomic_path, output_errors
from catfast.temporary import temporary_path


@contextmanager
def only_writer(output: Path) -> Iterator[None]:
    """Hold the store against other processes; the lock is given back by the system if this one is killed.

    Raises:
        OutputError: another process writes it, its folder cannot be written to, or its name is no text.
    """
    folder = output.absolute().parent
    if not _is_text(output.absolute()):
        raise OutputError(f"{output}: expected a name in UTF-8, which its tables need")
    if not folder.is_dir():
        raise OutputError(f"{output}: expected a folder {folder} to make it in, found none")
    with held(folder / f".{output.name}.lock", output):
        yield


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def begin(
    output: Path, info: StoreInfo, *, overwrite: bool, ready: Collection[str] = ()
) -> tuple[StoreInfo, bool]:
    """Make a store's folder, or find it begun; what it is made with, and whether it is finished.

    A finished store that lacks pairs which are ``ready`` now, their files being there, is begun again.

    Raises:
        OutputError: there is something else, or a store that was made or begun in another way, or one that
            pairs cannot be added to.
    """
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        raise OutputError(f"{output}: expected a folder or nothing, found a file or a link")
    begun, finished = _found(output / PARTS), _found(output)
    found = begun or finished
    if found is not None and overwrite:
        remove(output)
    elif found is not None:
        _compare(output, found, info)
        info = replace(info, command=found.command)
        if begun is not None:
            return info, False
        if not lacking(output, found) & set(ready):
            return info, True
        reopen(output, info, found, ready)
        return info, False
    elif output.exists() and not _barely_begun(output):
        raise OutputError(f"{output}: expected a patch store, an empty folder or nothing, found other files")
    with output_errors(output):
        (output / PARTS).mkdir(parents=True, exist_ok=True)
        with atomic_path(output / PARTS / INFO_NAME) as part:
            part.write_text(info.to_json(), "utf-8")
    return info, False


def _barely_begun(output: Path) -> bool:
    """Nothing in it but what a run that was killed at once leaves."""
    return all(path.name == PARTS or path.name.startswith(".") for path in output.iterdir()) and all(
        path.name.startswith(".") for path in (output / PARTS).glob("*")
    )


def remove(output: Path) -> None:
    """Remove a store, begun or finished; under its name it is gone at once.

    Raises:
        OutputError: the disk does not let it go.
    """
    aside = temporary_path(output, ".old")
    with output_errors(output):
        output.replace(aside)
        shutil.rmtree(aside)


def _found(folder: Path) -> StoreInfo | None:
    try:
        return read_info(folder)
    except InputError:
        return None


def _compare(output: Path, found: StoreInfo, info: StoreInfo) -> None:
    options = without_account(found.options)
    if replace(found, options=options, command=info.command) != info:
        names = sorted({*options, *info.options})
        other = [name for name in names if options.get(name) != info.options.get(name)] or ["kind of scene"]
        what = other[0].replace("_", " ")
        raise OutputError(f"{output}: exists already, made with another {what}: --overwrite replaces it")
