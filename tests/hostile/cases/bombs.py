"""200,000 x 200,000 pixels in a small file, each way of saying so; `tally` counts their seconds."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from tests.hostile.box import Box, small_dn
from tests.hostile.case import Made, refused
from tests.hostile.cases import qa, udm2
from tests.hostile.cases.stores import patches_there
from tests.hostile.cases.tiff_files import bomb, empty
from tests.hostile.tiff_bytes import HEIGHT, TILE_OFFSETS, TILE_SIZES, WIDTH, entries, set_tag

SIDE = 200_000


@refused(3, "budget")
def mask_bomb(box: Box) -> Made:
    return box.mask(bomb(box, 4, "uint16"))


@refused(3, "budget|too large")
def mask_bomb_in_strips(box: Box) -> Made:
    return box.mask(empty(box.inputs / "strips.tif", 4, "uint16", SIDE, tiled=False, blockysize=1))


@refused(3, "budget|too large")
def mask_bomb_in_one_strip(box: Box) -> Made:
    return box.mask(empty(box.inputs / "strip.tif", 1, "uint16", SIDE, tiled=False, blockysize=10_000))


@refused(3, "budget|too large")
def mask_bomb_by_bands(box: Box) -> Made:
    return box.mask(empty(box.inputs / "bands.tif", 8, "uint16", SIDE, interleave="band"))


@refused(3, "budget|too large")
def mask_bomb_in_zstd(box: Box) -> Made:
    return box.mask(empty(box.inputs / "zstd.tif", 4, "uint16", SIDE, compress="zstd", predictor=2))


@refused(3, "budget|too large")
def mask_bomb_in_lzw(box: Box) -> Made:
    return box.mask(empty(box.inputs / "lzw.tif", 4, "uint16", SIDE, compress="lzw"))


@refused(3, "budget|too large|pixels")
def mask_bomb_in_jpeg(box: Box) -> Made:
    return box.mask(empty(box.inputs / "jpeg.tif", 4, "uint8", SIDE, compress="jpeg"))


@refused(3, "budget|too large")
def mask_bomb_in_floats(box: Box) -> Made:
    return box.mask(empty(box.inputs / "floats.tif", 4, "float32", SIDE, predictor=3))


@refused(3, "budget|too large")
def mask_bomb_without_compression(box: Box) -> Made:
    """A file of 320 GB that takes no room on the disk."""
    path = empty(box.inputs / "plain.tif", 4, "uint16", SIDE, compress="none")
    os.truncate(path, 8 * SIDE * SIDE)
    return box.mask(path)


@refused(3, "")
def mask_bomb_by_its_header_alone(box: Box) -> Made:
    """The lists of blocks are those of 96 x 96 pixels."""
    path = box.scene("header.tif")
    return box.mask(set_tag(set_tag(path, WIDTH, value=SIDE), HEIGHT, value=SIDE))


@refused(3, "")
def mask_bomb_of_156_million_blocks(box: Box) -> Made:
    """Tiles of 16 x 16, whose lists are 1.2 GB of nothing on the disk."""
    path = box.scene("blocks.tif", small_dn(), blockxsize=16, blockysize=16)
    end, count = path.stat().st_size, (SIDE // 16) ** 2
    set_tag(set_tag(path, WIDTH, value=SIDE), HEIGHT, value=SIDE)
    data = bytearray(path.read_bytes())
    for number, tag in enumerate((TILE_OFFSETS, TILE_SIZES)):
        struct.pack_into("<HII", data, entries(data)[tag] + 2, 4, count, end + number * 4 * count)
    path.write_bytes(data)
    os.truncate(path, end + 8 * count)
    return box.mask(path)


@refused(3, "budget")
def labels_of_a_bomb(box: Box) -> Made:
    return qa.labels(box, bomb(box, 1, "uint16"))


@refused(3, "budget")
def labels_like_a_bomb(box: Box) -> Made:
    return qa.labels(box, qa.write_qa(box), bomb(box, 4, "uint16"))


def hollow(path: Path, bands: int, kind: str) -> None:
    """Put a bomb in the place of a file, which may be a link to one that others read."""
    path.unlink()
    empty(path, bands, kind, SIDE)


@refused(3, "budget", lines=2)
def patches_of_bombs_alone(box: Box) -> Made:
    for scene in box.take("world").glob("PSScene/*_AnalyticMS*.tif"):
        hollow(scene, 4, "uint16")
    return patches_there(box)


@refused(3, "budget", lines=2)
def patches_of_bombs_as_qa(box: Box) -> Made:
    for path in box.take("world").glob("landsat/*/*_QA_PIXEL.TIF"):
        hollow(path, 1, "uint16")
    return patches_there(box)


@refused(3, "budget")
def evaluate_a_bomb(box: Box) -> Made:
    udm2.pair(box)
    path = box.inputs / "set" / "images" / "x.tif"
    hollow(path, 4, "uint16")
    return udm2.evaluate(box)


@refused(3, "budget|expected 96 x 96")
def evaluate_against_a_bomb_of_a_mask(box: Box) -> Made:
    udm2.pair(box)
    path = box.inputs / "set" / "masks" / "x.tif"
    hollow(path, 1, "uint8")
    return udm2.evaluate(box)


@refused(3, "budget")
def compare_with_a_bomb(box: Box) -> Made:
    return udm2.compare(box, bomb(box, 1, "uint8"), udm2.write_mask(box))


@refused(3, "budget|expected the grid")
def compare_a_mask_with_a_bomb(box: Box) -> Made:
    return udm2.compare(box, udm2.write_mask(box), bomb(box, 8, "uint8"))


@refused(3, "budget|written by catfast")
def report_on_a_bomb(box: Box) -> Made:
    path = empty(box.inputs / "x_mask.tif", 1, "uint8", SIDE, blockxsize=8192, blockysize=8192)
    return udm2.report(box, path)
