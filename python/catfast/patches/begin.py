"""The folder of a store before it is one: whose it is, whether it may be gone on with, who else writes it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from catfast.errors import InputError, OutputError
from catfast.locks import held
from catfast.patches.files import PARTS
from catfast.patches.info import INFO_NAME, StoreInfo, read_info
from catfast.raster import atomic_path, output_errors
from catfast.temporary import temporary_path

FAILED = "failed"
"""Option under which ``store.json`` lists the pairs that could not be cut."""


@contextmanager
def only_writer(output: Path) -> Iterator[None]:
    """Hold the store against other processes; the lock is given back by the system if this one is killed.

    Raises:
        OutputError: another process writes it, or its folder cannot be written to.
    """
    folder = output.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"{output}: expected a folder {folder} to make it in, found none")
    with held(folder / f".{output.name}.lock", output):
        yield


def begin(output: Path, info: StoreInfo, *, overwrite: bool) -> tuple[StoreInfo, bool]:
    """Make a store's folder, or find it begun; what it is made with, and whether it is finished.

    Raises:
        OutputError: there is something else, or a store that was made or begun in another way.
    """
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        raise OutputError(f"{output}: expected a folder or nothing, found a file or a link")
    begun, finished = _found(output / PARTS), _found(output)
    found = begun or finished
    if found is not None and overwrite:
        remove(output)
    elif found is not None:
        _compare(output, found, info)
        return replace(info, command=found.command), begun is None
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
    options = {name: value for name, value in found.options.items() if name != FAILED}
    if replace(found, options=options, command=info.command) != info:
        names = sorted({*options, *info.options})
        other = [name for name in names if options.get(name) != info.options.get(name)] or ["kind of scene"]
        what = other[0].replace("_", " ")
        raise OutputError(f"{output}: exists already, made with another {what}: --overwrite replaces it")
    failed = found.options.get(FAILED)
    if failed:
        raise OutputError(
            f"{output}: exists already, without {len(failed)} pairs whose files were of no use then: "
            "--overwrite makes it anew"
        )
