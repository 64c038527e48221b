"""Masks to be shown, and the images and usable data masks that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catfast.errors import InputError
from catfast.paths import walk
from catfast.planet import scene_id
from catfast.raster import read_tags

MASK_ENDING = "_mask.tif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A mask that catfast wrote."""

    path: Path
    """The file."""
    tags: dict[str, str]
    """Its dataset tags."""

    @property
    def scene(self) -> str:
        """Name of the image that it was made from."""
        return self.tags["CATFAST_INPUT"]


@dataclass(slots=True)
class Beside:
    """Images and usable data masks by name, in the folders of the masks and below ``--scenes``."""

    roots: Sequence[Path]
    """Folders searched through and through."""
    _images: dict[str, list[Path]] = field(default_factory=dict)
    _udm2: dict[str, list[Path]] = field(default_factory=dict)
    _listed: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        for root in self.roots:
            if not root.is_dir():
                raise InputError(f"{root}: expected a folder with scenes, found none")
            for folder, names in walk(root):
                self._list(folder, names)

    def image(self, mask: Mask) -> Path | None:
        """The image of a mask, one beside it before others of that name; None where there is none."""
        folder = mask.path.parent
        self._list(folder, sorted(child.name for child in folder.iterdir()))
        return _nearest(self._images.get(mask.scene, []), folder)

    def udm2(self, mask: Mask) -> Path | None:
        """The usable data mask of the same PlanetScope scene, one beside its image before others."""
        beside = self.image(mask) or mask.path
        return _nearest(self._udm2.get(scene_id(Path(mask.scene)), []), beside.parent)

    def _list(self, folder: Path, names: Iterable[str]) -> None:
        if folder in self._listed:
            return
        self._listed.add(folder)
        for name in names:
            if name.lower().endswith((".tif", ".tiff")):
                self._images.setdefault(name, []).append(folder / name)
                if "_udm2" in name.lower():
                    self._udm2.setdefault(scene_id(Path(name)), []).append(folder / name)


def _nearest(found: Sequence[Path], folder: Path) -> Path | None:
    return next((path for path in found if path.parent == folder), found[0] if found else None)


def find_masks(sources: Sequence[Path]) -> list[Mask]:
    """Masks of files and folders, each once, in the order they were met.

    Raises:
        InputError: a file is no mask of catfast's, or a folder holds none.
    """
    found: dict[Path, Mask] = {}
    for source in sources:
        masks = list(_of_folder(source)) if source.is_dir() else [_of_file(source)]
        if not masks:
            raise InputError(f"{source}: expected masks (*{MASK_ENDING}), found none in it")
        for mask in masks:
            found.setdefault(mask.path, mask)
    return list(found.values())


def _of_file(path: Path) -> Mask:
    if not path.exists():
        raise InputError(f"{path}: no such file")
    tags = read_tags(path)
    if "CATFAST_INPUT" not in tags or "CATFAST_MODEL" not in tags:
        raise InputError(f"{path}: expected a mask written by catfast, found another file")
    return Mask(path=path, tags=tags)


def _of_folder(folder: Path) -> Iterator[Mask]:
    for place, names in walk(folder):
        for name in names:
            if name.endswith(MASK_ENDING) and not name.startswith("."):
                tags = read_tags(place / name)
                if "CATFAST_INPUT" in tags:
                    yield Mask(path=place / name, tags=tags)
