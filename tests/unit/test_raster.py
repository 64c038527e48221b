from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from rio_cogeo.cogeo import cog_validate

from catfast.errors import InputError, OutputError
from catfast.mask import MaskConfig, mask_scene
from catfast.raster import (
    CogStyle,
    Grid,
    atomic_path,
    cog_writer,
    open_raster,
    parse_crs,
    read_tags,
    write_geotiff,
)
from tests.conftest import NORTH_UP, cloudy_dn, write_scene

STYLE = CogStyle(descriptions=("codes",), tags={"A": "b"}, band_tags={"C": "d"}, colours={0: (1, 2, 3, 255)})


def grid_of(transform=NORTH_UP, crs="EPSG:32604", side=700):
    return Grid(width=side, height=side, transform=transform, crs=crs and parse_crs(crs))


def test_rows_come_back_as_rasterio_reads_them(scene):
    with open_raster(scene) as raster, rasterio.open(scene) as dataset:
        assert np.array_equal(raster.read_rows([3, 1], 10, 20), dataset.read([3, 1])[:, 10:20])
        assert raster.info.grid.transform == dataset.transform
        assert raster.info.block_rows == 128


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("width", [1024, 40_000], ids=["narrow", "wide"])
def test_a_picture_of_a_scene_inflates_no_block_twice(tmp_path, width):
    """GDAL goes through a scene row by row and band by band: what its cache drops, it reads again."""
    counters = Path("/proc/self/io")
    dn = np.random.default_rng(1).integers(1, 40, (4, 256, width), np.uint16)
    scene = write_scene(tmp_path / "a.tif", dn, blockxsize=256, blockysize=256, interleave="pixel")

    def read() -> int:
        return int(re.search(r"rchar: (\d+)", counters.read_text())[1])

    with open_raster(scene, verify="never") as raster:
        before = read()
        picture = raster.preview([3, 2, 1], 256, average=False)
        assert read() - before < 1.5 * scene.stat().st_size
    with rasterio.open(scene) as dataset:
        assert np.array_equal(picture, dataset.read([3, 2, 1], out_shape=picture.shape))


def test_a_vrt_in_disguise_is_refused(tmp_path, scene):
    path = tmp_path / "vrt.tif"
    source = f"<SimpleSource><SourceFilename>{scene}</SourceFilename></SimpleSource>"
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{n}">{source}</VRTRasterBand>' for n in range(1, 5)
    )
    path.write_text(f'<VRTDataset rasterXSize="256" rasterYSize="256">{bands}</VRTDataset>')
    with pytest.raises(InputError, match="does not start as a TIFF"), open_raster(path):
        pass


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    for name, message in (
        ("none.tif", "no such file"),
        (".", "not a regular file"),
        ("pipe.tif", "not a regular"),
    ):
        with pytest.raises(InputError, match=message), open_raster(tmp_path / name):
            pass


def test_the_size_is_checked_before_anything_is_read(tmp_path):
    path = tmp_path / "bomb.tif"
    profile = {"count": 4, "width": 200_000, "height": 200_000, "dtype": "uint16", "tiled": True}
    with rasterio.open(path, "w", driver="GTiff", **profile, SPARSE_OK=True, BIGTIFF="YES"):
        pass
    with pytest.raises(InputError, match="more than the budget"), open_raster(path):
        pass
    with (
        pytest.raises(InputError, match="32,768 samples, more than the budget of 32,767"),
        open_raster(write_scene(tmp_path / "a.tif", cloudy_dn(64, 128)), max_samples=32_767),
    ):
        pass


