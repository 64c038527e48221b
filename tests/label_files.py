"""QA_PIXEL files and scenes for the tests of labels, written with rasterio itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

from catfast.raster import Grid, parse_crs
from tests.conftest import NORTH_UP, UTM_4N, cloudy_dn, write_scene

QA_CODES = np.array([21824, 22280, 23888, 30048, 21888, 22080], np.uint16)
CODES = (0, 1, 2, 3, 4, 255)
QA_NAME = "LC08_L1TP_074010_20230601_20230607_02_T1_QA_PIXEL.TIF"
SCENE_NAME = "20230601_101112_12_2401_3B_AnalyticMS_SR.tif"

CODE_OF = np.zeros(65536, np.uint8)
"""What the default rule makes of the values in QA_CODES, and of fill."""
CODE_OF[QA_CODES] = CODES
CODE_OF[1] = 255


def noise(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A QA band whose neighbours differ, so that a pixel taken from the wrong place shows."""
    return QA_CODES[np.random.default_rng(seed).integers(0, len(QA_CODES), shape)]


def write_qa(path: Path, qa: np.ndarray, grid: Grid, **changes: object) -> Path:
    profile = {
        "driver": "GTiff",
        "count": 1,
        "height": qa.shape[0],
        "width": qa.shape[1],
        "dtype": qa.dtype.name,
        "crs": grid.crs,
        "transform": grid.transform,
        "nodata": 1,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        **changes,
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(qa, 1)
    return path


def around(scene_transform: Affine = NORTH_UP, crs: str = UTM_4N, pixels: int = 60) -> Grid:
    """A 30 m grid whose first scene pixel lies some pixels inside."""
    x, y = scene_transform.c, scene_transform.f
    return Grid(
        width=pixels,
        height=pixels,
        transform=Affine(30, 0, x - 315, 0, -30, y + 315),
        crs=parse_crs(crs),
    )


def open_pair(folder: Path, **changes: object) -> tuple[Path, Path]:
    """A QA file and a scene of 256 x 256 pixels that lies inside it."""
    qa = write_qa(folder / QA_NAME, noise((60, 60)), around(), **changes)
    return qa, write_scene(folder / SCENE_NAME, cloudy_dn())
