"""Real labelled chips, and real clear images for checks, read from a folder of data.

The labels of a chip become 0 clear, 1 cloud (thin cloud too), 2 shadow, 254 clear-or-shadow, 255 ignore.
"""

from __future__ import annotations

import math
import re
import tarfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from catfast.evaluate.codes import THIN, code_table
from recipes.settings import CLEAR, CLOUD, IGNORE, NOT_CLOUD, SHADOW

__all__ = ["CLEAR_SOURCE", "Check", "Chip", "folds", "load_checks", "load_chips"]

CLEAR_SOURCE = "unclouded"
"""Source of the clear images; last by name, so that the folds of the other chips do not depend on them."""

_DOLOMITES = "Dolomites, a few small clouds, Sentinel-2"
_TUNDRA, _LOW_SUN = "Arctic tundra, Sentinel-2", "Arctic tundra, Landsat 8, low sun"
_COAST = "dry coast, Landsat 9"
_CLOUDED = ((slice(20, 200), slice(0, 130)), (slice(40, 280), slice(785, 950)))
"""Rows and columns around the clouds of the Dolomites, found by eye: not taught, not counted."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One labelled image."""

    name: str
    """Names the scene it was cut from."""
    source: str
    """``l8_biome``, ``on_cloud_n``, ``ukis_csmask`` or ``unclouded``."""
    image: npt.NDArray[np.float32]
    """Reflectance (4, h, w): blue, green, red, near infrared."""
    label: npt.NDArray[np.uint8]
    """Training labels (h, w)."""

    @property
    def cloud_share(self) -> float:
        """Share of pixels that are cloud."""
        return float((self.label == CLOUD).mean())


@dataclass(frozen=True, slots=True)
class Check:
    """One real image without a label that is known to be clear, or known to be cloud."""

    name: str
    """What it shows."""
    image: npt.NDArray[np.float32]
    """Reflectance (4, h, w)."""
    cloudy: bool
    """True where all of it is cloud."""


def load_chips(folder: Path, *, clear: bool = False) -> list[Chip]:
    """All chips under ``folder`` (l8biome_patches, on_cloud_n, ukis_csmask), in the order of their names.

    With ``clear``, images without a cloud follow (dolomites_s2, tundra_s2_l8_awi, landsat_c2_xlandsat).

    Raises:
        SystemExit: there are none; whoever runs a recipe without its data reads one sentence.
    """
    found = [*_l8_biome(folder / "l8biome_patches"), *_on_cloud_n(folder / "on_cloud_n")]
    found += _ukis(folder / "ukis_csmask")
    found += _unclouded(folder) if clear else []
    if not found:
        raise SystemExit(f"{folder}: expected chips (l8biome_patches, on_cloud_n, ukis_csmask), found none")
    return found


def folds(chips: list[Chip], count: int) -> list[list[Chip]]:
    """Split chips by scene into ``count`` parts that are alike in sources and cloud cover."""
    ordered = sorted(chips, key=lambda chip: (chip.source, chip.cloud_share, chip.name))
    return [ordered[start::count] for start in range(count)]


def _read(path: Path, bands: tuple[int, ...] = (1, 2, 3, 4)) -> npt.NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, driver="GTiff") as source:
            found: npt.NDArray[np.float32] = source.read(bands).astype(np.float32)
    return found


def _label(path: Path, table: str) -> npt.NDArray[np.uint8]:
    """Translate codes; a chip with cloud and no shadow label at all says nothing about shadow."""
    label = code_table(table).translate(_read(path, (1,))[0].astype(np.uint16), path)
    label[label == THIN] = CLOUD
    if (label == CLOUD).any() and not (label == SHADOW).any():
        label[label == CLEAR] = NOT_CLOUD
    return label


def _l8_biome(folder: Path) -> Iterator[Chip]:
    for path in sorted(folder.glob("images/*.tif")):
        label = _label(folder / "masks" / path.name, "l8biome")
        yield Chip(path.stem, "l8_biome", _read(path) * np.float32(1e-4), label)


def _on_cloud_n(folder: Path) -> Iterator[Chip]:
    for part in sorted(folder.glob("chip_id_*")):
        bands = [_read(part / f"{band}.tif", (1,)) for band in ("B02", "B03", "B04", "B08")]
        label = _label(part / "label.tif", "on-cloud-n")
        yield Chip(part.name, "on_cloud_n", np.concatenate(bands) * np.float32(1e-4), label)


