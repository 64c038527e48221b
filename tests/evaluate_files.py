"""Small test sets on disk whose scores are known from numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from catfast.cli import main
from tests.conftest import NORTH_UP, UTM_4N, Run

CLOUD_DN, GROUND_DN = 7000, 900


def run_inside(capsys: pytest.CaptureFixture[str], *arguments: object) -> Run:
    """What the command line does, in this process: heavy imports then cost once."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return Run(left.value.code, said.out, said.err)


def write_tif(path: Path, array: np.ndarray, **changes: object) -> Path:
    """Bands as they are, by rasterio itself."""
    array = array if array.ndim == 3 else array[None]
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff",
        "count": array.shape[0],
        "height": array.shape[1],
        "width": array.shape[2],
        "dtype": array.dtype.name,
        **changes,
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(array)
    return path


def image_of(cloud: np.ndarray, seed: int = 0) -> np.ndarray:
    """Reflectance x 10000, 4 bands, in which the pixel model calls just ``cloud`` cloud."""
    noise = np.random.default_rng(seed).integers(0, 200, (4, *cloud.shape))
    return (np.where(cloud, CLOUD_DN, GROUND_DN) + noise).astype(np.uint16)


def blobs(shape: tuple[int, int], seed: int, share: float = 0.4) -> np.ndarray:
    """Random flags in clumps of about 8 pixels."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((shape[0] // 8 + 1, shape[1] // 8 + 1)) < share
    return np.repeat(np.repeat(coarse, 8, 0), 8, 1)[: shape[0], : shape[1]]


def image_folder(
    root: Path, answers: Sequence[np.ndarray], truths: Sequence[np.ndarray], **changes: object
) -> Path:
    """images/ and masks/, one of each a scene."""
    for index, (answer, truth) in enumerate(zip(answers, truths, strict=True)):
        write_tif(root / "images" / f"scene_{index}.tif", image_of(answer, index), **changes)
        write_tif(root / "masks" / f"scene_{index}.tif", truth, **changes)
    return root


def patch_store(root: Path, images: np.ndarray, labels: np.ndarray, **info: object) -> Path:
    """A finished store of 10 m patches: two a scene, splits in turn, facts that differ."""
    from catfast.patches import GroupWriter, PatchRecord, StoreInfo, finish

    size = images.shape[-1]
    known = {"size": size, "stride": size, "gsd_m": 10.0, "scheme": "full", "method": "nearest"}
    made = StoreInfo(**{**known, "simulated": False, "options": {}, "command": "test", **info})
    splits = {}
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = NORTH_UP @ Affine.scale(10 / 3) @ Affine.translation(index * size, 0)
        record = PatchRecord(
            patch_id=f"p{index:03d}",
            pair_id=f"pair{index:03d}",
            ps_id=f"ps{index // 2:03d}",
            l8_id="l8",
            row=0,
            col=(index % 2) * size,
            valid_fraction=1.0,
            cloud_fraction=float((label == 1).mean()),
            ignore_fraction=0.0,
            dt_s=float(3 * index - 10),
            sun_elevation=8.0 + 6 * index,
            epsg=int(UTM_4N.split(":")[1]),
            transform=tuple(place)[:6],
            simulated=bool(made.simulated),
            ps_acquired=datetime(2023, 6, 1, tzinfo=UTC),
            geometry=shapely.to_wkb(shapely.box(0, 0, 1, 1)),
        )
        splits[record.patch_id] = ("test", "test", "train")[index % 3]
        with GroupWriter(root, made, record.pair_id) as writer:
            writer.append(image[None], label[None], [record])
    finish(root, made, splits)
    return root
