"""The folder of a run: one process writes it, it is begun or gone on with, and a failure leaves none."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from catfast.errors import OutputError, UsageError
from catfast.locks import held
from catfast.patches import INDEX_NAME
from catfast.raster import file_sha256
from catfast.train.config import TrainConfig
from catfast.train.devices import World
from catfast.train.source import Source
from catfast.train.toml import RUN_TOML, load_config, read, write

__all__ = ["only_writer", "prepare", "removed_if_nothing_came_of_it"]

_FREE = ("num_workers",)
"""Options that a resumed run may change: nothing that is learnt depends on them."""


@contextlib.contextmanager
def only_writer(run: Path) -> Iterator[None]:
    """Make the folder, and hold it against other processes; the first of torchrun's does it for all.

    Raises:
        OutputError: the folder cannot be made, or another process trains in it.
    """
    if not World.found().first:
        yield
        return
    new = not run.exists()
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{run} cannot be made: {error.strerror}") from None
    try:
        with held(run / ".lock", run):
            yield
    finally:
        if new:
            with contextlib.suppress(OSError):  # it holds something
                run.rmdir()


@contextlib.contextmanager
def removed_if_nothing_came_of_it(run: Path) -> Iterator[None]:
    """Take away what a run wrote that ends by an error before it has weights or a state to go on from."""
    before = set(run.iterdir()) if World.found().first else set()
    try:
        yield
    except BaseException:
        if World.found().first and not any(run.glob("*.safetensors")):
            _remove(set(run.iterdir()) - before)
        raise


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def prepare(run: Path, config: TrainConfig, source: Source, *, resume: bool) -> None:
    """Write the options of a new run, or check that the run in the folder is this one.

    Raises:
        OutputError: the folder holds a run, or something else.
        UsageError: the run was begun with other stores, options or devices.
    """
    toml = run / RUN_TOML
    if not World.found().first:
        return
    if toml.exists():
        if not resume:
            raise OutputError(f"{run} holds a run already: give --resume to go on with it, or another folder")
        _check_same(toml, config, _made_from(source))
        return
    if any(not path.name.startswith(".") for path in run.iterdir()):
        raise OutputError(f"{run} is not empty, and holds no run of catfast train")
    write(toml, config, _made_from(source))


def _made_from(source: Source) -> dict[str, Any]:
    """What decides on a run beside its options."""
    from catfast import __version__

    return {
        "stores": [str(store.path) for store in source.stores],
        "sha256": [file_sha256(store.path / INDEX_NAME) for store in source.stores],
        "devices": World.found().size,
        "simulated": source.simulated,
        "catfast": __version__,
    }


def _check_same(toml: Path, config: TrainConfig, made_from: dict[str, Any]) -> None:
    before, kept = load_config(toml), read(toml)
    # Stores may have moved: what tells them is their index, which has the digest of every patch.
    if kept.get("sha256") != made_from["sha256"]:
        if (stores := kept.get("stores", [])) != made_from["stores"]:
            raise UsageError(f"--resume: this run was begun with the stores {', '.join(map(str, stores))}")
        if "sha256" in kept:
            raise UsageError("--resume: a store has other patches now than when this run was begun")
    if (devices := kept.get("devices", made_from["devices"])) != made_from["devices"]:
        raise UsageError(f"--resume: this run was begun on {devices} devices, not {made_from['devices']}")
    for field in dataclasses.fields(TrainConfig):
        old, new = getattr(before, field.name), getattr(config, field.name)
        if old != new and field.name not in _FREE:
            raise UsageError(f"--resume: this run was begun with {field.name} {old}, not {new}")
