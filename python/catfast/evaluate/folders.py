"""A folder of images with masks as a test set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from catfast.errors import InputError, Notice
from catfast.evaluate.codes import CodeTable
from catfast.evaluate.samples import Opened, Sample, latitude_of, merged
from catfast.evaluate.strata import Facts
from catfast.paths import files_below
from catfast.planet import describe_scene, scene_id
from catfast.raster import Raster, StackedRaster, open_raster, read_tags, simulated_tag
from catfast.textfiles import parse_json, read_small

__all__ = ["ImageFolder", "check_same_grid", "images_under", "is_simulated"]

T = TypeVar("T")

MASK_FOLDERS = ("masks", "labels", "truth", "train_labels")
_MASK_ENDS = ("_mask", "_masks", "_label", "_labels", "_truth")
_OTHER = re.compile(r"udm2?(_|$)|_confidence$|QA_PIXEL|^SCL|_SCL_", re.IGNORECASE)
_BAND_FILES = ("B02", "B03", "B04", "B08")
_BIOMES = {"SnowIce": "snow/ice", "Water": "water"}
_BIOME = re.compile(r"^(Barren|Forest|GrassCrops|Shrubland|SnowIce|Urban|Water|Wetlands)_\d")


@dataclass(frozen=True, slots=True)
class _Pair:
    key: str
    images: tuple[Path, ...]
    mask: Path


class ImageFolder:
    """Images with masks: ``images/X.tif`` and ``masks/X.tif``, or ``X.tif`` and ``X_mask.tif``.

    A folder ``X`` with ``B02.tif``, ``B03.tif``, ``B04.tif`` and ``B08.tif`` is one image; its mask is
    ``label.tif`` in it, or ``X.tif`` in a folder of masks. Masks may also carry the scene's id alone.
    """

    kind = "images with masks"

    def __init__(
        self,
        path: Path,
        table: CodeTable,
        facts: dict[str, Facts],
        *,
        gsd_m: float | None,
        reflectance_scale: float | None,
    ) -> None:
        self.path = path
        self.classes = table.classes
        self.shadow_may_lack = table.shadow_may_lack
        self._table = table
        self._facts = facts
        self._gsd_m = gsd_m
        self._scale = reflectance_scale
        self._pairs, left = _find(path)
        self.notices = _notices(left, facts, [pair.key for pair in self._pairs])
        self.simulated = any(
            map(is_simulated, (path for pair in self._pairs for path in (*pair.images, pair.mask)))
        )

    def __len__(self) -> int:
        """Number of images with a mask."""
        return len(self._pairs)

    def __iter__(self) -> Iterator[Sample]:
        """In the order of their names."""
        for pair in self._pairs:
            with _open_image(pair) as raster:
                found = _known(pair, raster)
            facts = merged(found, self._facts.get(pair.key))
            yield Sample(
                name=pair.key,
                scene_id=facts.scene or scene_id(pair.images[0]),
                origin=(0, 0),
                whole=True,
                facts=facts,
                open=lambda pair=pair: self._open(pair),  # type: ignore[misc]
            )

    @contextmanager
    def _open(self, pair: _Pair) -> Iterator[Opened]:
        with _open_image(pair) as raster, open_raster(pair.mask) as mask:
            check_same_grid(mask, raster)
            scene = describe_scene(raster, reflectance_scale=self._scale)
            if scene.gsd_m is None and self._gsd_m is not None:
                scene = replace(scene, gsd_m=(self._gsd_m, self._gsd_m))

            def truth(start: int, stop: int) -> npt.NDArray[np.uint8]:
                values = mask.read_rows([1], start, stop)[0]
                return self._table.translate(_without_nodata(values, mask), pair.mask)

            yield Opened(raster=raster, scene=scene, truth=truth)


def is_simulated(path: Path) -> bool:
    """Whether a file says that it was simulated."""
    return bool(simulated_tag(read_tags(path)))


def check_same_grid(mask: Raster, image: Raster) -> None:
    """Refuse a mask of another size than its image; or of another place, where both say theirs in one CRS.

    Raises:
        InputError: they differ.
    """
    own, wanted = mask.info.grid, image.info.grid
    if (own.width, own.height) != (wanted.width, wanted.height):
        raise InputError(
            f"{mask.info.path}: expected {wanted.width} x {wanted.height} pixels as in "
            f"{image.info.path.name}, found {own.width} x {own.height}"
        )
    if wanted.crs is None or own.crs != wanted.crs or own.transform.is_identity or not wanted.has_area:
        return
    if (apart := wanted.pixels_off(own)) > 1:
        raise InputError(
            f"{mask.info.path}: expected the grid of {image.info.path.name}, found one {apart:.1f} pixels off"
        )


def _without_nodata(values: npt.NDArray[np.generic], mask: Raster) -> npt.NDArray[np.generic]:
    """A nodata tag of 255 or more is ignored like 255; a smaller one may be a class of its own."""
    nodata = mask.info.nodata
    if nodata is None or nodata <= 255 or values.dtype.kind not in "ui":
        return values
    return np.where(values == nodata, 255, values)


@contextmanager
def _open_image(pair: _Pair) -> Iterator[Raster]:
    with ExitStack() as stack:
        parts = [stack.enter_context(open_raster(path)) for path in pair.images]
        yield parts[0] if len(parts) == 1 else StackedRaster(parts, pair.images[0].parent)


def _known(pair: _Pair, raster: Raster) -> Facts:
    biome = _BIOME.match(pair.key)
    return Facts(
        surface=_BIOMES.get(biome.group(1), "other") if biome else None,
        sun_elevation=_sun_elevation(pair.images[0]),
        latitude=latitude_of(raster.info.grid),
    )


def _sun_elevation(image: Path) -> float | None:
    """Of Planet's item metadata beside the image."""
    item = image.with_name(f"{scene_id(image)}_metadata.json")
    try:
        return float(parse_json(read_small(item))["properties"]["sun_elevation"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _find(root: Path) -> tuple[list[_Pair], int]:
    """Images with their masks, and how many images have none."""
    images, masks = _images_and_masks(root)
    pairs, left = [], 0
    for key, paths in sorted(images.items()):
        mask = masks.get(key) or masks.get(key.removesuffix("_image")) or masks.get(scene_id(paths[0]))
        if mask is None:
            left += 1
        else:
            pairs.append(_Pair(key.removesuffix("_image"), paths, mask))
    if not pairs:
        raise InputError(
            f"{root}: expected images with masks (images/X.tif with masks/X.tif, X.tif with X_mask.tif, or "
            f"X/B02.tif, B03, B04, B08 with X/label.tif), found {len(images)} images and {len(masks)} masks, "
            "none of them of one name"
        )
    return pairs, left


def images_under(root: Path) -> dict[str, tuple[Path, ...]]:
    """Image files below a folder, by name: one with all bands, or one a band.

    Raises:
        InputError: no such folder.
    """
    if not root.is_dir():
        raise InputError(f"{root}: expected a folder of scenes, found none")
    return _images_and_masks(root)[0]


def _images_and_masks(root: Path) -> tuple[dict[str, tuple[Path, ...]], dict[str, Path]]:
    images: dict[str, tuple[Path, ...]] = {}
    masks: dict[str, Path] = {}
    for path in files_below(root):
        if path.suffix.lower() not in (".tif", ".tiff") or not path.is_file():
            continue
        stem = path.stem
        end = next((end for end in _MASK_ENDS if stem.endswith(end)), "")
        if path.parent.name in MASK_FOLDERS or end:
            _add(masks, stem.removesuffix(end), path, root)
        elif stem in ("label", "mask", "truth"):
            _add(masks, path.parent.name, path, root)
        elif stem in _BAND_FILES:
            bands = tuple(path.with_name(f"{band}{path.suffix}") for band in _BAND_FILES)
            if stem == _BAND_FILES[0] and all(band.is_file() for band in bands):
                _add(images, path.parent.name, bands, root)
        elif not _OTHER.search(stem):
            _add(images, stem, (path,), root)
    return images, masks


def _add(found: dict[str, T], name: str, files: T, root: Path) -> None:
    if name in found:
        raise InputError(f"{root}: expected one image and one mask of a name, found two of {name}")
    found[name] = files


def _notices(left: int, facts: dict[str, Facts], names: list[str]) -> tuple[Notice, ...]:
    found = []
    if left:
        found.append(Notice("images_without_mask", f"images without a mask, left out: {left}"))
    if strange := sorted(set(facts) - set(names)):
        found.append(
            Notice("facts_without_image", f"facts name {len(strange)} unknown samples, {strange[0]} first")
        )
    return tuple(found)
