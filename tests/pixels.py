"""A fixed made-up scene and its mask by the bundled model, so that masks do not change unsaid.

``python -m tests.pixels`` stores the mask under the version that ``catfast.mask`` gives its pixels.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image

from catfast.mask import PIXELS_VERSION, MaskConfig, mask_scene
from tests.conftest import write_scene

SHAPE = (820, 1010)
WAYS = {"10m": None, "3m": 3.0}
"""At the model's own ground sampling distance, and natively: there, of several tiles."""


def made_up() -> npt.NDArray[np.uint16]:
    """Counts of dark ground under clouds of all sizes with their shadows, nodata around."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    ground = 900 + 150 * np.sin(x / 41 + np.sin(y / 67)) * np.cos(y / 53)
    bands = ground * np.array([0.8, 0.9, 0.85, 2.2])[:, None, None]
    shadow, cloud = (_clouds(y + dy, x + dx) for dy, dx in ((25, 18), (0, 0)))
    bands = bands * (1 - 0.6 * shadow) * (1 - cloud) + 6500 * cloud
    inside = (np.abs(x - 505 + 0.2 * (y - 410)) < 430) & (np.abs(y - 410 - 0.2 * (x - 505)) < 350)
    return (np.rint(bands) * inside).astype(np.uint16)


def _clouds(y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Opacity, 0 to 1."""
    waves = sum(np.sin(x / (s * 1.3) + s) * np.cos(y / s - 0.4 * s) / k for k, s in enumerate((61, 23, 9), 1))
    return np.clip(2.5 * (waves - 0.55), 0, 1)


def mask_of(folder: Path, gsd_m: float | None) -> npt.NDArray[np.uint8]:
    """Codes of :func:`made_up` by the bundled model."""
    scene = write_scene(folder / "scene.tif", made_up())
    config = MaskConfig(gsd_m=gsd_m, reflectance_scale=1e-4, overwrite=True)
    with rasterio.open(mask_scene(scene, folder / "mask.tif", config).output) as dataset:
        return np.asarray(dataset.read(1))


def stored(way: str) -> Path:
    """Where the codes of a way are, of this version."""
    return Path(__file__).parent / "golden" / f"pixels_{PIXELS_VERSION}_{way}.png"


def main() -> None:
    for way, gsd_m in WAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            Image.fromarray(mask_of(Path(folder), gsd_m)).save(stored(way), optimize=True)
        sys.stdout.write(f"{stored(way)}\n")


if __name__ == "__main__":
    main()
