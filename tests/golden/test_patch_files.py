"""Patch files as other programs read them: rasterio, safetensors, torchgeo's generic data sets."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from catfast.classes import COLOURS
from catfast.patches import GroupWriter, finish
from tests.stores import SIZE, group, make_store, splits_of, store_info

TRANSFORMS = {
    "north up": (32604, Affine(3, 0, 500_000, 0, -3, 7_900_000)),
    "at the origin": (6931, Affine(3, 0, 0, 0, -3, 0)),
    "south up": (32604, Affine(3, 0, 500_000, 0, 3, 7_900_000)),
    "rotated": (3413, Affine.translation(-1e6, 1e6) @ Affine.rotation(30) @ Affine.scale(3, -3)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_rasterio_reads_pixels_place_and_colours(tmp_path, name):
    epsg, transform = TRANSFORMS[name]
    info = store_info("geotiff")
    made = group("g", info, epsg=epsg, transform=transform)
    with GroupWriter(tmp_path, info, "g") as writer:
        writer.append(made.images, made.labels, made.records)
    finish(tmp_path, info, splits_of([]) | dict.fromkeys([r.patch_id for r in made.records], "train"))
    for place, record in enumerate(made.records):
        with rasterio.open(tmp_path / "images" / f"g_{place}.tif") as image:
            np.testing.assert_array_equal(image.read(), made.images[place])
            assert image.crs.to_epsg() == epsg
            assert image.transform.almost_equals(Affine(*record.transform), 1e-6)
            assert image.nodata == 0
            assert image.descriptions == ("blue", "green", "red", "nir")
            assert image.tags()["CATFAST_SIMULATED"] == "yes"
            assert image.tags(ns="IMAGE_STRUCTURE") | {
                "COMPRESSION": "ZSTD",
                "INTERLEAVE": "PIXEL",
            } == image.tags(ns="IMAGE_STRUCTURE")
            assert image.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
        with rasterio.open(tmp_path / "labels" / f"g_{place}.tif") as label:
            np.testing.assert_array_equal(label.read(1), made.labels[place])
            assert label.transform.almost_equals(Affine(*record.transform), 1e-6)
            assert label.nodata == 255
            assert label.colorinterp == (ColorInterp.palette,)
            assert {code: label.colormap(1)[code][:3] for code in COLOURS} == {
                code: colour[:3] for code, colour in COLOURS.items()
            }
            assert label.tags(1)["CATEGORY_1"] == "cloud"


def test_a_soft_label_has_no_colours(tmp_path):
    make_store(tmp_path, soft=True, simulated=False)
    with rasterio.open(tmp_path / "labels" / "pair%20a_0.tif") as label:
        assert label.colorinterp == (ColorInterp.gray,)
        assert label.nodata == 255
        assert "CATFAST_SIMULATED" not in label.tags()


def test_patches_of_two_zones_keep_their_own(tmp_path):
    info = store_info("geotiff")
    here, there = (group(f"z{epsg}", info, epsg=epsg, count=2) for epsg in (32604, 32605))
    images, labels = (np.concatenate([getattr(here, k), getattr(there, k)]) for k in ("images", "labels"))
    records = [*here.records, *there.records]
    order = [2, 0, 3, 1]
    with GroupWriter(tmp_path, info, "g") as writer:
        writer.append(images[order], labels[order], [records[place] for place in order])
    finish(tmp_path, info, dict.fromkeys([r.patch_id for r in records], "test"))
    for place, record in enumerate(records):
        with rasterio.open(tmp_path / "images" / f"{record.patch_id}.tif") as image:
            assert image.crs.to_epsg() == record.epsg
            np.testing.assert_array_equal(image.read(), images[place])


def test_safetensors_reads_shards(tmp_path):
    safetensors = pytest.importorskip("safetensors")
    _, groups = make_store(tmp_path, "safetensors")
    with safetensors.safe_open(tmp_path / "shards" / "pair%2Fb.safetensors", "np") as shard:
        assert sorted(shard.keys()) == ["image", "label"]
        np.testing.assert_array_equal(shard.get_tensor("image"), groups[1].images)
        np.testing.assert_array_equal(shard.get_slice("label")[2:3], groups[1].labels[2:3])


@pytest.mark.parametrize("store_format", ["geotiff", "safetensors"])
def test_the_digest_is_that_of_the_bytes_on_disk(tmp_path, store_format):
    store, groups = make_store(tmp_path, store_format)
    for entry in store.index.to_pylist():
        if store_format == "geotiff":
            image = (tmp_path / entry["shard"]).read_bytes()
            label = (tmp_path / entry["shard"].replace("images", "labels")).read_bytes()
        else:
            made = next(made for made in groups if made.name == entry["pair_id"])
            place = entry["row"] // SIZE
            image, label = made.images[place].astype("<u2").tobytes(), made.labels[place].tobytes()
        assert entry["sha256"] == hashlib.sha256(image + label).hexdigest()


def test_torchgeo_reads_images_and_labels(tmp_path):
    """Its generic raster data sets, on the folders as they are: crossed, sampled by place."""
    datasets = pytest.importorskip("torchgeo.datasets")
    info = store_info("geotiff")
    made = group("g", info)
    with GroupWriter(tmp_path, info, "g") as writer:
        writer.append(made.images, made.labels, made.records)
    finish(tmp_path, info, dict.fromkeys([r.patch_id for r in made.records], "train"))

    class Images(datasets.RasterDataset):
        filename_glob = "*.tif"

    class Labels(datasets.RasterDataset):
        filename_glob = "*.tif"
        is_image = False

    crossed = Images(tmp_path / "images") & Labels(tmp_path / "labels")
    assert len(crossed) == 4
    for place, record in enumerate(made.records):
        x, y = Affine(*record.transform) @ (0, 0)
        sample = crossed[x : x + 3 * SIZE, y - 3 * SIZE : y]
        np.testing.assert_array_equal(sample["image"].numpy(), made.images[place])
        np.testing.assert_array_equal(sample["mask"].numpy().squeeze(), made.labels[place])