def sparse(path, side, count):
    """A file without a block."""
    profile = {"count": count, "width": side, "height": side, "dtype": "uint8", "tiled": True}
    with rasterio.open(path, "w", driver="GTiff", **profile, SPARSE_OK=True, BIGTIFF="YES") as dataset:
        dataset.update_tags(A="b")
    return path


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_gigapixel_is_taken_and_masked_with_eight_bands(tmp_path):
    four, eight = sparse(tmp_path / "4.tif", 31_623, 4), sparse(tmp_path / "8.tif", 31_623, 8)
    with open_raster(four) as raster:
        assert raster.info.grid.width == 31_623
    with pytest.raises(InputError, match="more than the budget of 4,294,967,296"), open_raster(eight):
        pass
    with open_raster(eight, max_samples=MaskConfig().max_pixels) as raster:
        assert raster.info.count == 8
    with pytest.raises(InputError, match=r"more than the budget of 10,000,000,000 \(--max-pixels\)"):
        mask_scene(sparse(tmp_path / "more.tif", 36_000, 8))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_tags_are_read_whatever_the_size(tmp_path):
    assert read_tags(sparse(tmp_path / "a.tif", 60_000, 8))["A"] == "b"


def test_a_truncated_file_is_one_sentence(tmp_path, scene):
    content = scene.read_bytes()
    path = tmp_path / "cut.tif"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError) as error, open_raster(path) as raster:
        raster.read_rows([1], 0, 256)
    assert "\n" not in str(error.value)
    assert "cut.tif" in str(error.value)


@pytest.mark.parametrize(
    "transform",
    [NORTH_UP, NORTH_UP @ Affine.rotation(12), Affine(3, 0, 5e5, 0, 3, 7.9e6), Affine.identity()],
    ids=["north-up", "rotated", "south-up", "none"],
)
def test_a_cog_keeps_the_grid_and_validates(tmp_path, transform):
    codes = np.random.default_rng(0).integers(0, 3, (1, 700, 700)).astype(np.uint8)
    path = tmp_path / "a.tif"
    with cog_writer(path, grid_of(transform), 1, nodata=255) as writer:
        for start in range(0, 700, 90):
            writer.append(codes[:, start : start + 90])
        writer.finish(STYLE)
    assert cog_validate(path, strict=True, quiet=True)[0]
    with rasterio.open(path) as dataset:
        assert np.array_equal(dataset.read(), codes)
        assert dataset.transform.almost_equals(transform)
        assert dataset.crs == "EPSG:32604"
        assert (dataset.nodata, dataset.descriptions, dataset.tags(1)["C"]) == (255, ("codes",), "d")
        assert dataset.tags()["A"] == "b"
        assert dataset.colormap(1)[0] == (1, 2, 3, 255)
        assert dataset.overviews(1) == [2]
    assert os.listdir(tmp_path) == ["a.tif"]


@pytest.mark.parametrize(
    ("height", "width"),
    [(1300, 1111), (513, 2), (2049, 700), (900, 512), (2000, 1024), (2000, 2047), (900, 384), (150, 32_770)],
)
def test_overviews_of_codes_are_the_most_frequent_of_four(tmp_path, height, width):
    """However the rows come, and by a level at a time."""
    rng = np.random.default_rng(1)
    codes = rng.choice(np.array([0, 1, 2, 255], np.uint8), (height, width), p=[0.4, 0.3, 0.1, 0.2])
    path = tmp_path / "a.tif"
    grid = Grid(width=width, height=height, transform=NORTH_UP, crs=parse_crs("EPSG:32604"))
    with cog_writer(path, grid, 1, nodata=255) as writer:
        for start in range(0, height, 77):
            writer.append(codes[None, start : start + 77])
        writer.finish(STYLE)
    assert os.listdir(tmp_path) == ["a.tif"]
    assert cog_validate(path, strict=True, quiet=True)[0]
    with rasterio.open(path) as dataset:
        factors = dataset.overviews(1)
        assert factors == [2**k for k in range(1, len(factors) + 1)]
        assert max(height, width) / 2 ** len(factors) <= 512
        assert np.array_equal(dataset.read(1), codes)
    expected = codes
    for level in range(len(factors)):
        expected = most_frequent(expected)
        with rasterio.open(path, overview_level=level) as dataset:
            assert np.array_equal(dataset.read(1), expected)


