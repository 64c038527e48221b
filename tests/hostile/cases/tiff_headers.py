"""Scenes whose TIFF directory says what cannot be."""

from __future__ import annotations

import struct

import numpy as np
import rasterio

from tests.hostile.box import Box, mask_is_of, small_dn
from tests.hostile.case import Made, accepted, refused
from tests.hostile.tiff_bytes import (
    BITS,
    COMPRESSION,
    HEIGHT,
    PREDICTOR,
    SAMPLES,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_SIZES,
    TILE_WIDTH,
    WIDTH,
    first_block,
    first_directory,
    set_items,
    set_next,
    set_tag,
)

BROKEN = (
    "not a readable GeoTIFF|header is damaged|damaged|cannot be read|truncated|too large|cannot be checked"
)


@refused(3, BROKEN)
def mask_tile_width_0(box: Box) -> Made:
    return box.mask(set_tag(box.scene(), TILE_WIDTH, value=0))


@refused(3, BROKEN)
def mask_tile_width_2_to_the_31(box: Box) -> Made:
    return box.mask(set_tag(box.scene(), TILE_WIDTH, value=1 << 31))


@refused(3, BROKEN)
def mask_tile_height_4_billion(box: Box) -> Made:
    return box.mask(set_tag(box.scene(), TILE_HEIGHT, value=0xFFFFFFF0))


@refused(3, BROKEN)
def mask_width_0(box: Box) -> Made:
    return box.mask(set_tag(box.scene(), WIDTH, value=0))


@refused(3, f"{BROKEN}|budget")
def mask_width_and_height_4_billion(box: Box) -> Made:
    path = set_tag(box.scene(), WIDTH, value=0xFFFFFFFF)
    return box.mask(set_tag(path, HEIGHT, value=0xFFFFFFFF))


@refused(3, f"{BROKEN}|budget|bands")
def mask_65535_samples(box: Box) -> Made:
    return box.mask(set_tag(box.scene(), SAMPLES, value=65535, kind=3))


@refused(3, f"{BROKEN}|bands")
def mask_no_samples(box: Box) -> Made:
    return box.mask(set_tag(box.scene(), SAMPLES, value=0, kind=3))


@refused(3, BROKEN)
def mask_unknown_compression(box: Box) -> Made:
    return box.mask(set_tag(box.scene(), COMPRESSION, value=54321, kind=3))


@refused(3, BROKEN)
def mask_deflate_said_to_be_lzw(box: Box) -> Made:
    return box.mask(set_tag(box.scene(), COMPRESSION, value=5, kind=3))


@refused(3, BROKEN)
def mask_unknown_predictor(box: Box) -> Made:
    return box.mask(set_tag(box.scene(predictor=2), PREDICTOR, value=7, kind=3))


@refused(3, f"{BROKEN}|bit|type")
def mask_bits_of_17(box: Box) -> Made:
    data = bytearray(box.scene().read_bytes())
    from tests.hostile.tiff_bytes import entries

    (start,) = struct.unpack_from("<I", data, entries(data)[BITS] + 8)
    struct.pack_into("<4H", data, start, 17, 17, 17, 17)
    return box.mask(box.write("bits.tif", bytes(data)))


@accepted(mask_is_of())
def mask_tags_beyond_counting(box: Box) -> Made:
    """An array of four billion tile offsets: those that the size of the scene calls for are read."""
    return box.mask(set_tag(box.scene(), TILE_OFFSETS, count=0xFFFFFFFF))


@refused(3, BROKEN)
def mask_directory_of_65535_entries(box: Box) -> Made:
    data = bytearray(box.scene().read_bytes())
    struct.pack_into("<H", data, struct.unpack_from("<I", data, 4)[0], 65535)
    return box.mask(box.write("entries.tif", bytes(data)))


@refused(3, BROKEN)
def mask_directory_beyond_the_end(box: Box) -> Made:
    data = bytearray(box.scene().read_bytes())
    struct.pack_into("<I", data, 4, 0xFFFFFFF0)
    return box.mask(box.write("beyond.tif", bytes(data)))


