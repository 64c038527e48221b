"""Change single entries of a classic little-endian TIFF, as no writer would."""

from __future__ import annotations

import struct
from pathlib import Path

WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES, SAMPLE_FORMAT = 256, 257, 258, 259, 277, 339
PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES, SUB_IFDS = 317, 322, 323, 324, 325, 330
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 12: 8}


def entries(data: bytes | bytearray) -> dict[int, int]:
    """Tag to the place of its 12 bytes in the first directory."""
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    places = range(first + 2, first + 2 + 12 * count, 12)
    return {struct.unpack_from("<H", data, place)[0]: place for place in places}


def set_tag(
    path: Path, tag: int, *, value: int | None = None, count: int | None = None, kind: int = 4
) -> Path:
    """Overwrite count and value (as unsigned 32 bits) of an entry."""
    data = bytearray(path.read_bytes())
    place = entries(data)[tag]
    if count is not None:
        struct.pack_into("<I", data, place + 4, count)
    if value is not None:
        struct.pack_into("<H", data, place + 2, kind)
        struct.pack_into("<I", data, place + 8, value)
    path.write_bytes(data)
    return path


def set_items(path: Path, tag: int, value: int, *, first: int = 0) -> Path:
    """Overwrite the items of an array entry, from ``first`` on."""
    data = bytearray(path.read_bytes())
    place = entries(data)[tag]
    kind, count, start = struct.unpack_from("<HII", data, place + 2)
    code = {3: "<H", 4: "<I"}[kind]
    for number in range(first, count):
        struct.pack_into(code, data, start + number * _SIZES[kind], value)
    path.write_bytes(data)
    return path


def set_next(path: Path, offset: int) -> Path:
    """Say where the second directory is."""
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, offset)
    path.write_bytes(data)
    return path


def first_directory(path: Path) -> int:
    """Where it is."""
    return int(struct.unpack_from("<I", path.read_bytes(), 4)[0])


def first_block(path: Path) -> tuple[int, int]:
    """First byte and size of the first tile."""
    data = path.read_bytes()
    found = []
    for tag in (TILE_OFFSETS, TILE_SIZES):
        kind, count, start = struct.unpack_from("<HII", data, entries(data)[tag] + 2)
        code = {3: "<H", 4: "<I"}[kind]
        found.append(struct.unpack_from(code, data, start)[0] if count * _SIZES[kind] > 4 else start)
    return found[0], found[1]
