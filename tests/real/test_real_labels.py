"""Real QA files from ../shared/data under made-up scenes: right to the pixel; Collection 1 is refused."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer

from catfast import _core
from catfast.errors import InputError
from catfast.labels import LabelConfig, transfer
from catfast.landsat import check_codes
from tests.conftest import write_scene
from tests.label_files import SCENE_NAME

FULL = "landsat_c2_qa_fullscene/LC08_L2SP_140041_20130503_20200912_02_T1_QA_PIXEL.TIF"
ANTARCTICA = "landsat_c2_stactools/LC08_L2SR_099120_20191129_20201016_02_T2_QA_PIXEL.TIF"
NORTH = "landsat_c2_stactools/LC08_L2SP_008059_20191201_20200825_02_T1_QA_PIXEL.TIF"
BQA = "landsat_c1/LC08_L1TP_005004_20170410_20170414_01_T1_BQA.TIF"
SIZE = 600


def scene_over(path, folder, crs, metres, turn=0.0):
    """A scene of SIZE pixels around the middle of a QA file, a corner of it nodata."""
    with rasterio.open(path) as dataset:
        middle = dataset.transform @ (dataset.width / 2, dataset.height / 2)
        x, y = Transformer.from_crs(dataset.crs, crs, always_xy=True).transform(*middle)
    transform = Affine.translation(x, y) @ Affine.rotation(turn) @ Affine.scale(metres, -metres)
    dn = np.full((4, SIZE, SIZE), 900, np.uint16)
    dn[:, :100, :100] = 0
    transform @= Affine.translation(-SIZE / 2, -SIZE / 2)
    return write_scene(folder / SCENE_NAME, dn, crs=crs, transform=transform)


def per_pixel(path, scene):
    """Codes by PROJ at every pixel."""
    with rasterio.open(path) as dataset, rasterio.open(scene) as like:
        qa = dataset.read(1)
        row, column = np.mgrid[: like.height, : like.width] + 0.5
        x, y = Transformer.from_crs(like.crs, dataset.crs, always_xy=True).transform(
            *(like.transform @ (column, row))
        )
        column, row = (np.floor(axis).astype(int) for axis in ~dataset.transform @ (x, y))
        seen = like.read().any(axis=0)
    codes = np.empty(qa.shape, np.uint8)
    _core.decode_qa(qa, codes)
    inside = (row >= 0) & (row < qa.shape[0]) & (column >= 0) & (column < qa.shape[1])
    return np.where(inside & seen, codes[row.clip(0, qa.shape[0] - 1), column.clip(0, qa.shape[1] - 1)], 255)


@pytest.mark.parametrize(
    ("name", "crs", "metres", "turn"),
    [
        (FULL, "EPSG:32645", 3.0, 0.0),
        (FULL, "EPSG:32644", 3.0, 0.0),
        (FULL, "EPSG:32646", 100.0, 17.0),
        (ANTARCTICA, "EPSG:3031", 50.0, 0.0),
        (ANTARCTICA, "EPSG:32701", 300.0, 0.0),
        (NORTH, "EPSG:32618", 250.0, -30.0),
    ],
)
def test_real_qa(shared_data, tmp_path, name, crs, metres, turn):
    scene = scene_over(shared_data / name, tmp_path, crs, metres, turn)
    result = transfer(shared_data / name, scene, tmp_path / "label.tif")
    expected = per_pixel(shared_data / name, scene)
    with rasterio.open(tmp_path / "label.tif") as label:
        assert np.array_equal(label.read(1), expected)
    assert result.labelled_percent == pytest.approx(100 * (expected != 255).mean(), abs=0.01)
    soft = transfer(
        shared_data / name, scene, tmp_path / "soft.tif", LabelConfig(method="fraction", scheme="binary")
    )
    if metres == 3.0:
        assert soft.classes.get("cloud", 0) == pytest.approx(result.classes.get("cloud", 0), abs=2)


def test_every_real_collection_2_file_holds_known_codes(shared_data):
    found = sorted(shared_data.glob("landsat_c2_*/*QA_PIXEL.TIF"))
    assert len(found) >= 4
    for path in found:
        with rasterio.open(path) as dataset:
            check_codes(path, dataset.read(1))


def test_collection_1_is_refused_by_name_and_by_value(shared_data, tmp_path):
    scene = scene_over(shared_data / BQA, tmp_path, "EPSG:32627", 30.0)
    with pytest.raises(InputError, match="Collection 1 product by its name"):
        transfer(shared_data / BQA, scene, tmp_path / "label.tif")
    renamed = tmp_path / "renamed_QA_PIXEL.TIF"
    renamed.write_bytes((shared_data / BQA).read_bytes())
    with pytest.raises(InputError, match="expected Collection 2 QA_PIXEL codes, found"):
        transfer(renamed, scene, tmp_path / "label.tif")
    assert not (tmp_path / "label.tif").exists()
