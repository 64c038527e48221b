"""A pair whose clouds moved between Landsat and the scene, written with rasterio itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from catfast.raster import Grid, parse_crs
from tests.conftest import UTM_4N, write_scene
from tests.label_files import QA_NAME, SCENE_NAME, write_qa

PX, GSD, SIDE, SCENE_SIDE = 30, 10, 300, 440
ORIGIN = (500_000.0, 7_900_000.0)
SCENE_AT = 2_300.0
"""Metres from Landsat's upper left corner to the scene's, both ways."""

CLEAR, CLOUD, SHADOW, SNOW = 21824, 22280, 23888, 30048
GROUND = np.array([0.05, 0.07, 0.08, 0.22])


@dataclass(frozen=True)
class CloudyPair:
    """The files, what Landsat's QA band holds, and where clouds truly are in the scene."""

    qa: Path
    scene: Path
    codes: np.ndarray
    truth: np.ndarray


def smooth(seed: int, size: int = 1024) -> np.ndarray:
    """A smooth periodic field of 10 m pixels, zero mean and unit variance."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) * size
    spectrum = np.fft.rfft2(rng.standard_normal((size, size))) * (64 + frequency**2) ** -0.9
    field = np.fft.irfft2(spectrum)
    return field / field.std()


def write_pair(
    folder: Path, east_m: int, north_m: int, *, seed: int = 0, same_sky: bool = True
) -> CloudyPair:
    """Clouds over patchy ground; in the scene they stand further on by multiples of 10 m."""
    ground, sky = smooth(seed), smooth(seed + 1)
    other = sky if same_sky else smooth(seed + 2)
    moved = np.roll(other, (-north_m // GSD, east_m // GSD), (0, 1))
    landsat = _image(ground, sky)[:, : SIDE * 3, : SIDE * 3].reshape(4, SIDE, 3, SIDE, 3).mean((2, 4))
    seen = (sky > 0.4)[: SIDE * 3, : SIDE * 3].reshape(SIDE, 3, SIDE, 3).mean((1, 3)) > 0.5
    codes = np.where(seen, CLOUD, CLEAR).astype(np.uint16)
    codes[100:104, 110:150][~seen[100:104, 110:150]] = SHADOW
    codes[140:150, 110:150][~seen[140:150, 110:150]] = SNOW
    grid = Grid(
        width=SIDE,
        height=SIDE,
        transform=Affine(PX, 0, ORIGIN[0], 0, -PX, ORIGIN[1]),
        crs=parse_crs(UTM_4N),
    )
    qa = write_qa(folder / QA_NAME, codes, grid)
    for number, band in zip((2, 3, 4, 5), landsat, strict=True):
        write_qa(folder / QA_NAME.replace("QA_PIXEL", f"B{number}"), _counts(band), grid, nodata=0)
    start = int(SCENE_AT) // GSD
    part = (slice(start, start + SCENE_SIDE),) * 2
    dn = _counts(_image(ground, moved)[(slice(None), *part)] * 0.95)
    dn[:, :20] = 0
    at = Affine(GSD, 0, ORIGIN[0] + SCENE_AT, 0, -GSD, ORIGIN[1] - SCENE_AT)
    scene = write_scene(folder / SCENE_NAME, dn, transform=at)
    return CloudyPair(qa=qa, scene=scene, codes=codes, truth=np.where(dn.any(axis=0), moved[part] > 0.4, 255))


def _image(ground: np.ndarray, sky: np.ndarray) -> np.ndarray:
    cover = np.clip((sky - 0.2) / 1.2, 0, 1)
    lit = GROUND[:, None, None] * np.exp(0.2 * ground)
    return lit * (1 - cover) + 0.6 * cover


def _counts(reflectance: np.ndarray) -> np.ndarray:
    return np.rint(reflectance * 10_000).astype(np.uint16)


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read(1)
