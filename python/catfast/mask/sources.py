"""What a user names to be masked, to scenes: files, folders, Planet orders, globs, lists and catalogues."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from catfast.errors import InputError, MissingExtraError, Notice
from catfast.order import LEVELS, MANIFEST_NAME, Manifest, find_manifest
from catfast.paths import files_below, walk
from catfast.planet import is_image_name
from catfast.textfiles import read_small

_MAGIC = re.compile(r"[*?[]")
_LISTS = (".txt", ".lst")
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz")
"""What orders come packed in."""
_OWN = re.compile(r"(?i)_(mask|confidence)\.tiff?$")
"""Names that masking gives to what it writes: never taken for scenes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One scene to be masked."""

    path: Path
    """The image."""
    named: bool
    """Whether the user named this very file: it is masked even where an order's manifest disagrees."""

    def checked(self) -> tuple[Notice, ...]:
        """Compare the scene's files with the manifest of its order, if there is one.

        Raises:
            InputError: a file of a scene that was found in a folder is not what the manifest lists.
        """
        try:
            manifest = find_manifest(self.path)
            if manifest is None:
                return ()
            return tuple(_compare(manifest, self.path))
        except InputError as error:
            if not self.named:
                raise
            return (Notice("manifest_mismatch", f"{error}: masked nevertheless, as it was named"),)


def _compare(manifest: Manifest, scene: Path) -> Iterator[Notice]:
    for path in manifest.of_scene(scene):
        if path.exists():
            manifest.check(path)
        else:
            yield _absent(manifest, path)


def find_scenes(sources: Sequence[Path]) -> list[Source]:
    """Scenes of files, folders, globs (``'orders/*/*_SR.tif'``), text lists (``.txt``) and catalogues.

    A folder is searched through and through; masks, usable data masks and visual images in it, or matched
    by a glob, are no scenes; nor are masks that are named with scenes, as a shell names all of a folder.
    Every file comes once, where it was met first.

    Raises:
        InputError: a source holds no scene, or a list or catalogue cannot be read.
        MissingExtraError: a catalogue is given and pyarrow is not installed.
    """
    found: dict[str, Source] = {}
    for source in sources:
        for scene in _scenes(source):
            key = os.path.abspath(scene.path)  # noqa: PTH100 - as it is named, links and all
            if key not in found or scene.named:
                found[key] = scene
    scenes = [scene for scene in found.values() if not _OWN.search(scene.path.name)]
    return scenes or list(found.values())


def absent_images(sources: Sequence[Path]) -> Iterator[Notice]:
    """A warning of each image that a manifest lists in one of the folders given, and that is not there."""
    for folder in (source.absolute() for source in sources if os.path.isdir(source)):  # noqa: PTH112
        above = [parent / MANIFEST_NAME for parent in folder.parents[: LEVELS - 1]]
        below = (path for path in files_below(folder) if path.name == MANIFEST_NAME)
        for path in sorted({*below, *filter(Path.is_file, above)}):
            with suppress(InputError):  # one that cannot be read is told of with each scene
                manifest = Manifest.read(path)
                for image in manifest.entries:
                    if is_image_name(image.name) and image.is_relative_to(folder) and not image.exists():
                        yield _absent(manifest, image)


def _absent(manifest: Manifest, path: Path) -> Notice:
    return Notice("manifest_missing", f"{manifest.path} lists {path.name}, which is not there")


def _scenes(source: Path) -> list[Source]:
    if os.path.isdir(source):  # noqa: PTH112 - a name too long to exist is no folder, and no error
        return _of_folder(source)
    if _MAGIC.search(str(source)) and not os.path.exists(source):  # noqa: PTH110
        return _some(source, _of_pattern(source))
    if source.suffix.lower() in _LISTS:
        return _some(source, [Path(line) for line in _lines(source)])
    if source.suffix.lower() == ".parquet":
        return _some(source, _of_catalogue(source))
    if source.suffix.lower() in _ARCHIVES and source.is_file():
        raise InputError(f"{source}: expected scenes, found an archive: unpack it, and name its folder")
    return [Source(path=source, named=True)]


def _some(source: Path, paths: list[Path]) -> list[Source]:
    """Scenes of what a source names; folders among them are searched."""
    found: list[Source] = []
    for path in paths:
        found += _of_folder(path) if path.is_dir() else [Source(path=path, named=True)]
    found = [scene for scene in found if not _OWN.search(scene.path.name)]
    if not found:
        raise InputError(f"{source}: expected scenes, found none")
    return found


def _of_pattern(source: Path) -> list[Path]:
    """Folders and images that a glob matches: an order's other files are no scenes here either."""
    found = [Path(name) for name in sorted(glob.glob(str(source), recursive=True))]  # noqa: PTH207
    return [path for path in found if path.is_dir() or is_image_name(path.name)]


def _of_folder(folder: Path) -> list[Source]:
    found, archives = [], []
    for place, names in walk(folder):
        found += [place / name for name in names if is_image_name(name)]
        archives += [name for name in names if Path(name).suffix.lower() in _ARCHIVES]
    if not found:
        hint = f": unpack {archives[0]} first" if archives else ""
        raise InputError(f"{folder}: expected a folder with scenes (GeoTIFF), found none in it{hint}")
    return [Source(path=path, named=False) for path in found]


def _lines(path: Path) -> list[str]:
    try:
        lines = read_small(path).decode("utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected a list of scenes, found no text: {error}") from error
    return [line for line in map(str.strip, lines) if line and not line.startswith("#")]


def _of_catalogue(path: Path) -> list[Path]:
    """Images of the scenes of a catalogue, in the folders that its ``path`` column names.

    A scene without an image stands for itself, so that it is told of, unless none has one.
    """
    found = [(_place(row), _images(row)) for row in _rows(path)]
    if not any(images for _, images in found):
        return []
    return [image for place, images in found for image in images or [place]]


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise MissingExtraError("A catalogue of scenes", "pairs") from None
    wanted = ["scene_id", "path"]
    try:
        names = parquet.read_schema(path).names
        if set(wanted) <= set(names):
            table = parquet.read_table(path, columns=wanted).to_pylist()
            return [{name: str(row[name] or "") for name in wanted} for row in table]
    except (ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: expected a scene catalogue with scene_id and path: {error}") from error
    raise InputError(f"{path}: expected a scene catalogue with scene_id and path, found {', '.join(names)}")


def _place(row: dict[str, str]) -> Path:
    """Where the image of a scene would be, less the end of its name."""
    named = Path(row["path"])
    return (named if named.is_dir() else named.parent) / row["scene_id"]


def _images(row: dict[str, str]) -> list[Path]:
    folder = _place(row).parent
    names = sorted(child.name for child in folder.glob(f"{glob.escape(row['scene_id'])}*"))
    return [folder / name for name in names if row["path"] and is_image_name(name)]