def _ukis(folder: Path) -> Iterator[Chip]:
    for path in sorted(folder.glob("*_image.tif")):
        name = path.name.removesuffix("_image.tif")
        label = _label(folder / f"{name}_mask.tif", "ukis")
        yield Chip(name, "ukis_csmask", _read(path) * np.float32(1e-4), label)


def _unclouded(folder: Path) -> Iterator[Chip]:
    """Images that are clear by eye; whether a pixel lies in shadow is not known."""
    images = {_DOLOMITES: _dolomites(folder), **_tundra(folder), _COAST: _coast(folder)}
    for name, image in images.items():
        if image is not None:
            label = np.full(image.shape[1:], NOT_CLOUD, np.uint8)
            for box in _CLOUDED if name == _DOLOMITES else ():
                label[box] = IGNORE
            yield Chip(name, CLEAR_SOURCE, image, label)


def load_checks(folder: Path) -> list[Check]:
    """Images whose share called cloud is looked at; those that are absent are left out."""
    overcast = folder / "s2_overcast_unlabelled"
    planet = _scaled(folder / "planetscope_s2_pair" / "pan_test.tif")
    images = {
        "PlanetScope at 9 m": planet if planet is None else _thirds(planet),
        **_tundra(folder),
        "dark soil, Sentinel-2": _scaled(overcast / "101657.tif"),
        "overcast, Sentinel-2": _scaled(overcast / "100909.tif"),
        _DOLOMITES: _dolomites(folder),
    }
    return [Check(name, image, "overcast" in name) for name, image in images.items() if image is not None]


def _scaled(path: Path, bands: tuple[int, ...] = (1, 2, 3, 4)) -> npt.NDArray[np.float32] | None:
    return _read(path, bands) * np.float32(1e-4) if path.exists() else None


def _tundra(folder: Path) -> dict[str, npt.NDArray[np.float32] | None]:
    part = folder / "tundra_s2_l8_awi"
    sentinel = part / "Bykovsky_S2_20210721T035541_20210721T035540_T52WEE.tif"
    landsat = part / "Bykovsky_L8_LC08_198234_20210718.tif"
    low = _read(landsat) if landsat.exists() else None
    return {_TUNDRA: _scaled(sentinel, (1, 2, 3, 7)), _LOW_SUN: low}


def _dolomites(folder: Path) -> npt.NDArray[np.float32] | None:
    paths = [folder / "dolomites_s2" / f"sentinel.dolomites.b{band}.tif" for band in (2, 3, 4, 8)]
    if not all(path.exists() for path in paths):
        return None
    found: npt.NDArray[np.float32] = np.concatenate([_read(path, (1,)) for path in paths])
    return (found - np.float32(1000)) * np.float32(1e-4)


def _coast(folder: Path) -> npt.NDArray[np.float32] | None:
    """Top-of-atmosphere reflectance, from Collection 2's numbers and its sun (USGS LSDS-1619)."""
    stem = "LC09_L1TP_063046_20230714_20230714_02_T1"
    path = folder / "landsat_c2_xlandsat" / f"{stem}-cropped.tar.gz"
    if not path.exists():
        return None
    with tarfile.open(path) as packed:
        text = packed.extractfile(f"{stem}_MTL.txt")
        said = re.search(rb"SUN_ELEVATION = ([\d.]+)", text.read()) if text else None
    if said is None:
        raise ValueError(f"{path}: expected SUN_ELEVATION in {stem}_MTL.txt, found none")
    bands = [_read(Path(f"/vsitar/{{{path}}}/{stem}_B{band}.TIF"), (1,)) for band in (2, 3, 4, 5)]
    sun = np.float32(math.sin(math.radians(float(said[1]))))
    found: npt.NDArray[np.float32] = (np.concatenate(bands) * np.float32(2e-5) - np.float32(0.1)) / sun
    return found


def _thirds(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean of blocks of 3 x 3 pixels."""
    _, height, width = image.shape
    h, w = height // 3, width // 3
    found: npt.NDArray[np.float32] = image[:, : 3 * h, : 3 * w].reshape(4, h, 3, w, 3).mean((2, 4))
    return found
