"""What is under a final name is whole; what is under a temporary one is told apart by its name."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import rasterio
from PIL import Image
from rio_cogeo.cogeo import cog_validate
from safetensors.numpy import load_file


def _tif(path: Path) -> None:
    with rasterio.open(path) as dataset:
        dataset.read()
        cog = dataset.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG"
    assert not cog or cog_validate(path, strict=True, quiet=True)[0]


def _png(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()


def _lines(path: Path) -> None:
    for line in path.read_text().splitlines():
        json.loads(line)


CHECKS: dict[str, Callable[[Path], object]] = {
    ".tif": _tif,
    ".png": _png,
    ".jsonl": _lines,
    ".json": lambda path: json.loads(path.read_text()),
    ".toml": lambda path: tomllib.loads(path.read_text()),
    ".parquet": pq.read_table,
    ".safetensors": load_file,
}
"""How a file is read whole, by its suffix."""


def temporary(path: Path, folder: Path) -> bool:
    """Whether a file, or a folder that it is in, has a temporary name: hidden."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def broken(folder: Path) -> list[str]:
    """Files under final names that do not validate, with the reason."""
    found = []
    for path in sorted(folder.rglob("*")):
        check = CHECKS.get(path.suffix)
        if check is None or not path.is_file() or temporary(path, folder):
            continue
        try:
            check(path)
        except Exception as error:  # noqa: BLE001, RUF100 - whatever a reader raises is the finding
            found.append(f"{path.name}: {type(error).__name__}: {error}")
    return found


def leftovers(folder: Path) -> list[str]:
    """Whatever has a temporary name."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name.startswith("."))
