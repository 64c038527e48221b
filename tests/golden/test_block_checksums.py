"""Overwritten bytes are found wherever the file carries a checksum; zlib says what there is to find."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import rasterio
from numcodecs.zstd import Zstd

from catfast import _core
from catfast.errors import InputError
from catfast.raster import open_raster
from catfast.raster.layout import BlockLayout
from tests.conftest import NORTH_UP

SIDE = 512
LAYOUTS = {
    "tiles": {"tiled": True, "blockxsize": 128, "blockysize": 128},
    "predictor": {"tiled": True, "blockxsize": 128, "blockysize": 128, "predictor": 2},
    "bands apart": {"tiled": True, "blockxsize": 128, "blockysize": 128, "interleave": "band"},
    "strips": {"tiled": False, "blockysize": 3},
    "bigtiff": {"tiled": True, "blockxsize": 256, "blockysize": 256, "BIGTIFF": "YES"},
    "big-endian": {"tiled": True, "blockxsize": 128, "blockysize": 128, "ENDIANNESS": "BIG"},
}


def write(path, **layout):
    noise = np.random.default_rng(1).integers(800, 1200, (4, SIDE, SIDE)).astype(np.uint16)
    profile = {"count": 4, "width": SIDE, "height": SIDE, "dtype": "uint16", "nodata": 0}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32604", transform=NORTH_UP, **profile, **layout
    ) as dataset:
        dataset.write(noise)
    return noise


def block_bytes(path):
    """First and last byte of the pixel data, as GDAL tells them."""
    with rasterio.open(path) as dataset:
        rows, columns = dataset.block_shapes[0]
        bands = range(1, 5) if dataset.interleaving.name == "band" else [1]
        return [
            tuple(
                int(dataset.get_tag_item(f"BLOCK_{what}_{x}_{y}", "TIFF", band))
                for what in ("OFFSET", "SIZE")
            )
            for band in bands
            for y in range(-(-SIDE // rows))
            for x in range(-(-SIDE // columns))
        ]


def refused(path) -> bool:
    try:
        with open_raster(path) as raster:
            for start in range(0, SIDE, 100):
                raster.read_rows([1, 2, 3, 4], start, min(start + 100, SIDE))
    except InputError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 - any other error is a failure
        return True
    return False


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_damaged_deflate_block_is_found(tmp_path, layout):
    path, damaged = tmp_path / "scene.tif", tmp_path / "damaged.tif"
    noise = write(path, compress="deflate", **LAYOUTS[layout])
    with open_raster(path) as raster:
        assert np.array_equal(raster.read_rows([2, 4], 0, SIDE), noise[[1, 3]])
    whole, rng = path.read_bytes(), np.random.default_rng(2)
    places = block_bytes(path)
    for _ in range(20):
        start, size = places[rng.integers(len(places))]
        data = bytearray(whole)
        at = start + int(rng.integers(size))
        # One bit is the least that can go wrong.
        data[at] ^= 1 << int(rng.integers(8))
        damaged.write_bytes(data)
        try:
            zlib.decompress(data[start : start + size])
            still_whole = True
        except zlib.error:
            still_whole = False
        assert refused(damaged) is not still_whole


def test_only_blocks_that_are_read_are_checked(tmp_path):
    path = tmp_path / "scene.tif"
    noise = write(path, compress="deflate", **LAYOUTS["tiles"])
    start, size = block_bytes(path)[0]
    data = bytearray(path.read_bytes())
    data[start + size // 2] ^= 0xFF
    path.write_bytes(data)
    with open_raster(path) as raster:
        below = raster.read_window([1], (128, 256), (0, 128))
        beside = raster.read_window([1], (0, 128), (128, 512))
        assert np.array_equal(below[0], noise[0, 128:256, :128])
        assert np.array_equal(beside[0], noise[0, :128, 128:])
        with pytest.raises(InputError, match="rows 0 to 128 are damaged"):
            raster.read_window([1], (127, 128), (127, 128))
    with open_raster(path, verify="never") as raster:
        assert raster.read_window([1], (256, 300), (0, 10)).shape == (1, 44, 10)


@pytest.mark.parametrize(
    ("compress", "has"), [("deflate", True), ("zstd", False), ("lzw", False), (None, False)]
)
def test_always_refuses_what_carries_no_checksum(tmp_path, compress, has):
    path = tmp_path / "scene.tif"
    write(path, compress=compress, **LAYOUTS["tiles"])
    if has:
        with open_raster(path, verify="always"):
            pass
    else:
        with (
            pytest.raises(InputError, match="found compression"),
            open_raster(path, verify="always"),
        ):
            pass


def test_a_sparse_file_has_nothing_to_compare(tmp_path):
    path = tmp_path / "sparse.tif"
    profile = {"count": 4, "width": SIDE, "height": SIDE, "dtype": "uint16", "SPARSE_OK": True}
    with rasterio.open(path, "w", driver="GTiff", compress="deflate", transform=NORTH_UP, **profile):
        pass
    with open_raster(path) as raster:
        assert not raster.read_rows([1], 0, SIDE).any()


DIRECT = [
    (compress, dtype, predictor, layout)
    for compress in ("deflate", "zstd")
    for dtype, predictor in (("uint8", 1), ("uint16", 2), ("int16", 2), ("float32", 3), ("float64", 1))
    for layout in ("tiles", "bands apart", "strips", "bigtiff", "big-endian")
]


@pytest.mark.parametrize(("compress", "dtype", "predictor", "layout"), DIRECT)
def test_usual_layouts_are_not_decoded_twice(tmp_path, compress, dtype, predictor, layout):
    path = tmp_path / "scene.tif"
    profile = {"count": 8, "width": SIDE, "height": SIDE, "dtype": dtype, "compress": compress}
    pixels = np.random.default_rng(1).integers(0, 200, (8, SIDE, SIDE)).astype(dtype)
    with rasterio.open(
        path, "w", driver="GTiff", transform=NORTH_UP, predictor=predictor, **profile, **LAYOUTS[layout]
    ) as dataset:
        dataset.write(pixels)
    with rasterio.open(path) as dataset, open_raster(path) as raster:
        found = BlockLayout.of(path, dataset)
        assert found is not None
        assert found.direct
        assert [int(found.offsets[0, 0, 0]), int(found.sizes[0, 0, 0])] == [
            int(dataset.get_tag_item(f"BLOCK_{what}_0_0", "TIFF", 1)) for what in ("OFFSET", "SIZE")
        ]
        for rows, columns in (((0, SIDE), (0, SIDE)), ((100, 300), (7, 400)), ((250, 380), (0, 130))):
            window = raster.read_window([6, 2], rows, columns)
            assert np.array_equal(window, pixels[[5, 1], slice(*rows), slice(*columns)])


@pytest.mark.parametrize("value", [0, 1, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("field", [4, 12])
def test_a_table_that_is_not_there_gives_no_other_pixels(tmp_path, field, value):
    path = tmp_path / "scene.tif"
    noise = write(path, compress="deflate", tiled=True, blockxsize=16, blockysize=16, BIGTIFF="YES")
    content = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<Q", content, 8)
    (count,) = struct.unpack_from("<Q", content, at)
    entries = range(at + 8, at + 8 + 20 * count, 20)
    entry = next(place for place in entries if struct.unpack_from("<H", content, place)[0] == 324)
    struct.pack_into("<Q", content, entry + field, value)
    path.write_bytes(content)
    try:
        with open_raster(path) as raster:
            assert np.array_equal(raster.read_rows([1, 2, 3, 4], 0, SIDE), noise)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017 - any other error is a failure


@pytest.mark.parametrize("compress", ["deflate", "zstd"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, compress):
    path, other = tmp_path / "scene.tif", tmp_path / "other.tif"
    write(path, compress=compress, **LAYOUTS["tiles"])
    with open_raster(path) as raster:
        raster.read_rows([1], 0, 128)
        write(other, compress=compress, **LAYOUTS["strips"])
        other.replace(path)
        with pytest.raises(InputError, match="the file changed while it was read"):
            raster.read_rows([1], 128, 256)
        path.unlink()
        with pytest.raises(InputError, match="cannot be read: No such file"):
            raster.read_rows([1], 128, 256)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compress", ["deflate", "zstd"])
def test_a_truncated_file_is_said_to_be(tmp_path, layout, compress):
    path = tmp_path / "scene.tif"
    # A directory behind the pixels would be lost with them.
    profile = {
        "count": 4,
        "width": SIDE,
        "height": SIDE,
        "dtype": "uint16",
        "nodata": 0,
        "compress": compress,
    }
    with rasterio.open(
        path, "w", driver="GTiff", transform=NORTH_UP, **profile, **LAYOUTS[layout]
    ) as dataset:
        dataset.write(np.random.default_rng(1).integers(800, 1200, (4, SIDE, SIDE)).astype(np.uint16))
    last = max(start for start, _ in block_bytes(path))
    path.write_bytes(path.read_bytes()[: last + 1])
    with (
        open_raster(path) as raster,
        pytest.raises(InputError, match=f"the file is truncated: it ends at byte {last + 1}"),
    ):
        raster.read_rows([1, 2, 3, 4], 0, SIDE)


def kernel(blocks, most=1000, codec="deflate"):
    data = np.frombuffer(b"".join(blocks), np.uint8)
    sizes = [len(block) for block in blocks]
    places = np.array(list(zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True)), np.int64)
    return _core.first_damaged_block(data, places, codec=codec, most=most)


def test_the_kernel_names_the_first_bad_block():
    good = zlib.compress(bytes(1000))
    assert kernel([good] * 5) is None
    assert kernel([good, good[:-1] + b"x", good, b"nonsense"]) == 1
    assert kernel([good], most=999) == 0
    assert kernel([good, b""]) == 1


def test_a_zstd_block_is_held_to_the_checksum_it_carries():
    with_sum = Zstd(level=1, checksum=True).encode(bytes(1000))
    without = Zstd(level=1, checksum=False).encode(bytes(1000))
    changed = with_sum[:-1] + bytes([with_sum[-1] ^ 1])
    assert kernel([with_sum, without], codec="zstd") is None
    assert kernel([with_sum, changed], codec="zstd") == 1


@pytest.mark.parametrize("place", [(-1, 4), (0, 11), (4, 2**62), (2**62, 2**62)])
def test_places_outside_the_data_are_refused(place):
    with pytest.raises(ValueError, match="blocks: expected bytes within the 10 of data"):
        _core.first_damaged_block(np.zeros(10, np.uint8), np.array([place]), codec="deflate", most=10)
