"""The one TOML of a run: what ``--config`` reads, and what a run folder keeps as ``train.toml``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from catfast.errors import InputError
from catfast.textfiles import read_small
from catfast.train.config import TrainConfig

__all__ = ["RUN_TOML", "load_config", "read", "write"]

RUN_TOML = "train.toml"
_TUPLES = ("classes", "bands")
_NOT_OPTIONS = ("stores", "sha256", "devices", "simulated", "catfast")
"""Keys that a run adds to say what it was made from."""


def read(path: Path) -> dict[str, Any]:
    """Keys and values of a TOML file.

    Raises:
        InputError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(read_small(path).decode())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from None


def load_config(path: str | os.PathLike[str] | None, flags: Mapping[str, Any] | None = None) -> TrainConfig:
    """Options of a TOML file, where there is one, overruled by ``flags`` that are not None.

    Raises:
        InputError: the file cannot be read, has an unknown key, or a value of a wrong type.
        UsageError: a value out of range.
    """
    content = {} if path is None else read(Path(path))
    options = {key: value for key, value in content.items() if key not in _NOT_OPTIONS}
    types = {f.name: str(f.type) for f in fields(TrainConfig)}
    for key, value in options.items():
        if key not in types:
            raise InputError(f"{path} has an unknown key {key!r}; known are {', '.join(types)}")
        if not _fits(value, types[key]):
            raise InputError(f"{path}: {key} should be {types[key]}, but is {value!r}")
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    if "epochs" in given:  # which counts for nothing beside steps
        options.pop("max_steps", None)
    options |= given
    values: dict[str, Any] = {key: tuple(v) if key in _TUPLES else v for key, v in options.items()}
    return TrainConfig(**values)


def _fits(value: object, annotation: str) -> bool:
    kind = annotation.removesuffix(" | None")
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "tuple[str, ...]":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return type(value) is {"str": str, "int": int, "bool": bool}[kind]


def write(path: Path, config: TrainConfig, made_from: Mapping[str, Any]) -> None:
    """Write resolved options so that ``--config`` reads them; what is None is left out.

    Raises:
        OutputError: the disk did not take them.
    """
    import tomli_w

    from catfast.raster import atomic_path

    options = {key: value for key, value in asdict(config).items() if value is not None}
    with atomic_path(path) as temporary:
        temporary.write_text(tomli_w.dumps({**made_from, **options}), encoding="utf-8")
