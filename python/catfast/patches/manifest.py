"""The digests that Planet's orders come with (``manifest.json``), checked before a scene is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catfast.errors import InputError
from catfast.planet import scene_id

NAME = "manifest.json"
LEVELS = 4
"""Folders looked into, from the scene's own upwards; orders nest theirs by item type and bundle."""
DIGESTS = ("sha256", "md5")
"""The stronger first."""


def check_manifest(image: Path) -> bool:
    """Compare an image and its XML with the order's manifest; whether there was one that names the image.

    Raises:
        InputError: a size or digest differs, or the manifest is not readable.
    """
    for folder in image.absolute().parents[:LEVELS]:
        if (folder / NAME).is_file():
            entries = _entries(folder / NAME)
            listed = [path for path in entries if scene_id(Path(path)) == scene_id(image)]
            used = [path for path in listed if (folder / path) == image.absolute() or path.endswith(".xml")]
            for path in used:
                if (folder / path).is_file():
                    _check(folder / path, entries[path], folder / NAME)
            if used:
                return True
    return False


def _entries(manifest: Path) -> Mapping[str, Mapping[str, Any]]:
    try:
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        return {str(entry["path"]): entry for entry in files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{manifest}: not readable as the manifest of an order: {error}") from error


def _check(path: Path, entry: Mapping[str, Any], manifest: Path) -> None:
    size, digests = entry.get("size"), entry.get("digests") or {}
    found = path.stat().st_size
    if isinstance(size, int) and size != found:
        raise InputError(f"{path}: {manifest} says {size} bytes, found {found}")
    name = next((name for name in DIGESTS if name in digests), None)
    if name is None:
        return
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.new(name, usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if digest != str(digests[name]).lower():
        raise InputError(f"{path}: its {name} is not the one in {manifest}: order it again, or copy it anew")