@pytest.mark.parametrize(("height", "width"), [(900, 512), (2000, 1024), (1600, 768), (300, 512)])
def test_percentages_as_wide_as_a_tile_validate(tmp_path, height, width):
    """A column of tiles is no strip, though rio-cogeo takes it for one."""
    path = tmp_path / "a.tif"
    grid = Grid(width=width, height=height, transform=NORTH_UP, crs=None)
    with cog_writer(path, grid, 2, nodata=None) as writer:
        writer.append(np.zeros((2, height, width), np.uint8))
        writer.finish(replace(STYLE, overview_resampling="AVERAGE", colours=None))
    assert cog_validate(path, strict=True, quiet=True)[0]


def test_a_tall_cog_is_tiled_though_rio_cogeo_doubts_it(tmp_path):
    """Whatever side a tile has, some level is as wide."""
    path = tmp_path / "a.tif"
    grid = Grid(width=512, height=5000, transform=NORTH_UP, crs=None)
    with cog_writer(path, grid, 1, nodata=255) as writer:
        writer.append(np.zeros((1, 5000, 512), np.uint8))
        writer.finish(STYLE)
    with rasterio.open(path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.block_shapes == [(256, 256)]


def most_frequent(codes):
    """Of each two by two: ties go to the first in reading order, 255 only where nothing else is."""
    height, width = codes.shape
    padded = np.pad(codes, ((0, height % 2), (0, width % 2)), constant_values=255)
    blocks = padded.reshape(padded.shape[0] // 2, 2, -1, 2).swapaxes(1, 2).reshape(-1, 4)
    counts = (blocks[:, :, None] == blocks[:, None, :]).sum(axis=2) * (blocks != 255)
    best = blocks[np.arange(len(blocks)), counts.argmax(axis=1)]
    return best.reshape(padded.shape[0] // 2, -1)


def test_nothing_is_left_when_writing_fails(tmp_path):
    path = tmp_path / "a.tif"
    path.write_text("old")

    def fail():
        with cog_writer(path, grid_of(), 1, nodata=255) as writer:
            writer.append(np.zeros((1, 600, 700), np.uint8))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        fail()
    assert os.listdir(tmp_path) == ["a.tif"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("folder", ["no", "file"])
def test_a_folder_that_is_none_is_an_output_error(tmp_path, folder):
    """Below a file even what is not there cannot be removed, as on a disk that is read-only."""
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(OutputError, match=r"a.png: cannot be written: (No such file|Not a directory)"),
        atomic_path(tmp_path / folder / "a.png") as temporary,
    ):
        temporary.write_text("x")


def test_write_geotiff_keeps_what_it_is_given(tmp_path):
    array = np.arange(2 * 700 * 700, dtype=np.uint16).reshape(2, 700, 700)
    write_geotiff(
        tmp_path / "a.tif", array, grid_of(), nodata=0, descriptions=("x", "y"), tags={"K": "v"}, predictor=2
    )
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert np.array_equal(dataset.read(), array)
        assert (dataset.descriptions, dataset.tags()["K"], dataset.nodata) == (("x", "y"), "v", 0)
        assert dataset.compression.name == "deflate"


def test_a_disk_that_is_full_just_before_the_end_leaves_no_broken_cog(tmp_path):
    """GDAL's last blocks may be lost without an error where they are written as the file is closed."""
    pytest.importorskip("resource", reason="limits as POSIX has them")
    code = """
import resource, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
import rasterio
from catfast.errors import OutputError
from tests.unit.test_raster import STYLE, cog_writer, grid_of

folder, rows = Path(sys.argv[1]), np.random.default_rng(0).integers(0, 200, (1, 900, 900), np.uint8)

def written(path):
    with cog_writer(path, grid_of(side=900), 1, nodata=255) as writer:
        writer.append(rows)
        writer.finish(STYLE)

written(folder / "whole.tif")
size, refused = (folder / "whole.tif").stat().st_size, 0
for lacking in (1, 100, 1000, 2000, 4000, 5000, 8000, 20_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - lacking, resource.RLIM_INFINITY))
    try:
        written(folder / "cut.tif")
    except OutputError:
        refused += 1
print(refused, sorted(path.name for path in folder.iterdir()))
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "8 ['whole.tif']", done.stderr
