"""Planet orders: the manifest that lists every file with its size and digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast.errors import InputError
from catfast.planet import scene_id
from catfast.textfiles import parse_json, read_small

__all__ = ["LEVELS", "MANIFEST_NAME", "Manifest", "check_image", "find_manifest"]

MANIFEST_NAME = "manifest.json"
LEVELS = 4
"""Folders looked into, from a scene's own upwards: orders nest theirs by item type and bundle."""
DIGESTS = ("sha256", "md5")
"""The stronger first."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an order says of its files."""

    path: Path
    """The manifest."""
    entries: Mapping[Path, Mapping[str, Any]]
    """Size and digests by absolute path."""

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a ``manifest.json``; files that it places outside its own folder are left out.

        Raises:
            InputError: not readable as the manifest of an order.
        """
        folder = path.absolute().parent
        try:
            files = parse_json(read_small(path))["files"]
            entries = {Path(os.path.normpath(folder / str(entry["path"]))): dict(entry) for entry in files}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: not readable as the manifest of an order: {error}") from error
        return cls(path, {name: entry for name, entry in entries.items() if name.is_relative_to(folder)})

    def of_scene(self, scene: Path) -> list[Path]:
        """The listed files of a scene's item, where the scene itself is one of them."""
        wanted = scene_id(scene)
        found = [path for path in self.entries if scene_id(path) == wanted]
        return found if Path(os.path.normpath(scene.absolute())) in found else []

    def check(self, path: Path) -> None:
        """Compare a file with its entry.

        Raises:
            InputError: the file has another size or digest, or cannot be read.
        """
        entry = self.entries[path]
        size, digests = entry.get("size"), entry.get("digests") or {}
        if not path.is_file():
            raise InputError(f"{path}: {self.path} lists a file, found something that is not a regular file")
        try:
            found = path.stat().st_size
            if isinstance(size, int) and size != found:
                raise InputError(f"{path}: {self.path} says {size} bytes, found {found}")
            name = next((name for name in DIGESTS if name in digests), None)
            if name is None:
                return
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, lambda: hashlib.new(name, usedforsecurity=False))
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        if digest.hexdigest() != str(digests[name]).lower():
            raise InputError(
                f"{path}: its {name} is not the one in {self.path}: order it again, or copy it anew"
            )


def find_manifest(scene: Path) -> Manifest | None:
    """The nearest manifest at or above a scene that lists it.

    Raises:
        InputError: a manifest on the way is not readable.
    """
    for folder in scene.absolute().parents[:LEVELS]:
        if (folder / MANIFEST_NAME).is_file():
            manifest = Manifest.read(folder / MANIFEST_NAME)
            if manifest.of_scene(scene):
                return manifest
    return None


def check_image(scene: Path) -> bool:
    """Compare an image and its XML with the manifest of its order; whether there was one that lists it.

    Raises:
        InputError: a size or digest differs, or a manifest is not readable.
    """
    manifest = find_manifest(scene)
    if manifest is None:
        return False
    image = Path(os.path.normpath(scene.absolute()))
    for path in manifest.of_scene(scene):
        if path.exists() and (path == image or path.suffix == ".xml"):
            manifest.check(path)
    return True
