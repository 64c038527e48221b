"""Real labelled chips, and real clear images for checks, read from a folder of data.

The labels of a chip become 0 clear, 1 cloud (thin cloud too), 2 shadow, 254 clear-or-shadow, 255 ignore.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from catfast.evaluate.codes import THIN, code_table
from recipes.settings import CLEAR, CLOUD, NOT_CLOUD, SHADOW

__all__ = ["Check", "Chip", "folds", "load_checks", "load_chips"]


@dataclass(frozen=True, slots=True)
class Chip:
    """One labelled image."""

    name: str
    """Names the scene it was cut from."""
    source: str
    """``l8_biome``, ``on_cloud_n`` or ``ukis_csmask``."""
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


def load_chips(folder: Path) -> list[Chip]:
    """All chips under ``folder`` (l8biome_patches, on_cloud_n, ukis_csmask), in the order of their names."""
    found = [*_l8_biome(folder / "l8biome_patches"), *_on_cloud_n(folder / "on_cloud_n")]
    found += _ukis(folder / "ukis_csmask")
    if not found:
        raise FileNotFoundError(f"no chips in {folder}")
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


def load_checks(folder: Path) -> list[Check]:
    """Images used for checks alone, never for training; those that are absent are left out."""
    tundra = folder / "tundra_s2_l8_awi"
    stem = "Bykovsky_S2_20210721T035541_20210721T035540_T52WEE.tif"
    overcast = folder / "s2_overcast_unlabelled"
    dolomites = [folder / "dolomites_s2" / f"sentinel.dolomites.b{band}.tif" for band in (2, 3, 4, 8)]
    scale = np.float32(1e-4)
    recipes = [
        ("PlanetScope at 9 m", folder / "planetscope_s2_pair" / "pan_test.tif", False),
        ("Arctic tundra, Sentinel-2", tundra / stem, False),
        ("Arctic tundra, Landsat 8, low sun", tundra / "Bykovsky_L8_LC08_198234_20210718.tif", False),
        ("dark soil, Sentinel-2", overcast / "101657.tif", False),
        ("overcast, Sentinel-2", overcast / "100909.tif", True),
    ]
    found = []
    for name, path, cloudy in recipes:
        if path.exists():
            bands = (1, 2, 3, 7) if path.name == stem else (1, 2, 3, 4)
            image = _read(path, bands) * (np.float32(1) if "Landsat" in name else scale)
            found.append(Check(name, _thirds(image) if "9 m" in name else image, cloudy))
    if all(path.exists() for path in dolomites):
        image = np.concatenate([_read(path, (1,)) for path in dolomites])
        found.append(Check("Dolomites, a few small clouds, Sentinel-2", (image - 1000) * scale, False))
    return found


def _thirds(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean of blocks of 3 x 3 pixels."""
    _, height, width = image.shape
    h, w = height // 3, width // 3
    found: npt.NDArray[np.float32] = image[:, : 3 * h, : 3 * w].reshape(4, h, 3, w, 3).mean((2, 4))
    return found