@accepted(mask_is_of())
def mask_directory_loop(box: Box) -> Made:
    """The second directory is the first again: only the first is a scene's."""
    path = box.scene()
    return box.mask(set_next(path, first_directory(path)))


@accepted(mask_is_of())
def mask_second_directory_nowhere(box: Box) -> Made:
    return box.mask(set_next(box.scene(), 0xFFFFFFF0))


@refused(3, BROKEN)
def mask_blocks_beyond_the_end(box: Box) -> Made:
    return box.mask(set_items(box.scene(), TILE_OFFSETS, 0xFFFFFF00))


@refused(3, BROKEN)
def mask_blocks_of_4_gigabytes(box: Box) -> Made:
    return box.mask(set_items(box.scene(), TILE_SIZES, 0xFFFFFFFF))


@refused(3, BROKEN)
def mask_blocks_of_one_byte(box: Box) -> Made:
    return box.mask(set_items(box.scene(), TILE_SIZES, 1))


@refused(3, BROKEN)
def mask_blocks_that_are_the_header(box: Box) -> Made:
    return box.mask(set_items(box.scene(), TILE_OFFSETS, 0, first=1))


@refused(3, "damaged")
def mask_one_flipped_bit(box: Box) -> Made:
    path = box.scene()
    place, size = first_block(path)
    data = bytearray(path.read_bytes())
    data[place + size // 2] ^= 1
    path.write_bytes(data)
    return box.mask(path)


@refused(3, "damaged")
def mask_flipped_checksum(box: Box) -> Made:
    path = box.scene()
    place, size = first_block(path)
    data = bytearray(path.read_bytes())
    data[place + size - 1] ^= 255
    path.write_bytes(data)
    return box.mask(path)


@refused(3, "geotransform|area|metres")
def mask_pixels_of_no_size(box: Box) -> Made:
    return box.mask(box.scene(transform=rasterio.Affine(0, 0, 5e5, 0, 0, 7.9e6)))


@refused(3, "geotransform|metres|finite")
def mask_pixels_of_nan(box: Box) -> Made:
    return box.mask(box.scene(transform=rasterio.Affine(float("nan"), 0, 5e5, 0, -3, 7.9e6)))


@refused(3, "metres")
def mask_pixels_of_a_thousand_kilometres(box: Box) -> Made:
    return box.mask(box.scene(transform=rasterio.Affine(1e6, 0, 5e5, 0, -1e6, 7.9e6)))


@refused(3, "metres|pixels|network|gsd|small")
def mask_pixels_of_a_micrometre(box: Box) -> Made:
    return box.mask(box.scene(transform=rasterio.Affine(1e-6, 0, 5e5, 0, -1e-6, 7.9e6)))


@refused(3, "infinite")
def mask_infinite_reflectance(box: Box) -> Made:
    values = (small_dn() / 1e4).astype(np.float32)
    values[2, 50, 50] = np.inf
    return box.mask(box.scene("inf.tif", values))


@refused(3, "complex|expected")
def mask_complex_numbers(box: Box) -> Made:
    return box.mask(box.scene("complex.tif", small_dn().astype(np.complex64), nodata=None))


@refused(3, "band")
def mask_two_bands(box: Box) -> Made:
    return box.mask(box.scene("two.tif", small_dn()[:2]))


@accepted(warns="all_nodata")
def mask_without_data(box: Box) -> Made:
    return box.mask(box.scene(dn=np.zeros((4, 96, 96), np.uint16)))


@accepted(mask_is_of(), warns="no_crs")
def mask_without_a_crs(box: Box) -> Made:
    return box.mask(box.scene(crs=None))


@accepted()
def mask_of_one_pixel(box: Box) -> Made:
    return box.mask(box.scene(dn=small_dn()[:, 40:41, 40:41], tiled=False))
