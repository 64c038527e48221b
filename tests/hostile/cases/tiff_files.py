"""Scenes that are no plain file, or a TIFF that few writers make."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import rasterio

from tests.hostile.box import Box, mask_is_of, same_mask, small_dn
from tests.hostile.case import Made, accepted, refused


@refused(3, "not a regular file")
def mask_fifo(box: Box) -> Made:
    os.mkfifo(box.inputs / "pipe.tif")
    return box.mask(box.inputs / "pipe.tif")


@refused(3, "not a regular file")
def mask_dev_zero(box: Box) -> Made:
    return box.mask("/dev/zero")


@refused(3, "not a regular file")
def mask_link_to_dev_zero(box: Box) -> Made:
    (box.inputs / "zero.tif").symlink_to("/dev/zero")
    return box.mask(box.inputs / "zero.tif")


@refused(3, "not a regular file|expected a folder with scenes")
def mask_folder_called_tif(box: Box) -> Made:
    (box.inputs / "scene.tif").mkdir()
    return box.mask(box.inputs / "scene.tif")


@refused(3, "not a regular file|cannot be opened")
def mask_proc_mem(box: Box) -> Made:
    (box.inputs / "mem.tif").symlink_to("/proc/self/mem")
    return box.mask(box.inputs / "mem.tif")


@refused(3, "cannot be opened|no such file")
def mask_link_loop(box: Box) -> Made:
    (box.inputs / "loop.tif").symlink_to(box.inputs / "loop.tif")
    return box.mask(box.inputs / "loop.tif")


@refused(3, "no such file")
def mask_dangling_link(box: Box) -> Made:
    (box.inputs / "gone.tif").symlink_to(box.inputs / "nothing.tif")
    return box.mask(box.inputs / "gone.tif")


@refused(3, "cannot be opened|no such file")
def mask_name_too_long(box: Box) -> Made:
    return box.mask(box.inputs / ("a" * 300 + ".tif"))


@refused(3, r"a \[\.\.\.\] a")
def mask_name_beyond_a_message(box: Box) -> Made:
    """The message shows the beginning and the end of it."""
    return box.mask("a" * 100_000)


@refused(3, "does not start as a TIFF")
def mask_empty_file(box: Box) -> Made:
    return box.mask(box.write("empty.tif", b""))


@refused(3, "not a readable GeoTIFF")
def mask_magic_alone(box: Box) -> Made:
    return box.mask(box.write("magic.tif", b"II*\0"))


@refused(3, "not a readable GeoTIFF|damaged|truncated")
def mask_half_a_file(box: Box) -> Made:
    whole = box.scene().read_bytes()
    return box.mask(box.write("half.tif", whole[: len(whole) // 2]))


@refused(3, "truncated|damaged|not a readable")
def mask_without_its_last_byte(box: Box) -> Made:
    path = box.scene("cut.tif", compress=None)
    os.truncate(path, path.stat().st_size - 1)
    return box.mask(path)


@accepted(mask_is_of())
def mask_bigtiff(box: Box) -> Made:
    return box.mask(box.scene(BIGTIFF="YES"))


@accepted(mask_is_of())
def mask_big_endian(box: Box) -> Made:
    return box.mask(box.scene(ENDIANNESS="BIG"))


@accepted(mask_is_of())
def mask_planar_separate(box: Box) -> Made:
    return box.mask(box.scene(interleave="band"))


@accepted(mask_is_of())
def mask_predictor_2(box: Box) -> Made:
    return box.mask(box.scene(predictor=2))


def _reflectance_mask(box: Box) -> None:
    with rasterio.open(box.out / "m.tif") as mask:
        same_mask(mask.read(1))


@accepted(_reflectance_mask)
def mask_float_predictor_3(box: Box) -> Made:
    return box.mask(box.scene("float.tif", (small_dn() / 1e4).astype(np.float32), predictor=3))


@accepted(mask_is_of())
def mask_lzw_strips(box: Box) -> Made:
    return box.mask(box.scene(tiled=False, blockysize=1, blockxsize=96, compress="lzw"))


@accepted(mask_is_of())
def mask_zstd(box: Box) -> Made:
    return box.mask(box.scene(compress="zstd"))


@accepted(mask_is_of())
def mask_packbits(box: Box) -> Made:
    return box.mask(box.scene(compress="packbits"))


@accepted(mask_is_of())
def mask_sparse_blocks(box: Box) -> Made:
    return box.mask(box.scene(SPARSE_OK=True))


@refused(3, "8.bit|uint8|visual|reflectance")
def mask_jpeg_tiles(box: Box) -> Made:
    dn = (small_dn() >> 5).astype(np.uint8)
    return box.mask(box.scene("jpeg.tif", dn, compress="jpeg"))


@refused(3, "8.bit|uint8|visual|reflectance")
def mask_webp_tiles(box: Box) -> Made:
    dn = (small_dn() >> 5).astype(np.uint8)
    return box.mask(box.scene("webp.tif", dn, compress="webp"))


@refused(3, "--verify always needs deflate")
def mask_lzw_that_must_be_verified(box: Box) -> Made:
    return box.mask(box.scene(compress="lzw"), "--verify", "always")


def _several(path: Path) -> Path:
    """The first of these directories is the scene; the others are other pictures."""
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])
    other = small_dn(seed=9)
    with rasterio.open(path, "r+", driver="GTiff") as dataset:
        dataset.update_tags(NOTE="several directories")
    profile = {"driver": "GTiff", "count": 4, "height": 96, "width": 96, "dtype": "uint16"}
    with rasterio.open(path, "w", APPEND_SUBDATASET="YES", **profile) as dataset:
        dataset.write(other)
    return path


@accepted(mask_is_of())
def mask_several_directories(box: Box) -> Made:
    return box.mask(_several(box.scene()))


@accepted(mask_is_of())
def mask_stale_mask_sidecar(box: Box) -> Made:
    path = box.scene()
    nothing = np.zeros((1, 96, 96), np.uint8)
    box.scene("other.tif", nothing, nodata=None).rename(f"{path}.msk")
    return box.mask(path)


@accepted(mask_is_of())
def mask_stale_overviews(box: Box) -> Made:
    path = box.scene()
    box.scene("other.tif", small_dn(48, seed=5)).rename(f"{path}.ovr")
    return box.mask(path)


@accepted(mask_is_of())
def mask_stale_aux_xml(box: Box) -> Made:
    path = box.scene()
    box.write(
        f"{path.name}.aux.xml",
        '<PAMDataset><SRS>EPSG:3857</SRS><GeoTransform>0,1,0,0,0,1</GeoTransform><PAMRasterBand band="1">'
        "<NoDataValue>1000</NoDataValue></PAMRasterBand></PAMDataset>",
    )
    return box.mask(path)


@accepted(mask_is_of())
def mask_world_file_of_another_place(box: Box) -> Made:
    path = box.scene()
    box.write(path.with_suffix(".tfw").name, "30\n0\n0\n-30\n0\n0\n")
    return box.mask(path)


ORDER = ("nir", "red", "green", "blue")


def _as_named(box: Box) -> None:
    """The spoilt order has bright red and nir where blue is dark: what counts is found by name."""
    with rasterio.open(box.out / "m.tif") as mask:
        same_mask(mask.read(1))


@accepted(_as_named)
def mask_bands_in_another_order(box: Box) -> Made:
    return box.mask(box.scene("order.tif", small_dn()[::-1], descriptions=ORDER))


@refused(3, "band")
def mask_two_bands_of_one_name(box: Box) -> Made:
    return box.mask(box.scene("twice.tif", descriptions=("blue", "green", "red", "red")))


def bomb(box: Box, count: int, dtype: str) -> Path:
    """200,000 x 200,000 pixels in a file of some megabytes without a block."""
    return empty(box.inputs / "bomb.tif", count, dtype, 200_000)


def empty(path: Path, count: int, dtype: str, side: int, **more: object) -> Path:
    """A georeferenced file without a block."""
    profile = {"driver": "GTiff", "count": count, "height": side, "width": side, "dtype": dtype}
    place = {"crs": "EPSG:32604", "transform": rasterio.Affine(3, 0, 5e5, 0, -3, 7.9e6)}
    tiles = {"tiled": True, "blockxsize": 4096, "blockysize": 4096, "compress": "deflate"}
    with rasterio.open(path, "w", **profile, **place, **{**tiles, **more}, SPARSE_OK=True, BIGTIFF="YES"):
        pass
    return path


@refused(3, "too large to stream|budget")
def mask_one_block_of_a_gigapixel(box: Box) -> Made:
    return box.mask(empty(box.inputs / "block.tif", 4, "uint16", 30_000, blockxsize=16384, blockysize=16384))


@refused(3, "damaged|cannot be read|corrupt")
def mask_zip_bomb_of_one_block(box: Box) -> Made:
    """Deflate that inflates to far more than the tile that it stands for."""
    import zlib

    path = box.scene(interleave="band")
    body = zlib.compress(bytes(64 << 20), 9)
    from tests.hostile.tiff_bytes import TILE_OFFSETS, TILE_SIZES, set_items

    end = path.stat().st_size
    with path.open("ab") as file:
        file.write(body)
    set_items(path, TILE_OFFSETS, end)
    set_items(path, TILE_SIZES, len(body))
    return box.mask(path)


@refused(3, "")
def mask_other_tiff_dialect(box: Box) -> Made:
    """The magic of a TIFF-like camera format."""
    return box.mask(box.write("raw.tif", b"IIU\0" + struct.pack("<I", 8) + bytes(100)))
