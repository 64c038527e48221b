"""Where one case lives: a folder of inputs, one of outputs, and the sound files that it spoils."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio

from tests.conftest import cloudy_dn, write_scene

SR = "20230601_101112_12_2401_3B_AnalyticMS_SR.tif"
"""A name by which surface reflectance is known."""


@dataclass(frozen=True, slots=True)
class Materials:
    """Sound files, made once and never changed."""

    folder: Path
    """A simulated ``world``, its ``planet.parquet``, ``landsat.parquet``, ``pairs.parquet`` and ``store``."""
    model: Path
    """A model folder whose network is known in closed form."""
    url: str
    """Of a server on this machine that counts what is asked of it."""


@dataclass(frozen=True, slots=True)
class Box:
    """The files of one case."""

    folder: Path
    """Of this case alone."""
    sound: Materials
    """What to copy and spoil."""

    @property
    def inputs(self) -> Path:
        """Where the inputs lie: nothing in it may change or appear."""
        return self.folder / "in"

    @property
    def out(self) -> Path:
        """Where outputs go."""
        return self.folder / "out"

    def write(self, name: str, content: str | bytes) -> Path:
        """A file of these bytes."""
        path = self.inputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def json(self, name: str, content: object) -> Path:
        """A JSON file."""
        return self.write(name, json.dumps(content))

    def scene(self, name: str = SR, dn: npt.NDArray[Any] | None = None, **changes: object) -> Path:
        """A scene of 96 x 96 pixels in tiles of 32, deflate, or as told."""
        (self.inputs / name).parent.mkdir(parents=True, exist_ok=True)
        profile = {"blockxsize": 32, "blockysize": 32, **changes}
        return write_scene(self.inputs / name, small_dn() if dn is None else dn, **profile)

    def take(self, name: str) -> Path:
        """A copy of a file or folder of the sound materials."""
        source, target = self.sound.folder / name, self.inputs / Path(name).name
        if source.is_dir():
            return Path(shutil.copytree(source, target))
        return Path(shutil.copy(source, target))

    def one(self, pattern: str) -> Path:
        """The first of the sound files of this pattern."""
        return sorted(self.sound.folder.glob(pattern))[0]

    def model(self, spoil: Callable[[Path], None] | None = None) -> Path:
        """A copy of the model folder, spoilt or not."""
        folder = Path(shutil.copytree(self.sound.model, self.inputs / "model"))
        if spoil is not None:
            spoil(folder)
        return folder

    def mask(self, scene: Path | str, *more: object) -> list[object]:
        """The command that masks ``scene`` into ``out/m.tif`` with the known model."""
        return ["mask", scene, "-o", self.out / "m.tif", "--model", self.sound.model, *more]


def small_dn(side: int = 96, **more: int) -> npt.NDArray[np.uint16]:
    """Dark ground with one bright ellipse and a border without data."""
    return cloudy_dn(side, side, border=8, **more)


def mask_is_of(name: str = SR) -> Callable[[Box], None]:
    """A check: the mask lies on the scene's grid, is 255 without data, and cloud where it is bright."""

    def check(box: Box) -> None:
        with (
            rasterio.Env(GDAL_PAM_ENABLED="NO", GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
            rasterio.open(box.inputs / name) as scene,
            rasterio.open(box.out / "m.tif") as mask,
        ):
            assert (mask.shape, mask.crs, mask.transform) == (scene.shape, scene.crs, scene.transform)
            same_mask(mask.read(1))

    return check


def same_mask(codes: npt.NDArray[Any], dn: npt.NDArray[Any] | None = None) -> None:
    """Codes are those of the small scene, but for pixels at the edge of a cloud or of the data."""
    dn = small_dn() if dn is None else dn
    seen, bright = (dn != 0).all(axis=0), (dn > 4000).all(axis=0)
    assert ((codes == 255) == ~seen).all()
    assert (codes[seen] == bright[seen]).mean() > 0.95
