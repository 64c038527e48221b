"""Landsat's QA_PIXEL, and what is taken for it, in ``catfast labels``."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from tests.conftest import write_scene
from tests.hostile.box import Box
from tests.hostile.case import Made, accepted, refused
from tests.hostile.tiff_bytes import first_block

NAME = "LC08_L1TP_007013_20230601_20230615_02_T1_QA_PIXEL.TIF"
CLEAR, CLOUD, FILL = 21824, 22280, 1
"""Codes of the USGS product guide (LSDS-1619, table 6-3)."""


def qa_codes() -> npt.NDArray[np.uint16]:
    """Clear ground with a square cloud, (1, 20, 20)."""
    codes = np.full((1, 20, 20), CLEAR, np.uint16)
    codes[0, 4:8, 4:8] = CLOUD
    return codes


def write_qa(
    box: Box, codes: npt.NDArray[np.generic] | None = None, name: str = NAME, **more: object
) -> Path:
    """At 30 m over the scene of 96 x 96 pixels at 3 m, and 5 pixels around it."""
    place = rasterio.Affine(30, 0, 499_850, 0, -30, 7_900_150)
    profile = {"transform": place, "nodata": 1, "blockxsize": 16, "blockysize": 16, **more}
    return write_scene(box.inputs / name, qa_codes() if codes is None else codes, **profile)


def labels(box: Box, qa: object, like: object | None = None, *more: object) -> list[object]:
    """The command that labels a sound scene, or another, from this file."""
    return ["labels", qa, "--like", like or box.scene(), "-o", box.out / "label.tif", *more]


def _right(box: Box) -> None:
    """The cloud of QA rows and columns 4-7 ends 3 pixels into the scene: 30 rows of it; the border is 255."""
    with rasterio.open(box.out / "label.tif") as label:
        codes = label.read(1)
    expected = np.zeros((96, 96), np.uint8)
    expected[:30, :30] = 1
    expected[:, :8] = 255
    assert np.array_equal(codes, expected)


@accepted(_right)
def labels_of_a_sound_file(box: Box) -> Made:
    return labels(box, write_qa(box))


@accepted(_right)
def labels_of_qa_padded_with_zeros(box: Box) -> Made:
    codes = qa_codes()
    codes[0, 15:] = 0
    return labels(box, write_qa(box, codes, nodata=None))


@refused(3, "1 band of uint16, found 1 band of float32")
def labels_of_qa_as_float(box: Box) -> Made:
    return labels(box, write_qa(box, qa_codes().astype(np.float32)))


@refused(3, "uint16, found 1 band of uint8")
def labels_of_qa_in_8_bits(box: Box) -> Made:
    return labels(box, write_qa(box, (qa_codes() >> 8).astype(np.uint8)))


@refused(3, "uint16, found 1 band of int16")
def labels_of_signed_qa(box: Box) -> Made:
    return labels(box, write_qa(box, qa_codes().astype(np.int16)))


@refused(3, "Collection 1")
def labels_of_collection_1_by_name(box: Box) -> Made:
    return labels(box, write_qa(box, name="LC08_L1TP_007013_20180601_20180615_01_T1_BQA.TIF"))


@refused(3, "Collection 2 QA_PIXEL codes, found 2720")
def labels_of_collection_1_by_its_codes(box: Box) -> Made:
    return labels(box, write_qa(box, np.full((1, 20, 20), 2720, np.uint16), name="quality.TIF"))


@refused(3, "another band")
def labels_of_another_band(box: Box) -> Made:
    return labels(box, write_qa(box, name=NAME.replace("QA_PIXEL", "QA_RADSAT")))


@refused(3, "1 band of uint16, found 4 bands")
def labels_of_a_scene_as_qa(box: Box) -> Made:
    scene = box.scene()
    return labels(box, scene, scene)


@refused(3, "no pixel of it lies on the grid")
def labels_of_qa_elsewhere(box: Box) -> Made:
    return labels(box, write_qa(box, transform=rasterio.Affine(30, 0, 9e5, 0, -30, 7.1e6)))


@refused(3, "no CRS")
def labels_of_qa_without_a_crs(box: Box) -> Made:
    return labels(box, write_qa(box, crs=None))


@refused(3, "no usable geotransform")
def labels_of_qa_with_nan_in_its_place(box: Box) -> Made:
    return labels(box, write_qa(box, transform=rasterio.Affine(float("nan"), 0, 0, 0, -30, 0)))


@refused(3, "georeferenced scene")
def labels_for_a_scene_without_a_crs(box: Box) -> Made:
    return labels(box, write_qa(box), box.scene(crs=None))


@accepted(warns="all_ignored")
def labels_of_fill_alone(box: Box) -> Made:
    return labels(box, write_qa(box, np.full((1, 20, 20), FILL, np.uint16)))


@refused(3, "not a regular file")
def labels_of_a_fifo(box: Box) -> Made:
    os.mkfifo(box.inputs / NAME)
    return labels(box, box.inputs / NAME)


@refused(3, "not a regular file")
def labels_like_dev_zero(box: Box) -> Made:
    return labels(box, write_qa(box), "/dev/zero")


@refused(3, "damaged")
def labels_of_qa_with_a_flipped_bit(box: Box) -> Made:
    path = write_qa(box, np.random.default_rng(0).choice([CLEAR, CLOUD], (1, 20, 20)).astype(np.uint16))
    data, (place, size) = bytearray(path.read_bytes()), first_block(path)
    data[place + size // 2] ^= 4
    path.write_bytes(data)
    return labels(box, path)


@refused(4, "exists|itself|overwrite")
def labels_over_their_own_input(box: Box) -> Made:
    qa = write_qa(box)
    return ["labels", qa, "--like", box.scene(), "-o", qa, "--overwrite"]


@refused(4, "exists|itself|overwrite")
def labels_over_their_own_scene(box: Box) -> Made:
    scene = box.scene()
    return ["labels", write_qa(box), "--like", scene, "-o", scene, "--overwrite"]


@refused(3, "B2|bands 2")
def labels_aligned_without_bands(box: Box) -> Made:
    return labels(box, write_qa(box), None, "--align")
